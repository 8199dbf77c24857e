"""Known vulnerabilities and secrets of a project."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from support.advisory_service import ADVISORY, NAME, VERSION, advisory_service
from support.environments import write_wheel
from support.project import OWN_PYTHON, Bake, Project, programs_of

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


@pytest.mark.slow
@pytest.mark.parametrize("manager", ["uv", "pip"])
def test_make_audit_fails_for_a_known_vulnerability_and_without_its_service(
    bake: Bake, copy: Callable[[Project], Project], manager: str
) -> None:
    project = copy(bake(environment_manager=manager, python_version=OWN_PYTHON))
    for version in ("999.0", VERSION):
        write_wheel(project / version, NAME, version)

    def audit(version: str) -> CompletedProcess[str]:
        if manager == "uv":
            (project / "pyproject.toml").write_text(PYPROJECT.format(NAME, version))
            project.make("lock")
            options = f"--service-url={service}"
        else:
            wanted = ("pip-audit", f"{NAME}=={version}", f"--find-links={version}")
            project.run("uv", "venv", "--quiet", "--clear", "--python", OWN_PYTHON)
            project.run("sh", "-c", "pwd -P >.venv/made-for")
            project.run("uv", "pip", "install", "--quiet", *wanted)
            options = f"--vulnerability-service=osv --osv-url={service}/v1/query"
        return project.make("audit", f"ARGS={options}", check=False)

    with advisory_service() as service:
        assert audit("999.0").returncode == 0
        done = audit(VERSION)
        assert done.returncode != 0
        assert str(ADVISORY["id"]) in done.stdout
    done = audit("999.0")
    assert done.returncode != 0
    assert service.rpartition(":")[2] in done.stdout


def test_secrets_are_found_but_not_in_cell_ids_pictures_and_lock_files(
    bake: Bake, copy: Callable[[Project], Project], stack: Path
) -> None:
    digest = hashlib.sha512(b"").digest()
    digits, letters = digest.hex()[:32], base64.b64encode(digest).decode()
    cell = {
        "id": digits,
        "outputs": [{"data": {"image/png": letters, "image/jpeg": letters}}],
    }
    project = copy(bake())
    notebook = json.dumps({"cells": [cell]}, indent=1)
    (project / "figure.ipynb").write_text(notebook)
    for name in ("uv.lock", "settings.py"):
        (project / name).write_text(f'key = "{digits}"\n')
    tool = project / ".venv/bin/detect-secrets-hook"
    tool.parent.mkdir(parents=True)
    python = programs_of(stack) / "python"
    module = "-m detect_secrets.pre_commit_hook"
    tool.write_text(f"#!/bin/sh\nexec '{python.as_posix()}' {module} \"$@\"\n")
    tool.chmod(0o755)
    (project / ".venv/bin/python").symlink_to(python)
    project.run("sh", "-c", "pwd -P >.venv/made-for")
    project.git("init", "--quiet")
    project.git("add", "--all")
    pre_commit = ("pre-commit", "run", "--all-files", "detect-secrets")
    done = project.run(*pre_commit, check=False)
    assert {*re.findall(r"^Location: +(.+):", done.stdout, re.M)} == {"settings.py"}
