"""Vulnerabilities and secrets are found."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from support.environments import write_wheel
from support.project import OWN_PYTHON, Bake, Project, programs_of

NAME, VERSION = "jinja2", "2.4.1"
ADVISORY = {
    "id": "PYSEC-2014-8",
    "modified": "2024-01-01T00:00:00Z",
    "summary": "It leaks.",
    "affected": [
        {
            "package": {"name": NAME, "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "2.7.2"}]}],
        }
    ],
}
PYPROJECT = """
[project]
name = "x"
version = "1"
requires-python = ">=3.11"
dependencies = ["{0}=={1}"]

[tool.uv]
find-links = ["{1}"]
no-index = true
"""
Copy = Callable[[Project], Project]


def answer(request: Request) -> Response:
    """Answer one query (pip-audit) or many (uv) like osv.dev."""

    def found(query: dict[str, object]) -> dict[str, object]:
        is_known = query["package"]["name"] == NAME and query["version"] == VERSION  # type: ignore[index]
        return {"vulns": [ADVISORY]} if is_known else {}

    content: object = ADVISORY
    if request.method == "POST":
        query = json.loads(request.data)
        many = [found(each) for each in query.get("queries", [])]
        content = {"results": many} if "queries" in query else found(query)
    return Response(json.dumps(content), content_type="application/json")


@pytest.mark.slow
@pytest.mark.parametrize("manager", ["uv", "pip"])
def test_make_audit_fails_for_a_known_vulnerability_and_without_its_service(
    bake: Bake, copy: Copy, httpserver: HTTPServer, manager: str
) -> None:
    project = copy(bake(environment_manager=manager, python_version=OWN_PYTHON))
    httpserver.expect_request(re.compile("/")).respond_with_handler(answer)
    for version in ("999.0", VERSION):
        write_wheel(project / version, NAME, version)

    def audit(version: str, service: str) -> CompletedProcess[str]:
        if manager == "uv":
            project.write("pyproject.toml", PYPROJECT.format(NAME, version))
            project.make("lock")
            options = f"--service-url={service}"
        else:
            wanted = ("pip-audit", f"{NAME}=={version}", f"--find-links={version}")
            project.run("uv", "venv", "--quiet", "--clear", "--python", OWN_PYTHON)
            project.run("sh", "-c", "pwd -P >.venv/made-for")
            project.run("uv", "pip", "install", "--quiet", *wanted)
            options = f"--vulnerability-service=osv --osv-url={service}/v1/query"
        return project.make("audit", f"ARGS={options}", check=False)

    service = httpserver.url_for("").rstrip("/")
    assert audit("999.0", service).returncode == 0
    done = audit(VERSION, service)
    assert done.returncode != 0
    assert str(ADVISORY["id"]) in done.stdout
    done = audit("999.0", "http://127.0.0.1:9")
    assert done.returncode != 0
    assert "127.0.0.1" in done.stdout


def test_secrets_are_found_but_not_in_cell_ids_pictures_and_lock_files(
    bake: Bake, copy: Copy, stack: Path
) -> None:
    digest = hashlib.sha512(b"").digest()
    digits, letters = digest.hex()[:32], base64.b64encode(digest).decode()
    pictures = {"image/png": letters, "image/jpeg": letters}
    cell = {"id": digits, "outputs": [{"data": pictures}]}
    project = copy(bake(addons="remote-data"))
    notebook = json.dumps({"cells": [cell]}, indent=1)
    project.write("figure.ipynb", notebook)
    for name in ("uv.lock", "data/raw/a.csv.dvc", "settings.py"):
        project.write(name, f'key = "{digits}"\n')
    project.bin.mkdir(parents=True)
    python, tool = programs_of(stack) / "python", project.bin / "detect-secrets-hook"
    module = "-m detect_secrets.pre_commit_hook"
    tool.write_text(f"#!/bin/sh\nexec '{python}' {module} \"$@\"\n")
    tool.chmod(0o755)
    (project.bin / "python").symlink_to(python)
    project.run("sh", "-c", "pwd -P >.venv/made-for")
    project.git("init", "--quiet")
    project.git("add", "--all", "--force", ":!.venv")
    pre_commit = ("pre-commit", "run", "--all-files", "detect-secrets")
    done = project.run(*pre_commit, check=False)
    assert {*re.findall(r"^Location: +(.+):", done.stdout, re.M)} == {"settings.py"}
