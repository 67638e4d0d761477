"""Why a loop is slow here, in the names of its own code, and the mended loop; and what is wrong with a rewrite of another."""
