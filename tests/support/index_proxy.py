"""A proxy on loopback for a package index without PyPI's JSON pages.

pip-compile reads the hashes of files from ``/<name>/json``. If an index has no such
pages, it downloads every file of a release. The proxy makes these pages from the simple
ones (PEP 691), with the newest releases only, as pip reads every link of a page. Links
to files are not changed. One package also has a release of today, which a project must
not lock.
"""

from __future__ import annotations

import functools
import json
import re
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from support.project import run

SIMPLE = "application/vnd.pypi.simple.v1+json"
NEWEST = 12  # releases of a project
FRESH, FRESH_VERSION = "wcwidth", "998.0"


def version_of(filename: str) -> Version | None:
    """Return the version of a wheel or sdist, or None for any other file."""
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[1]
        return parse_sdist_filename(filename)[1]
    except ValueError:
        return None


def newest_files(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files of the newest releases on a simple page."""
    versions = {
        each["filename"]: version_of(each["filename"]) for each in page["files"]
    }
    newest = sorted({each for each in versions.values() if each})[-NEWEST:]
    return [each for each in page["files"] if versions[each["filename"]] in newest]


def fresh_file() -> dict[str, Any]:
    """Return a file of today's release, which can't be downloaded."""
    return {
        "filename": f"{FRESH}-{FRESH_VERSION}-py3-none-any.whl",
        "url": "http://127.0.0.1:9/fresh.whl",
        "hashes": {"sha256": "0" * 64},
        "upload-time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def json_page(page: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON page of a project: its releases, each with its files."""
    releases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file in page["files"]:
        kind = "bdist_wheel" if file["filename"].endswith(".whl") else "sdist"
        entry = {"packagetype": kind, "url": file["url"], "digests": file["hashes"]}
        releases[str(version_of(file["filename"]))].append(entry)
    return {"releases": releases}


@contextmanager
def json_index(upstream: str) -> Iterator[str]:
    """Yield the address of the proxy of an index, given by its simple pages."""

    @functools.cache
    def simple_page(name: str) -> dict[str, Any]:
        address = f"{upstream.rstrip('/')}/{name}/"
        request = urllib.request.Request(address, headers={"Accept": SIMPLE})
        with urllib.request.urlopen(request, timeout=60) as answer:
            page: dict[str, Any] = json.load(answer)
        files = newest_files(page) + [fresh_file()] * (name == FRESH)
        return {"meta": {"api-version": "1.0"}, "name": name, "files": files}

    def answer(request: Request) -> Response:
        *_, first, second = request.path.strip("/").split("/")
        is_json = second == "json"
        try:
            page = simple_page(first if is_json else second)
        except urllib.error.HTTPError as error:
            return Response(status=error.code)
        body = json.dumps(json_page(page) if is_json else page)
        kind = "application/json" if is_json else SIMPLE
        return Response(
            body, content_type=kind, headers={"Cache-Control": "max-age=600"}
        )

    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        pages = re.compile(r"/simple/[\w.-]+/|(/pypi)?/[\w.-]+/json")
        server.expect_request(pages).respond_with_handler(answer)
        yield server.url_for("/simple")


def default_index() -> str:
    options = ("--emit-index-url", "--no-header", "--quiet")
    return run("uv", "pip", "compile", "-", *options).stdout.split()[1]


def has_json_pages(index: str) -> bool:
    """Return whether an index has PyPI's JSON pages of releases."""
    address = f"{index.removesuffix('simple')}pypi/pip/23.0/json"
    try:
        urllib.request.urlopen(address, timeout=60).close()
    except urllib.error.HTTPError:
        return False
    return True
