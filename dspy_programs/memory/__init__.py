"""An agent's memory within a budget of tokens: facts stay, the rest can be restored."""
