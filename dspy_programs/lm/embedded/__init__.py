"""llama.cpp in this process, or in another one of the same user."""
