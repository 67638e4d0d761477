"""What the agent can do: its tools, one file a kind, and how tools from elsewhere come in."""
