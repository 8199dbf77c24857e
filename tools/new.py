"""Make a project from this checkout: `make new`.

Cookiecutter copies a template with a pre-prompt hook completely, and keeps the copy if
a question is interrupted. Here it gets a copy without environments and caches, and a
temporary directory that is always deleted.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent.parent
NAME = "cookiecutter-ds-package"
NOT_TEMPLATE = (
    ".git",
    ".cache",
    ".venv",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "dist",
)
BOOLEANS = {True: "1 true t yes y on", False: "0 false f no n off"}  # cookiecutter's
KEEP = ("--overwrite-if-exists", "--skip-if-file-exists")
# The hooks report what is wrong; cookiecutter would only repeat that they failed.
COOKIECUTTER = """
import logging
from cookiecutter.__main__ import main
logging.getLogger("cookiecutter.hooks").setLevel(logging.CRITICAL)
main(prog_name="cookiecutter")
"""

sys.path.insert(0, str(TEMPLATE / "hooks"))

from post_gen_project import ORIGIN, git  # noqa: E402
from pre_gen_project import COMMAND, report, validate_answers  # noqa: E402


def questions() -> dict[str, Any]:
    """Return the content of cookiecutter.json."""
    text = (TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def copy_template(parent: Path) -> Path:
    """Copy the template without environments and caches into a directory."""
    target = parent / NAME
    shutil.copytree(TEMPLATE, target, ignore=shutil.ignore_patterns(*NOT_TEMPLATE))
    return target


def origin() -> dict[str, str]:
    """Return where updates of the project come from, for the post-generation hook.

    That is the remote if it has the checkout's commit, else the checkout itself, or {}
    if this is not a git repository.
    """
    commit = git(TEMPLATE, "rev-parse", "HEAD")
    if not commit or not (TEMPLATE / ".git").exists():
        return {}
    published = git(TEMPLATE, "branch", "--remotes", "--contains", commit)
    remote = git(TEMPLATE, "remote").partition("\n")[0]
    address = git(TEMPLATE, "remote", "get-url", remote) if published else ""
    return {"template": address or str(TEMPLATE), "commit": commit}


def check_arguments(command: str, given: dict[str, str]) -> str:
    """Return what is wrong with the answers in the arguments, or an empty string.

    For an invalid choice, cookiecutter shows only a traceback.
    """
    context = questions()
    answers = {key: value for key, value in context.items() if key[0] == "_"}
    answers["_repo_dir"] = str(TEMPLATE)
    for key, value in given.items():
        answers[key] = value
        if isinstance(context.get(key), bool):
            matches = (b for b in BOOLEANS if value.lower() in BOOLEANS[b].split())
            answers[key] = next(matches, value)
    errors = validate_answers(answers)
    return report(command, given, errors) if errors else ""


def main(arguments: list[str]) -> int:
    """Run cookiecutter on this checkout and return its exit status.

    Args:
        arguments: for cookiecutter; without -o the project is made beside the checkout.
            `--into DIRECTORY`, if it comes first, names an existing directory, whose
            files are kept.
    """
    if arguments[:1] == ["--into"]:
        target = Path(arguments[1]).resolve()
        where = ["--output-dir", str(target.parent), f"project_slug={target.name}"]
        arguments = [*where, *KEEP, *arguments[2:]]
    given = dict(
        word.split("=", 1) for word in arguments if word[0] != "-" and "=" in word
    )
    options = [word for word in arguments if word[0] == "-" or "=" not in word]
    programs = [os.path.relpath(path) for path in (sys.executable, __file__)]
    no_input = [] if "--no-input" in options else ["--no-input"]
    command = shlex.join([*programs, *options, *no_input])
    if problem := check_arguments(command, given):
        print(problem, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="new-project-") as scratch:
        template = copy_template(Path(scratch))
        words = [str(template), "--output-dir", str(TEMPLATE.parent), *arguments]
        environment = os.environ | {"TMPDIR": scratch, "TEMP": scratch, "TMP": scratch}
        environment[COMMAND] = command
        if linked := origin():
            environment[ORIGIN] = json.dumps(linked)
        run = [sys.executable, "-c", COOKIECUTTER, *words]
        try:
            return subprocess.run(run, env=environment).returncode
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
