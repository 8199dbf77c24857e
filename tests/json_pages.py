"""A package index on loopback that has the JSON pages of the machine's own index.

pip-compile reads the hashes of files from ``/pypi/<name>/json`` (some versions of it
from ``/<name>/json``). Where an index lacks these pages it downloads every file of a
release, minutes of work for what the simple pages say anyway: this index makes both
kinds of pages from the simple ones. Files are not served: the links lead to where they
have always led.

Its pages list the newest releases only: pip reads every link of a page, some of which
have tens of thousands, and a project's requirements allow none of the old ones.

    python tests/json_pages.py UPSTREAM     prints its own address, and serves
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from functools import cache
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urldefrag, urljoin

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

SIMPLE = "application/vnd.pypi.simple.v1+json"
NEWEST = 12  # releases of a project


class Links(HTMLParser):
    """Gathers the attributes of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def kind_and_version(filename: str) -> tuple[str, Version]:
    """Return a file's packagetype and version.

    Raises:
        ValueError: it is neither a wheel nor an sdist.
    """
    try:
        if filename.endswith(".whl"):
            return "bdist_wheel", parse_wheel_filename(filename)[1]
        return "sdist", parse_sdist_filename(filename)[1]
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise ValueError(filename) from error


@cache
def files_of(upstream: str, name: str) -> list[dict[str, Any]]:
    """Return the files of a project, as PEP 691 describes them."""
    page = f"{upstream}/{name}/"
    asked = urllib.request.Request(page, headers={"Accept": "text/html"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        links = Links()
        links.feed(answer.read().decode("utf-8"))
    files = []
    for link in links.found:
        url, digest = urldefrag(urljoin(page, link["href"] or ""))
        file: dict[str, Any] = {"url": url, "filename": url.rpartition("/")[2]}
        file["hashes"] = {"sha256": digest.removeprefix("sha256=")}
        if link.get("data-requires-python"):
            file["requires-python"] = link["data-requires-python"]
        file["yanked"] = "data-yanked" in link
        files.append(file)
    return newest(files)


def newest(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the files of the newest releases."""
    versions: dict[str, Version] = {}
    for file in files:
        with contextlib.suppress(ValueError):
            versions[file["filename"]] = kind_and_version(file["filename"])[1]
    kept = sorted({*versions.values()})[-NEWEST:]
    return [file for file in files if versions.get(file["filename"]) in kept]


def simple_page(upstream: str, name: str) -> dict[str, Any]:
    """Return the simple page of a project (PEP 691)."""
    files = files_of(upstream, name)
    return {"meta": {"api-version": "1.0"}, "name": name, "files": files}


def json_page(upstream: str, name: str) -> dict[str, Any]:
    """Return the JSON page of a project: version to files, with their hashes."""
    releases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file in files_of(upstream, name):
        kind, version = kind_and_version(file["filename"])
        entry = {"packagetype": kind, "url": file["url"], "digests": file["hashes"]}
        releases[str(version)].append(entry)
    return {"releases": releases}


class Handler(BaseHTTPRequestHandler):
    """Answers for both kinds of pages."""

    upstream = ""

    def do_GET(self) -> None:
        """Answer with a page, or with the status that the index itself gave."""
        simple = re.fullmatch(r"/simple/([\w.-]+)/", self.path)
        in_json = re.fullmatch(r"(?:/pypi)?/([\w.-]+)/json", self.path)
        try:
            if simple:
                page, kind = simple_page(self.upstream, simple[1]), SIMPLE
            elif in_json:
                page, kind = json_page(self.upstream, in_json[1]), "application/json"
            else:
                self.send_error(404)
                return
        except urllib.error.HTTPError as error:
            self.send_error(error.code)
            return
        except OSError:
            self.send_error(502)
            return
        body = json.dumps(page).encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serve(upstream: str) -> ThreadingHTTPServer:
    """Return a server on a free port of loopback, not started yet."""
    handler = type("Bound", (Handler,), {"upstream": upstream.rstrip("/")})
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


if __name__ == "__main__":
    server = serve(sys.argv[1])
    print(f"http://127.0.0.1:{server.server_port}/simple", flush=True)
    server.serve_forever()
