"""Sessions of other frameworks as memories, and back, each in its own kind of message."""
