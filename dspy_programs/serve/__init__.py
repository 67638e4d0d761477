"""The tools for other programs: MCP, A2A and REST."""
