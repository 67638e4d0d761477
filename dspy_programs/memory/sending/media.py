"""Pictures, sound, video and files in a message: read from any dialect, priced as the target does, written for a chat API.

A part names what it holds in OpenAI's form, Anthropic's, Gemini's, Bedrock's or LangChain's. A picture behind a link or an id
has the largest size of its target.

Output     read(part) -> Media, None for a part that is none of these; tokens_of(media, price) -> int, never 0;
           as_part(media) -> the part for OpenAI's chat API, None if that has no form for it.
Guarantees nothing is opened or fetched. Sound, video and files are estimated on the high side: by their bytes, a PDF by its
           pages if they can be counted, and as the largest that is accepted if only a link or an id is given.

| target | a picture |
|---|---|
| gpt-4o, gpt-4.1, gpt-4.5, gpt-4-turbo | 85, and 170 a tile of 512 px after scaling to 2048 and 768 px; low detail: 85 |
| gpt-4o-mini | 2833, and 5667 a tile |
| o1, o3 | 75, and 150 a tile |
| gpt-5 | 70, and 140 a tile |
| gpt-4.1-mini, gpt-5-mini; -nano; o4-mini | patches of 32 px, at most 1536, times 1.62; 2.46; 1.72 |
| claude | width * height / 750, at most 1600; 4784 from 4.7 on |
| gemini | 258 up to 384 px, else 258 a tile of two thirds of the shorter side (256 to 768 px); at most 4128 |
| gemini-3 | 1120, the default resolution |
| any other | the most that gpt-4o, claude or gemini asks |

Source     OpenAI, "Images and vision"; Anthropic, "Vision" and "PDF support"; Google, "Understand and count tokens".
Sound: at most 32 tokens a second (Gemini; OpenAI has 10). A page of a PDF: at most 3,000 tokens and a picture (Anthropic).
"""

import base64
import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from dspy_programs.memory.sending.picture_size import decoded, mime_of, size_of

Kind = Literal["image", "audio", "video", "file"]
Price = Callable[[int, int, bool], int]
"""(width, height, low detail) -> tokens of a picture."""

_LARGEST = ((16_384, 16_384), (16_384, 6_144))  # a picture of unknown size: every rule has its limit below one of these
_SOUND_TOKENS = 32  # a second
_FEWEST_BYTES = 20  # of sound or video for one of its tokens: 640 bytes a second, less than any codec for speech
_PAGE_TOKENS = 3000
_MOST_PAGES = 100  # of a PDF that is only linked
_PAGE = re.compile(rb"/Type\s*/Page[^s\w]")
_KINDS: dict[str, Kind] = {"image": "image", "audio": "audio", "video": "video"}
_TYPES: dict[str, Kind] = {
    **dict.fromkeys(("image", "image_url", "input_image"), "image"),
    **dict.fromkeys(("audio", "input_audio", "audio_url"), "audio"),
    **dict.fromkeys(("video", "video_url", "input_video"), "video"),
    **dict.fromkeys(("file", "document", "input_file", "media"), "file"),
}
_KEYS = ("inline_data", "inlineData", "file_data", "fileData", "image", "document", "video", "audio")
_SOUNDS = {"wav": "wav", "x-wav": "wav", "wave": "wav", "mp3": "mp3", "mpeg": "mp3"}
_DATA_URL = re.compile(r"data:(?P<mime>[^;,]*)(?:;[^,]*)?,", re.IGNORECASE)


class Media(NamedTuple):
    """One picture, sound, video or file. data: base64, without its URL's head; link: a URL; id: with the provider."""

    kind: Kind
    mime: str = ""
    data: str = ""
    link: str = ""
    id: str = ""
    name: str = ""
    low: bool = False


def read(part: Any) -> Media | None:
    """Read a part of a content in any dialect; None for one that holds no picture, sound, video or file."""
    if not isinstance(part, Mapping):
        return None
    kind = part.get("type")
    if isinstance(kind, str) and kind in _TYPES:
        declared = _TYPES[kind]
    elif "type" not in part and (key := next((key for key in _KEYS if isinstance(part.get(key), Mapping)), None)):
        declared = _TYPES.get(key, "file")
    else:
        return None
    held = dict(_texts_in(part))
    mime = _first(held, "mime_type", "mimeType", "media_type", "mediaType", "format") or ""
    link = _first(held, "url", "uri", "file_uri", "fileUri", "image_url", "file_url", "video_url", "audio_url") or ""
    data = _first(held, "data", "base64", "bytes", "file_data", "fileData") or ""
    for text in (link, data):
        if found := _DATA_URL.match(text):
            mime, data, link = found["mime"] or mime, text[found.end() :], "" if text is link else link
    if held.get("source_type") == "text" or held.get("type") == "text":
        return None  # a document that is a text, read as such
    id_ = _first(held, "file_id", "fileId", "id") or ""
    if not (data or link or id_):
        return None
    name = _first(held, "filename", "name", "title") or ""
    return Media(_kind(declared, mime, data), mime, data, link, id_, name, held.get("detail") == "low")


def _texts_in(part: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the texts of a part and of the objects in it, by key."""
    for key, value in part.items():
        if isinstance(value, str) and not (key == "type" and depth == 0):
            yield str(key), value
        elif isinstance(value, (bytes, bytearray)):
            yield str(key), base64.b64encode(value).decode()
        elif isinstance(value, Mapping) and depth < 3:
            yield from _texts_in(value, depth + 1)


def _first(held: Mapping[str, str], *keys: str) -> str | None:
    return next((held[key] for key in keys if held.get(key)), None)


def _kind(declared: Kind, mime: str, data: str) -> Kind:
    """Prefer what the first bytes say, then the declared type of the data, then that of the part."""
    if data and size_of(data[:64]) is not None:
        return "image"
    return _KINDS.get(mime.partition("/")[0].lower(), "file" if "pdf" in mime.lower() else declared)


def tokens_of(media: Media, price: Price) -> int:
    """Return the tokens of a picture by the target's price, of anything else an estimate on the high side."""
    if media.kind == "image":
        size = size_of(media.data)
        return max(1, *(price(wide, high, media.low) for wide, high in ([size] if size else _LARGEST)))
    page = _PAGE_TOKENS + max(price(wide, high, False) for wide, high in _LARGEST)
    if not media.data:
        return _MOST_PAGES * page
    length = len(media.data) * 3 // 4
    if media.kind in ("audio", "video"):
        return max(_SOUND_TOKENS, _of_wave(media.data, length) or length // _FEWEST_BYTES)
    pages = len(_PAGE.findall(decoded(media.data))) if "pdf" in media.mime.lower() or media.data.startswith("JVBERi") else 0
    return pages * page if pages else max(page, length)


def _of_wave(data: str, size: int) -> int:
    """Return the tokens of a WAV file, 0 for another: its head says how many bytes a second has."""
    head = decoded(data[:64])
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE" or len(head) < 32:
        return 0
    rate = struct.unpack("<I", head[28:32])[0]
    return math.ceil(_SOUND_TOKENS * size / rate) if rate >= 1000 else 0


def _within(width: int, height: int, longest: float, shortest: float) -> tuple[float, float]:
    """Scale a size down until its longer and its shorter side are at most so long."""
    share = min(1.0, longest / max(width, height), shortest / min(width, height))
    return width * share, height * share


def _tiles(base: int, tile: int) -> Price:
    def price(width: int, height: int, low: bool) -> int:
        wide, high = _within(width, height, 2048, 768)
        return base if low else base + tile * math.ceil(wide / 512) * math.ceil(high / 512)

    return price


def _patches(factor: float) -> Price:
    def price(width: int, height: int, low: bool) -> int:
        return math.ceil(factor * min(1536, math.ceil(width / 32) * math.ceil(height / 32)))

    return price


def _by_area(most: int) -> Price:
    def price(width: int, height: int, low: bool) -> int:
        return min(most, math.ceil(width * height / 750))

    return price


def _gemini(width: int, height: int, low: bool) -> int:
    if max(width, height) <= 384:
        return 258
    wide, high = _within(width, height, 3072, 3072)
    unit = min(768, max(256, math.floor(min(wide, high) / 1.5)))
    return min(4128, 258 * math.ceil(wide / unit) * math.ceil(high / unit))


def _flat(tokens: int) -> Price:
    return lambda width, height, low: tokens


def _most(width: int, height: int, low: bool) -> int:
    return max(price(width, height, False) for price in (_tiles(85, 170), _by_area(1600), _gemini))


_PRICES: tuple[tuple[str, Price], ...] = (
    (r"gpt-4o-mini", _tiles(2833, 5667)),
    (r"gpt-[45](\.\d+)?-mini", _patches(1.62)),
    (r"gpt-[45](\.\d+)?-nano", _patches(2.46)),
    (r"o\d-mini", _patches(1.72)),
    (r"o\d", _tiles(75, 150)),
    (r"gpt-5(-|$)", _tiles(70, 140)),
    (r"gpt-4|chatgpt", _tiles(85, 170)),
    (r"claude-([a-z]+-)?([5-9]|4[.-][7-9])(?!\d)", _by_area(4784)),
    (r"claude", _by_area(1600)),
    (r"gemini-[3-9]", _flat(1120)),
    (r"gemini", _gemini),
)


@cache
def price_for(model: str) -> Price:
    """Return what a picture costs with a model, by its bare name; the first rule that matches; gpt-4o's for ""."""
    return next((price for name, price in _PRICES if re.match(name, model or "gpt-4o")), _most)


def as_part(media: Media) -> dict[str, Any] | None:
    """Return the part of a user's message in OpenAI's chat API; None for what it has no form for."""
    inline = f"data:{media.mime or 'application/octet-stream'};base64,{media.data}" if media.data else ""
    if media.kind == "image" and (media.data or media.link):
        mime = media.mime if media.mime.startswith("image/") else mime_of(media.data) or f"image/{media.mime or 'png'}"
        url = f"data:{mime};base64,{media.data}" if media.data else media.link
        return {"type": "image_url", "image_url": {"url": url, **({"detail": "low"} if media.low else {})}}
    form = _SOUNDS.get(media.mime.rpartition("/")[2].lower())
    if media.kind == "audio" and media.data and form:
        return {"type": "input_audio", "input_audio": {"data": media.data, "format": form}}
    if media.kind == "file" and (inline or media.id):
        name = {"filename": media.name or "file"} if inline else {}
        return {"type": "file", "file": {"file_data": inline, **name} if inline else {"file_id": media.id}}
    return None
