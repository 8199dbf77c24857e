"""Make a project from this checkout: what `make new` runs.

Cookiecutter copies a template that has a pre-prompt hook, whole, and leaves the copy
behind when a question is interrupted. So it is given a copy without the checkout's own
environment, in a temporary directory that goes away with everything in it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent
NAME = "cookiecutter-ds-package"
ORIGIN = "COOKIECUTTER_DS_PACKAGE_ORIGIN"  # read by the post-generation hook
NOT_TEMPLATE = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist")


def copy_template(parent: Path) -> Path:
    """Copy the template without environments and caches and return where it is.

    Args:
        parent: directory in which the copy, named as on GitHub, is made.
    """
    target = parent / NAME
    shutil.copytree(TEMPLATE, target, ignore=shutil.ignore_patterns(*NOT_TEMPLATE))
    return target


def origin() -> dict[str, str]:
    """Return where updates of the project come from, for the post-generation hook.

    That is the repository that the checkout was cloned from, if it has the checkout's
    commit, and the checkout itself otherwise; nothing if it is no git repository.
    """

    def git(*words: str) -> str:
        command = ["git", "-C", str(TEMPLATE), *words]
        try:
            done = subprocess.run(command, capture_output=True, encoding="utf-8")
        except OSError:
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "HEAD")
    if not commit or not git("ls-files", "cookiecutter.json"):
        return {}
    published = git("branch", "--remotes", "--contains", commit)
    address = git("remote", "get-url", "origin") if published else ""
    return {"template": address or str(TEMPLATE), "commit": commit}


def main(arguments: list[str]) -> int:
    """Run cookiecutter on this checkout and return its exit status.

    Args:
        arguments: for cookiecutter; without -o the project is made beside the checkout.
    """
    with tempfile.TemporaryDirectory(prefix="new-project-") as scratch:
        template = copy_template(Path(scratch))
        output = ["--output-dir", str(TEMPLATE.parent)]
        command = [sys.executable, "-m", "cookiecutter", str(template), *output]
        environment = os.environ | {"TMPDIR": scratch, "TEMP": scratch, "TMP": scratch}
        if linked := origin():
            environment[ORIGIN] = json.dumps(linked)
        try:
            return subprocess.run([*command, *arguments], env=environment).returncode
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
