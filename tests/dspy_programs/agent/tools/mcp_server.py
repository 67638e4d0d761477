"""An MCP server for the tests: python mcp_server.py [port]. It answers, fails, hangs and dies, each when it is asked to."""

import os
import sys
import time

from mcp.server.mcpserver import MCPServer

server = MCPServer("notes")


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool()
def fail(why: str) -> str:
    """Fail, saying why."""
    raise ValueError(why)


@server.tool(name="odd name!")
def environment() -> str:
    """Tell the names of the variables that this program got."""
    return " ".join(sorted(os.environ))


@server.tool()
def hang() -> str:
    """Take very long."""
    time.sleep(60)
    return "late"


@server.tool()
def die() -> str:
    """End at once."""
    os._exit(3)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run("stdio")
