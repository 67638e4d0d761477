"""The width and height of a picture, and what kind it is, from the first bytes of its data: PNG, JPEG, GIF, WebP.

Input      base64, of either alphabet; what is no base64 in it is passed over.
Output     size_of, mime_of; None and "" where the bytes do not say. decoded: the bytes.
Guarantees nothing is opened, and no pixel read.
"""

import base64
import binascii
import re
import struct

_HEAD = 400_000  # characters of base64 in which a size is looked for; a JPEG may begin with a preview


def size_of(data: str) -> tuple[int, int] | None:
    """Return width and height of a picture in base64; None if its first bytes do not say."""
    return _size_in(decoded(data[:_HEAD])) if data else None


def decoded(data: str) -> bytes:
    """Decode as much base64 as is sound."""
    data = data if data.isascii() else ""
    text = re.sub(r"[^A-Za-z0-9+/]", "", data.translate({ord("-"): "+", ord("_"): "/"}))
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except binascii.Error:
        return b""


def _size_in(head: bytes) -> tuple[int, int] | None:
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
    elif head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        width, height = struct.unpack("<HH", head[6:10])
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        width, height = _size_of_webp(head)
    elif head[:2] == b"\xff\xd8":
        width, height = _size_of_jpeg(head)
    else:
        return None
    return (width, height) if width > 0 and height > 0 else None


def _size_of_webp(head: bytes) -> tuple[int, int]:
    if head[12:16] == b"VP8X" and len(head) >= 30:
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if head[12:16] == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if head[12:16] == b"VP8 " and len(head) >= 30:
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _size_of_jpeg(head: bytes) -> tuple[int, int]:
    """Walk over the segments to the frame's head, which has the size."""
    place = 2
    while place + 9 <= len(head):
        if head[place] != 0xFF:
            return 0, 0
        marker = head[place + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD9 or marker == 0x01:
            place += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[place + 5 : place + 9])
            return width, height
        place += 2 + struct.unpack(">H", head[place + 2 : place + 4])[0]
    return 0, 0


def mime_of(data: str) -> str:
    """Return a picture's MIME type."""
    head = decoded(data[:32])
    kinds = {b"\x89PNG": "png", b"GIF8": "gif", b"RIFF": "webp", b"\xff\xd8\xff": "jpeg"}
    return next((f"image/{name}" for start, name in kinds.items() if head.startswith(start)), "")
