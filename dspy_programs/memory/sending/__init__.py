"""What is sent of a memory: chat messages that the strictest APIs accept, and their tokens."""
