"""Fetch a page of the public web.

Input      an http or https address.
Output     the page's text, cut; markup is left out.
Guarantees only public addresses are reached: what counts is the address that the connection was made to, before anything is
           sent, at every redirection, so that no name that changes its meaning leads into this network; no file, no key, no
           cookie is sent; size and time are limited.
Raises     ToolError.
"""

import html.parser
import http.client
import ipaddress
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from dspy_programs.agent.tools.tool import Scope, ToolError, tool

MOST_BYTES = 2_000_000
_SHOWN = 8_000  # characters
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # addresses of IPv4, private ones too, behind a gateway
_SILENT = {"script", "style", "noscript", "template", "svg", "head"}
_BLOCKS = {"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "article", "table", "ul", "ol"}


class Page(NamedTuple):
    status: int
    kind: str
    """The media type, without parameters."""
    text: str


@tool(effect="runs")
def http_get(scope: Scope, url: str) -> str:
    """Fetch a web page or a text file from the internet by its address."""
    page = fetch(url, seconds=scope.seconds)
    if page.status >= 400:
        raise ToolError(f"{url}: the server answered {page.status}: {page.text[:200]}")
    text = readable(page)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n[cut here: {len(text):,} characters]"


def fetch(
    url: str,
    *,
    seconds: float,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    anywhere: bool = False,
) -> Page:
    """Send one request. anywhere: private addresses too, for servers that the user configured. Raises ToolError."""
    _check(url)
    told = {"User-Agent": "dspy-programs", "Accept-Encoding": "identity", **(headers or {})}
    try:
        request = urllib.request.Request(url, data=body, headers=told, method=method)
        until = time.monotonic() + seconds
        with _opener(anywhere).open(request, timeout=max(0.1, min(seconds, 20))) as answer:
            return _page(answer, until)
    except urllib.error.HTTPError as error:
        with error:
            return _page(error, time.monotonic() + 2)
    except urllib.error.URLError as error:
        raise ToolError(f"{url[:200]}: cannot be reached: {error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ToolError(f"{url[:200]}: cannot be fetched: {type(error).__name__}: {error}") from None


def _check(url: str) -> None:
    """Refuse an address that is none, or that carries a name or a password."""
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ToolError(f"{url[:200]!a}: give an address that begins with https://")
    if parts.username is not None:
        raise ToolError("an address with a name or a password in it is not fetched")


def _opener(anywhere: bool) -> urllib.request.OpenerDirector:
    """Return what sends requests: http and https only, no proxy, no cookie."""
    opener = urllib.request.OpenerDirector()
    plain, secure = _Plain(), _Secure()
    plain.anywhere = secure.anywhere = anywhere
    for handler in (plain, secure, urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor()):
        opener.add_handler(handler)
    opener.add_handler(urllib.request.UnknownHandler())
    if not anywhere:  # the key of a configured server is not carried on to others
        opener.add_handler(urllib.request.HTTPRedirectHandler())
    return opener


class _Plain(urllib.request.HTTPHandler):
    anywhere = False

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connection(http.client.HTTPConnection, self.anywhere), req)


class _Secure(urllib.request.HTTPSHandler):
    anywhere = False

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connection(http.client.HTTPSConnection, self.anywhere), req)


def _connection(kind: type[http.client.HTTPConnection], anywhere: bool) -> Any:
    """Return a maker of connections that look where they lead before they send anything."""

    def make(host: str, **options: Any) -> http.client.HTTPConnection:
        connection = kind(host, **options)
        if not anywhere:
            connection._create_connection = _public  # type: ignore[attr-defined]
        return connection

    return make


def _public(address: tuple[str, int], timeout: float = 20, source: Any = None) -> socket.socket:
    connected = socket.create_connection(address, timeout, source)
    reached = ipaddress.ip_address(connected.getpeername()[0].partition("%")[0])
    actual = getattr(reached, "ipv4_mapped", None) or reached
    if not actual.is_global or actual.is_multicast or actual in _TRANSLATED:
        connected.close()
        raise OSError(f"{address[0]} is in a private network ({actual})")
    return connected


def _page(answer: Any, until: float) -> Page:
    """Read an answer piece by piece, up to the limits."""
    data = b""
    while len(data) <= MOST_BYTES and (piece := answer.read1(65_536)):
        data += piece
        if time.monotonic() > until:
            raise TimeoutError("no time left")
    if len(data) > MOST_BYTES:
        data = data[:MOST_BYTES]
    kind = answer.headers.get_content_type()
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise ValueError("the answer is compressed, though that was not asked for")
    if b"\0" in data[:8192]:
        raise ValueError(f"the answer is not a text ({kind})")
    charset = answer.headers.get_content_charset() or "utf-8"
    try:
        return Page(answer.status, kind, data.decode(charset, "replace"))
    except LookupError:
        return Page(answer.status, kind, data.decode("utf-8", "replace"))


def readable(page: Page) -> str:
    """Return a page's text without markup."""
    if "html" not in page.kind:
        return page.text
    reader = _Text()
    reader.feed(page.text)
    lines = (" ".join(line.split()) for line in "".join(reader.parts).splitlines())
    return "\n".join(line for line in lines if line)


class _Text(html.parser.HTMLParser):
    """Collects what a reader would see."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
