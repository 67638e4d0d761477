"""The folder that the agent may touch, and the sandbox in which it runs commands."""
