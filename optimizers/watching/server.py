"""A page over HTTP on this machine, made anew for every request.

Guarantees it listens on loopback only, answers GET of one address, and no request that names another host: a page of the web
           cannot read it through a name of its own that leads here.
"""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dspy_programs.errors import UsageError
from optimizers.watching.pages import page_of_run

REFRESH = 5  # seconds


def serve(folder: Path, port: int, started: Callable[[str], None]) -> None:
    """Serve the page of a run until Ctrl-C. started: told of the address. Raises UsageError for a port that is taken."""
    page_of_run(folder)
    with server_of(folder, port) as server:
        started(f"http://127.0.0.1:{server.server_port}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def server_of(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return the server, which listens already; port 0: any that is free. Raises UsageError for one that is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/" or (self.headers.get("Host") or "").partition(":")[0] not in ("127.0.0.1", "localhost"):
                self.send_error(404)
                return
            try:
                page = page_of_run(folder, REFRESH)
            except UsageError:  # between two runs in the same folder
                self.send_error(503, "nothing to show yet")
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a page that is loaded every few seconds is no news."""

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise UsageError(f"--port {port}: {error.strerror}; give another") from error
