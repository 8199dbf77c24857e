"""A package index for pip-tools, where the machine's own lacks what it reads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pip._internal.models.index import PyPI

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from json_pages import serve


@contextmanager
def json_pages() -> Iterator[str]:
    """Serve the JSON pages that pip-compile asks for; yield the index's address."""
    server = serve(os.environ.get("PIP_INDEX_URL") or PyPI.simple_url)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
