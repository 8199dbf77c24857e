"""Update this project from its template with cruft, or change one of its answers.

cruft applies what has changed in the template since the last update, so edits stay.

    python make/update.py [--to REFERENCE] [--template ADDRESS] [ANSWER=VALUE …]
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

LINK = Path(".cruft.json")
UNDO = "git reset --quiet --hard && git clean --quiet --force -d"


class UpdateError(Exception):
    """Why nothing was updated, in one line for a person."""


def run(*command: str) -> str:
    """Return what a program prints; raise UpdateError with its last line."""
    environment = {**os.environ, "COLUMNS": "999", "_TYPER_STANDARD_TRACEBACK": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    output = done.stdout + done.stderr
    if done.returncode != 0:
        lines = [line.strip(" │╭╰─╮╯") for line in output.splitlines()]
        raise UpdateError([f"{command[0]} failed", *filter(None, lines)][-1])
    return output


def changed_answers(given: list[str], answers: dict[str, str]) -> dict[str, str]:
    """Return the answers that are to change; raise UpdateError if one can't."""
    wanted = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in answers or name[0] == "_":
            known = ", ".join(key for key in answers if key[0] != "_")
            raise UpdateError(f"{text} is not ANSWER=VALUE with one of {known}")
        if name in ("project_slug", "package_name"):
            raise UpdateError(f"{name} can't be changed: files and code carry it")
        wanted[name] = value
    return wanted


def lock_files() -> set[str]:
    """Return the name of the lock file that the Makefile uses."""
    text = Path("Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^LOCK := (.*)$", text, re.MULTILINE))


def keep_answers(template: str) -> None:
    """Keep the answers in .cruft.json, without the template's private variables."""
    state = json.loads(LINK.read_text(encoding="utf-8"))
    answers = state["context"]["cookiecutter"]
    kept = {key: value for key, value in answers.items() if key[0] != "_"}
    kept |= {"_template": template, "_commit": state["commit"]}
    state |= {"template": template, "context": {"cookiecutter": kept}}
    text = json.dumps(state, ensure_ascii=False, indent=2)
    LINK.write_text(f"{text}\n", encoding="utf-8")


def conflicts(said: str) -> list[str]:
    """Return the files that a person must look at after an update."""
    marked = run("git", "diff", "--name-only", "--diff-filter=U").splitlines()
    others = run("git", "ls-files", "--others", "--exclude-standard").splitlines()
    changed = run("git", "diff", "--name-only", "HEAD").splitlines()
    stuck = re.findall(r"^error: (.+): patch does not apply$", said, re.MULTILINE)
    stuck = [name for name in stuck if Path(name).is_file() and name not in changed]
    gone = [f"{name} (the template no longer has it)" for name in stuck]
    return sorted({*marked, *gone, *(name for name in others if name.endswith(".rej"))})


def update(given: argparse.Namespace) -> list[str]:
    """Let cruft change the files and return the conflicts; raise UpdateError."""
    if not shutil.which("cruft"):
        tools = "'uv tool install cruft' or 'pipx install cruft' gets it"
        raise UpdateError(f"cruft is missing: {tools}")
    if uncommitted := run("git", "status", "--porcelain", "--untracked-files=normal"):
        names = ", ".join(line[3:] for line in uncommitted.splitlines()[:5])
        raise UpdateError(f"commit or stash your changes first ({names})")
    if not LINK.is_file():
        raise UpdateError("there is no .cruft.json: 'cruft link ADDRESS' makes one")
    try:
        state = json.loads(LINK.read_text(encoding="utf-8"))
        answers, template = state["context"]["cookiecutter"], state["template"]
    except (ValueError, LookupError, TypeError):
        raise UpdateError(".cruft.json can't be read: git log has older ones") from None
    wanted = changed_answers(given.answers, answers)
    template = given.template or template
    options = ["--template-path", template] if given.template else []
    options += ["--checkout", given.to] if given.to else []
    options += ["--variables-to-update", json.dumps(wanted)] if wanted else []
    locks = lock_files()
    try:
        said = run("cruft", "update", "--skip-apply-ask", *options)
    except UpdateError as problem:
        subprocess.run(["sh", "-c", UNDO])
        reason = f"{problem} (template: {template}; if it has moved: TEMPLATE=…)"
        raise UpdateError(reason) from None
    keep_answers(template)
    run("git", "add", str(LINK))
    for name in locks - lock_files():  # of the former environment manager
        run("git", "rm", "--quiet", "--ignore-unmatch", "--", name)
        Path(".venv/unfinished").touch()  # the new one makes its own environment
    return conflicts(said)


def main() -> None:
    """Update the project, or say in one line why not."""
    parser = argparse.ArgumentParser(description="Update the project.")
    parser.add_argument("--to", help="branch, tag or commit of the template")
    parser.add_argument("--template", help="where the template is now")
    parser.add_argument("answers", nargs="*", metavar="ANSWER=VALUE")
    try:
        left = update(parser.parse_args())
        changed = run("git", "diff", "--name-only", "HEAD").splitlines()
    except UpdateError as problem:
        sys.exit(f"No update: {problem}.")
    finish = "make lock install && git add --all && git commit"
    if not changed and not left:
        print("The project is up to date with its template.")
        return
    print(f"To undo the update: {UNDO}")
    if left:
        sys.exit("\n  ".join(["Resolve these conflicts:", *left]) + f"\nThen: {finish}")
    print(f"{len(changed)} files are updated: 'git diff HEAD' shows how.")
    make = [os.environ.get("MAKE", "make"), "--no-print-directory", "lock", "install"]
    if subprocess.run(make).returncode != 0:
        sys.exit(f"The files are updated, the environment is not.\nThen: {finish}")
    print("Then: make test && git add --all && git commit")


if __name__ == "__main__":
    main()
