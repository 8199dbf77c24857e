"""A package index on loopback that has the JSON pages of the machine's own index.

pip-compile reads the hashes of files from ``/pypi/<name>/json`` (some versions of it
from ``/<name>/json``). Where an index lacks these pages it downloads every file of a
release, minutes of work for what the simple pages say anyway: this index makes both
kinds of pages from the simple ones. Files are not served: the links lead to where they
have always led.

There are its pages below ``/near`` too, where the links lead to this index, which sends
whoever follows them on to the files, and has the metadata of each wheel beside it (PEP
658): it reads them from the wheel's end. They serve those who write no link down.

Its pages list the newest releases only: pip reads every link of a page, some of which
have tens of thousands, and a project's requirements allow none of the old ones. What it
has read it keeps, if it is told where: pages for a day, metadata for good.

    python tests/json_pages.py UPSTREAM [DIRECTORY]   prints its address, and serves
"""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
import re
import shutil
import sys
import urllib.error
import urllib.request
import zipfile
from collections import defaultdict
from collections.abc import Callable
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import get_ident
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

SIMPLE = "application/vnd.pypi.simple.v1+json"
NEWEST = 12  # releases of a project
TAIL = 1 << 16  # bytes at the end of a wheel, where its metadata mostly are


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


def read_files(page: str) -> list[dict[str, Any]]:
    """Return the files that a simple page lists, as PEP 691 describes them."""
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


class Remote(io.RawIOBase):
    """A file on a web server, of which only what is read is loaded."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.place = 0
        self.tail, self.size = self.load(f"-{TAIL}")

    def load(self, part: str) -> tuple[bytes, int]:
        """Return a part of the file, and how long the whole is, in bytes."""
        asked = urllib.request.Request(self.url, headers={"Range": f"bytes={part}"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            content: bytes = answer.read()
            told = answer.headers.get("Content-Range", "")
        return content, int(told.rpartition("/")[2] or len(content))

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the file and return it."""
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}
        self.place = starts[whence] + offset
        return self.place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as the file goes, and return with how many bytes."""
        end = min(self.place + len(buffer), self.size)
        first = self.size - len(self.tail)
        if end <= self.place:
            return 0
        if self.place >= first:
            content = self.tail[self.place - first : end - first]
        else:
            content, _ = self.load(f"{self.place}-{end - 1}")
        buffer[: len(content)] = content
        self.place += len(content)
        return len(content)


def metadata_of(url: str) -> bytes:
    """Return the METADATA of a wheel on a web server."""
    with zipfile.ZipFile(io.BufferedReader(Remote(url))) as wheel:
        (name,) = (
            each
            for each in wheel.namelist()
            if re.fullmatch(r"[^/]+\.dist-info/METADATA", each)
        )
        return wheel.read(name)


class Index:
    """What the pages are made of, read from another index.

    Args:
        upstream: address of that index's simple pages.
        kept: directory to keep what is read in, for the next one that serves.
    """

    def __init__(self, upstream: str, kept: Path | None = None) -> None:
        self.upstream = upstream.rstrip("/")
        self.kept = kept
        self.pages: dict[str, list[dict[str, Any]]] = {}
        self.links: dict[str, dict[str, Any]] = {}
        self.bodies: dict[str, bytes] = {}
        self.address = ""
        today = str(datetime.date.today())
        for page in kept.glob("????-??-??") if kept else ():
            if page.name != today:
                shutil.rmtree(page, ignore_errors=True)

    def keep(self, name: str, read: Callable[[], bytes]) -> bytes:
        """Return what is kept under a name; it is read when it is not there yet."""
        if self.kept is None:
            return read()
        place = self.kept / name
        with contextlib.suppress(OSError):
            return place.read_bytes()
        content = read()
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_name(f"{place.name}.{os.getpid()}-{get_ident()}")
        beside.write_bytes(content)
        beside.replace(place)
        return content

    def files_of(self, name: str) -> list[dict[str, Any]]:
        """Return the files of a project's newest releases."""
        if name not in self.pages:
            page, today = f"{self.upstream}/{name}/", datetime.date.today()
            text = self.keep(
                f"{today}/{name}.json", lambda: json.dumps(read_files(page)).encode()
            )
            self.pages[name] = json.loads(text)
        return self.pages[name]

    def simple_page(self, name: str) -> dict[str, Any]:
        """Return the simple page of a project (PEP 691)."""
        files = self.files_of(name)
        return {"meta": {"api-version": "1.0"}, "name": name, "files": files}

    def near_page(self, name: str) -> dict[str, Any]:
        """Return the same with links to here, and metadata beside the wheels."""
        page = self.simple_page(name)
        near = []
        for file in page["files"]:
            address = urlsplit(file["url"])
            link = f"/files/{address.netloc}{address.path}"
            self.links[link] = file
            near.append(
                {
                    **file,
                    "url": self.address + link,
                    "core-metadata": link.endswith(".whl"),
                }
            )
        return {**page, "files": near}

    def metadata(self, link: str) -> bytes:
        """Return what stands beside a wheel of a near page."""
        file = self.links[link]
        return self.keep(
            f"metadata/{file['hashes']['sha256']}", lambda: metadata_of(file["url"])
        )

    def json_page(self, name: str, near: bool) -> dict[str, Any]:
        """Return the JSON page of a project: version to files, with their hashes."""
        releases: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for file in (self.near_page if near else self.simple_page)(name)["files"]:
            kind, version = kind_and_version(file["filename"])
            entry = {"packagetype": kind, "url": file["url"], "digests": file["hashes"]}
            releases[str(version)].append(entry)
        return {"releases": releases}

    def body(self, path: str, make: Callable[[], object]) -> bytes:
        """Return a page as it is sent, which is made when it is first asked for."""
        if path not in self.bodies:
            self.bodies[path] = json.dumps(make()).encode()
        return self.bodies[path]


class Handler(BaseHTTPRequestHandler):
    """Answers for all kinds of pages."""

    protocol_version = "HTTP/1.1"  # whose connections stay open
    wbufsize = -1  # head and body go together: the second would wait for a word
    disable_nagle_algorithm = True
    index: Index

    def do_GET(self) -> None:
        """Answer with a page, or with the status that the index itself gave."""
        try:
            self.answer()
        except urllib.error.HTTPError as error:
            self.send_error(error.code)
        except OSError:
            self.send_error(502)

    def answer(self) -> None:
        """Find out what is asked for, and send it."""
        index = self.index
        simple = re.fullmatch(r"/simple/([\w.-]+)/", self.path)
        near = re.fullmatch(r"/near/simple/([\w.-]+)/", self.path)
        in_json = re.fullmatch(r"(/pypi|/near|)/([\w.-]+)/json", self.path)
        link = self.path.removesuffix(".metadata")
        if simple:
            page = index.body(self.path, lambda: index.simple_page(simple[1]))
            self.send(SIMPLE, page)
        elif near:
            self.send(SIMPLE, index.body(self.path, lambda: index.near_page(near[1])))
        elif in_json:
            words = in_json[2], in_json[1] == "/near"
            page = index.body(self.path, lambda: index.json_page(*words))
            self.send("application/json", page)
        elif link not in index.links:
            self.send_error(404)
        elif link != self.path:
            self.send("text/plain", index.metadata(link))
        else:
            self.send_response(302)
            self.send_header("Location", index.links[link]["url"])
            self.send_header("Content-Length", "0")
            self.end_headers()

    def send(self, kind: str, body: bytes) -> None:
        """Send a page."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serve(upstream: str, kept: Path | None = None) -> ThreadingHTTPServer:
    """Return a server on a free port of loopback, not started yet."""
    index = Index(upstream, kept)
    handler = type("Bound", (Handler,), {"index": index})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    index.address = f"http://127.0.0.1:{server.server_port}"
    return server


if __name__ == "__main__":
    server = serve(sys.argv[1], Path(sys.argv[2]) if sys.argv[2:] else None)
    print(f"http://127.0.0.1:{server.server_port}/simple", flush=True)
    server.serve_forever()
