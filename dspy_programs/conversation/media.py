"""What a text says of a part that is no text: `(image)`, `(image: cdn.example.com)`, `(file: offer.pdf)`.

Input      a part of a message in any dialect: a picture, a sound, a film, a file, or a kind that nobody knows.
Output     media_of: what it is, None for a part that is none. mark_of: its mark, with its name or the host of its URL.
           readable: the value without what only a program reads (base64, encrypted texts).
Guarantees no base64 and no part of a URL behind its host is in a mark: a URL may carry a key.
"""

import re
from typing import Any
from urllib.parse import urlsplit

_WORDS = ("image", "audio", "video", "file", "document")
_KINDS = {
    **{kind: "image" for kind in ("image_url", "input_image", "output_image", "image_generation_call")},
    **{kind: "audio" for kind in ("input_audio", "output_audio", "audio_url")},
    **{kind: "video" for kind in ("input_video", "video_url")},
    **{kind: "file" for kind in ("input_file", "container_upload", "media")},
    **{kind: kind for kind in _WORDS},
}
_KEYS = ("inlineData", "inline_data", "fileData", "file_data", "image", "audio", "document", "video", "data")
_TYPES = ("mimeType", "mime_type", "mediaType", "media_type", "contentType")
_NAMES = ("filename", "fileName", "file_name", "displayName", "display_name", "name", "title")
_URLS = ("url", "uri", "fileUri", "file_uri", "image_url", "file_url", "audio_url", "video_url", "image", "document", "file")
_LONGEST = 60  # characters of a name
_BLOB = re.compile(r"(?:data:[^,\s]{1,100},)?[A-Za-z0-9+/_-]{120,}={0,2}")


def media_of(part: dict[str, Any]) -> str | None:
    """Return "image", "audio", "video", "file" or "document" for a part that is one."""
    kind = part.get("type")
    if isinstance(kind, str):
        return _of_mime(part) or _KINDS[kind] if kind in _KINDS else None
    key = None if "type" in part else next((key for key in _KEYS if part.get(key)), None)
    if key is None:
        return None
    held = part[key] if isinstance(part[key], dict) else part
    return _KINDS.get(key) or _of_mime(held) or ("image" if key == "data" else "file")


def _of_mime(part: dict[str, Any]) -> str | None:
    held = next((part[key] for key in _TYPES if isinstance(part.get(key), str)), "")
    word = held.partition("/")[0]
    return word if word in ("image", "audio", "video") else None


def mark_of(kind: str, part: Any) -> str:
    """Return the mark of a part: what it is, and its name or where it is."""
    held = [part, *part.values()] if isinstance(part, dict) else []
    held = [one for one in held if isinstance(one, dict)]
    names = (one[key] for one in held for key in _NAMES if isinstance(one.get(key), str) and one[key].strip())
    hosts = (host for one in held for key in _URLS if isinstance(one.get(key), str) and (host := _host_of(one[key])))
    name = " ".join((next(names, None) or next(hosts, "")).split())
    return f"({kind}: {name[:_LONGEST]})" if name and not _BLOB.fullmatch(name) else f"({kind})"


def _host_of(url: str) -> str:
    try:
        found = urlsplit(url[:2000])
        return found.hostname or "" if found.scheme not in ("", "data") else ""
    except ValueError:
        return ""


def readable(value: Any) -> Any:
    """Return a value with a word in the place of each long text that only a program reads."""
    if isinstance(value, str):
        return "(data)" if len(value) > 120 and _BLOB.fullmatch(value) else value
    if isinstance(value, list):
        return [readable(item) for item in value]
    return {key: readable(item) for key, item in value.items()} if isinstance(value, dict) else value
