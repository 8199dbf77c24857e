"""A service like osv.dev on loopback, which knows one vulnerability."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAME, VERSION = "jinja2", "2.4.1"
AFFECTED = {
    "package": {"name": NAME, "ecosystem": "PyPI"},
    "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "2.7.2"}]}],
}
ADVISORY = {
    "id": "PYSEC-2014-8",
    "modified": "2024-01-01T00:00:00Z",
    "summary": "It leaks.",
    "affected": [AFFECTED],
}


class Handler(BaseHTTPRequestHandler):
    """Answers one query (pip-audit) or many (uv), and gives the advisory itself."""

    def do_GET(self) -> None:
        self.answer(ADVISORY)

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = [self.find(each) for each in query.get("queries", [query])]
        self.answer({"results": found} if "queries" in query else found[0])

    def find(self, query: Any) -> dict[str, Any]:
        """Return what is known of a version of a package."""
        is_known = (query["package"]["name"], query["version"]) == (NAME, VERSION)
        return {"vulns": [ADVISORY]} if is_known else {}

    def answer(self, content: object) -> None:
        """Send JSON."""
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextlib.contextmanager
def advisory_service() -> Iterator[str]:
    """Give the address of a running service."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
