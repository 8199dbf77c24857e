"""Make the defaults fit this machine, before the first question is asked.

Cookiecutter runs this hook in a temporary copy of the template, so changes to
``cookiecutter.json`` apply to one project. The only program started is git. If nothing
is found, the defaults in the file stay.
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
# A subset of the addresses that pre_gen_project.py accepts.
WORD = r"[A-Za-z0-9_+-]+"
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
EMAIL = re.compile(rf"{WORD}(\.{WORD})*@{LABEL}(\.{LABEL})+")


def git_identity() -> dict[str, str]:
    """Return git's ``user.name`` and ``user.email``, if they are set."""
    command = ["git", "config", "--null", "--get-regexp", r"^user\.(name|email)$"]
    try:
        output = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        return {}
    entries = (entry.partition("\n") for entry in output.split("\0") if entry)
    return {key: value.strip() for key, _, value in entries}


def list_directory(path: str) -> list[str]:
    """Return the names in a directory, or [] if it can't be read."""
    try:
        return os.listdir(path)
    except OSError:
        return []


def has_python(version: str) -> bool:
    """Return whether PATH, pyenv or uv has a CPython of this version.

    Args:
        version: major and minor version, such as ``"3.13"``.
    """
    if "{}.{}".format(*sys.version_info) == version:
        return True
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    uv = os.environ.get("UV_PYTHON_INSTALL_DIR") or f"{data}/uv/python"
    names = [*list_directory(f"{pyenv}/versions"), *list_directory(uv)]
    if any(name.startswith((f"{version}.", f"cpython-{version}.")) for name in names):
        return True
    found = shutil.which(f"python{version}")
    return found is not None and f"{os.sep}shims{os.sep}" not in found


def has_manager(name: str) -> bool:
    """Return whether an environment manager is installed; pip comes with Python."""
    program = {"pip-tools": "pip-compile"}.get(name, name)
    return name == "pip" or shutil.which(program) is not None


def fit_defaults(context: dict[str, Any]) -> dict[str, Any]:
    """Return the context with defaults and first choices that fit this machine."""
    identity = git_identity()
    name = " ".join(identity.get("user.name", "").split())
    email = identity.get("user.email", "")
    fit = dict(context)
    # A default must be a valid answer, and is rendered, so must have no template marks.
    if name and name.isprintable() and not re.search(r"\{[{%#]", name):
        fit["author_name"] = name
    if len(email) <= LONGEST_ADDRESS and EMAIL.fullmatch(email):
        fit["author_email"] = email
    available = {"python_version": has_python, "environment_manager": has_manager}
    for key, is_available in available.items():
        first = next(filter(is_available, context[key]), context[key][0])
        fit[key] = [first, *(each for each in context[key] if each != first)]
    return fit


def main() -> None:
    with open(CONTEXT_FILE, encoding="utf-8") as file:
        context = json.load(file)
    with open(CONTEXT_FILE, "w", encoding="utf-8") as file:
        json.dump(fit_defaults(context), file)


if __name__ == "__main__":
    main()
