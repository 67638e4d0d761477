"""llama.cpp in this process, or in another process of the same user."""
