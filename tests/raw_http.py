"""An HTTP client that costs little and does what others will not: it stops in the middle, and reads slowly or never."""

import asyncio
import json
import socket
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    body: bytes
    fields: dict[bytes, bytes]
    """of the head, their names in lower case"""


class Connection:
    """One connection to a server on loopback; it stays open for as many requests as one likes."""

    def __init__(self, port: int, source: str = "127.0.0.1", receive_bytes: int | None = None) -> None:
        """source: the address it comes from; receive_bytes: of the system's buffer, so that a slow reader is one."""
        self.port, self.source, self.receive_bytes = port, source, receive_bytes
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> "Connection":
        link = socket.socket()
        link.setblocking(False)
        if self.receive_bytes:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_bytes)
        link.bind((self.source, 0))
        try:
            await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", self.port))
        except OSError:
            link.close()
            raise
        self.reader, self.writer = await asyncio.open_connection(sock=link, limit=2**24)
        return self

    async def __aexit__(self, *error: object) -> None:
        self.writer.close()

    async def ask(self, request: bytes) -> Answer:
        self.writer.write(request)
        await self.writer.drain()
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        fields = {name.lower(): value for name, value in fields.items()}
        if b"content-length" in fields:
            return Answer(status, await self.reader.readexactly(int(fields[b"content-length"])), fields)
        pieces = []
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            pieces.append((await self.reader.readexactly(size + 2))[:-2])
        await self.reader.readexactly(2)
        return Answer(status, b"".join(pieces), fields)


def post(path: str, body: Any, **fields: str) -> bytes:
    """Return a whole request. body: JSON, or bytes as they are; fields: of the head, with _ for -."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"Content-Length: {len(content)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def mcp_session(connection: Connection, **fields: str) -> str:
    """Begin a session; return its id, for the field Mcp-Session-Id."""
    who = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    begin = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": who}
    answer = await connection.ask(post("/mcp", begin, **fields))
    return answer.fields[b"mcp-session-id"].decode()


def mcp_call(tool: str, arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def a2a_call(content: Any, **configuration: Any) -> dict[str, Any]:
    message = {"messageId": "m", "role": "user", "kind": "message", "parts": [{"kind": "data", "data": content}]}
    params = {"message": message, "configuration": configuration}
    return {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": params}
