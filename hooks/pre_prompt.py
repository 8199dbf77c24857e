"""Make the defaults fit this machine, before the first question is asked.

Cookiecutter runs this hook in a copy of the template that it throws away, so the
changes to ``cookiecutter.json`` last for one project. Nothing is started but git, once;
a machine on which a look fails keeps the defaults of the file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

CONTEXT_FILE = "cookiecutter.json"
LONGEST_ADDRESS = 254  # RFC 5321
# The plain ones of the addresses that pre_gen_project.py accepts.
WORD = r"[A-Za-z0-9_+-]+"
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
EMAIL = re.compile(rf"{WORD}(\.{WORD})*@{LABEL}(\.{LABEL})+")


def git_identity() -> dict[str, str]:
    """Return git's ``user.name`` and ``user.email``, as far as they are set."""
    command = ["git", "config", "--null", "--get-regexp", r"^user\.(name|email)$"]
    try:
        output = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        return {}
    entries = (entry.partition("\n") for entry in output.split("\0") if entry)
    return {key: value.strip() for key, _, value in entries}


def listed(directory: str) -> list[str]:
    """Return the names in a directory, none where it cannot be read."""
    try:
        return os.listdir(directory)
    except OSError:
        return []


def has_python(version: str) -> bool:
    """Tell whether PATH, pyenv or uv holds a CPython of this version.

    Args:
        version: major and minor version, such as ``"3.13"``.
    """
    if "{}.{}".format(*sys.version_info) == version:
        return True
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    if any(name.startswith(f"{version}.") for name in listed(f"{pyenv}/versions")):
        return True
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    managed = os.environ.get("UV_PYTHON_INSTALL_DIR") or f"{data}/uv/python"
    if any(name.startswith(f"cpython-{version}.") for name in listed(managed)):
        return True
    found = shutil.which(f"python{version}")
    return found is not None and f"{os.sep}shims{os.sep}" not in found


def has_manager(name: str) -> bool:
    """Tell whether this environment manager is here; pip comes with every Python."""
    program = {"pip-tools": "pip-compile"}.get(name, name)
    return name == "pip" or shutil.which(program) is not None


def available_first(choices: list[str], available: dict[str, bool]) -> list[str]:
    """Return the choices with the first available one moved to the front."""
    first = next((choice for choice in choices if available.get(choice)), choices[0])
    return [first, *(choice for choice in choices if choice != first)]


def fitted(context: dict[str, Any]) -> dict[str, Any]:
    """Return the context with defaults and first choices that suit this machine."""
    identity = git_identity()
    name = " ".join(identity.get("user.name", "").split())
    email = identity.get("user.email", "")
    fit = dict(context)
    # A default must be accepted, so that pressing Enter makes a project, and without
    # template marks, as cookiecutter renders it.
    if name and name.isprintable() and not re.search(r"\{[{%#]", name):
        fit["author_name"] = name
    if len(email) <= LONGEST_ADDRESS and EMAIL.fullmatch(email):
        fit["author_email"] = email
    versions = context["python_version"]
    fit["python_version"] = available_first(
        versions, {version: has_python(version) for version in versions}
    )
    managers = context["environment_manager"]
    fit["environment_manager"] = available_first(
        managers, {name: has_manager(name) for name in managers}
    )
    return fit


def main() -> None:
    with open(CONTEXT_FILE, encoding="utf-8") as file:
        context = json.load(file)
    with open(CONTEXT_FILE, "w", encoding="utf-8") as file:
        json.dump(fitted(context), file)


if __name__ == "__main__":
    main()
