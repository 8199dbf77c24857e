"""Known vulnerabilities, release notes and secrets of a project."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import Bake, Project, programs_of, run

VULNERABLE = ("jinja2", "2.4.1")
UV_LOCK = """
[[package]]
name = "{}"
version = "{}"
source = {{ registry = "https://packages.example.com/simple" }}
"""


@pytest.fixture
def project(bake: Bake, copy: Callable[[Project], Project]) -> Project:
    """A project without a lock file."""
    return copy(bake(environment_manager="uv"))


# Known vulnerabilities


class AdvisoryService(BaseHTTPRequestHandler):
    """A service like osv.dev that knows one vulnerability."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        query = json.loads(self.rfile.read(length))
        affected = {
            "package": {"name": VULNERABLE[0], "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "2.7.2"}]}],
        }
        known = {"id": "PYSEC-2014-8", "summary": "It leaks.", "affected": [affected]}
        is_known = (query["package"]["name"], query["version"]) == VULNERABLE
        body = json.dumps({"vulns": [known]} if is_known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def advisory_service() -> Iterator[str]:
    """The address of an advisory service on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), AdvisoryService)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_make_audit_reports_a_known_vulnerability(
    project: Project, advisory_service: str
) -> None:
    lock = project / "uv.lock"
    option = f"ARGS=--osv-url {advisory_service}"
    lock.write_text(UV_LOCK.format("alpha", "1.0"))
    project.make("audit", option)
    lock.write_text(UV_LOCK.format(*VULNERABLE))
    done = project.make("audit", option, check=False)
    assert done.returncode != 0
    assert "PYSEC-2014-8" in done.stdout


@pytest.mark.slow
def test_make_audit_fails_when_the_service_is_unreachable(
    project: Project, advisory_service: str
) -> None:
    (project / "uv.lock").write_text(UV_LOCK.format("alpha", "1.0"))
    nowhere = advisory_service.replace("127.0.0.1", "127.0.0.2")
    done = project.make("audit", f"ARGS=--osv-url {nowhere}", check=False)
    assert done.returncode != 0
    assert "127.0.0.2" in done.stdout


# Secrets


def test_secrets_are_found_but_not_in_cell_ids_pictures_and_lock_files(
    bake: Bake, stack: Path, tmp_path: Path
) -> None:
    digest = hashlib.sha512(b"").digest()
    digits, letters = digest.hex()[:32], base64.b64encode(digest).decode()
    cell = {"id": digits, "outputs": [{"data": {"image/png": letters}}]}
    notebook = json.dumps({"cells": [cell]}, indent=1)
    (tmp_path / "figure.ipynb").write_text(notebook)
    secret = f'key = "{digits}"\n'
    (tmp_path / "uv.lock").write_text(secret)
    (tmp_path / "settings.py").write_text(secret)
    baseline = tmp_path / ".secrets.baseline"
    baseline.write_bytes((bake() / baseline.name).read_bytes())
    python = programs_of(stack) / "python"
    hook = (python, "-m", "detect_secrets.pre_commit_hook", "--no-verify")
    found = {
        name
        for name in ("figure.ipynb", "uv.lock", "settings.py")
        if run(
            *hook, "--baseline", baseline, name, cwd=tmp_path, check=False
        ).returncode
    }
    assert found == {"settings.py"}
