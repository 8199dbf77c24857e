"""Bring the template's improvements into this project, or change one of its answers.

cruft renders the template twice, as it was when this project was made or last updated,
and as it is now, and applies the difference: what was edited here stays. What can't be
merged is left for a person to decide, and is listed.

    python scripts/update.py [--cruft COMMAND] [--to REFERENCE] [--template ADDRESS]
                             [ANSWER=VALUE …]
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

LINK = Path(".cruft.json")
WAY_BACK = "git reset --quiet --hard && git clean --quiet --force -d"


class UpdateError(Exception):
    """Why nothing was updated: a line for a person, and what a program said."""

    def __init__(self, reason: str, output: str = "") -> None:
        """Take the line, and the output that it was made from."""
        super().__init__(reason)
        self.output = output


def run(*command: str) -> str:
    """Return what a program prints, or raise UpdateError with the line that tells."""
    done = subprocess.run(
        command,
        env={**os.environ, "COLUMNS": "999", "_TYPER_STANDARD_TRACEBACK": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        lines = [line.strip(" │╭╰─╮╯") for line in done.stdout.splitlines()]
        telling = [line.rstrip(".") for line in lines if len(line) > 3]
        of_git = [line for line in telling if line.startswith("fatal: ")]
        reason = [f"{command[0]} failed", *telling, *of_git[-1:]][-1]
        reason = re.sub(r"^[\w.]*[A-Z]\w+: ", "", reason)  # the exception's name
        raise UpdateError(reason, done.stdout)
    return done.stdout


def link() -> dict[str, Any]:
    """Return what .cruft.json says; raise UpdateError if it says nothing."""
    if not LINK.is_file():
        raise UpdateError(
            "there is no .cruft.json, which tells the template this project was made"
            " from: 'cruft link ADDRESS' writes it"
        )
    try:
        state: dict[str, Any] = json.loads(LINK.read_text(encoding="utf-8"))
        state["context"]["cookiecutter"], state["template"], state["commit"]
    except (ValueError, LookupError, TypeError):
        reason = ".cruft.json can't be read: 'git log' has it as it was"
        raise UpdateError(reason) from None
    return state


def demand_clean_tree() -> None:
    """Raise UpdateError if something here is not committed."""
    try:
        changed = run("git", "status", "--porcelain").splitlines()
    except UpdateError as problem:
        reason = f"the update needs the project's git repository: {problem}"
        raise UpdateError(reason) from None
    if changed:
        names = ", ".join(line[3:] for line in changed[:5])
        more = ", …" if len(changed) > 5 else ""
        raise UpdateError(
            f"first commit what is changed here ({names}{more}), or put it away with"
            " 'git stash --include-untracked'"
        )


def changes(given: list[str], answers: dict[str, Any]) -> dict[str, str]:
    """Return the answers that are to change, or raise UpdateError."""
    known = [key for key in answers if key[0] != "_"]
    wanted = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            offered = ", ".join(known)
            raise UpdateError(f"{text} is not ANSWER=VALUE with one of {offered}")
        if name in ("project_slug", "package_name"):
            raise UpdateError(f"{name} can't be changed: files and code carry it")
        wanted[name] = value
    return wanted


def locks() -> set[str]:
    """Return the lock files that the Makefile speaks of."""
    makefile = Path("Makefile").read_text(encoding="utf-8")
    found = re.search(r"^LOCKS := (.*)$", makefile, re.MULTILINE)
    return set(found[1].split()) if found else set()


def shortened(template: str) -> None:
    """Keep the answers in .cruft.json, and not the template's own tables."""
    state = link()
    context = state["context"]["cookiecutter"]
    kept = {key: context[key] for key in sorted(context) if key[0] != "_"}
    kept |= {"_template": template, "_commit": state["commit"]}
    state |= {"template": template, "context": {"cookiecutter": kept}}
    text = json.dumps(state, ensure_ascii=False, indent=2)
    LINK.write_text(f"{text}\n", encoding="utf-8")


def unmerged(said: str) -> list[str]:
    """Return the files that a person must look at, and the rejected parts of others.

    Of a file that is to go, and was edited, git says so much and leaves no rejects.
    """
    marked = run("git", "diff", "--name-only", "--diff-filter=U").splitlines()
    others = run("git", "ls-files", "--others", "--exclude-standard").splitlines()
    rejects = [name for name in others if name.endswith(".rej")]
    changed = run("git", "diff", "--name-only", "HEAD").splitlines()
    stuck = {*re.findall(r"^error: (.+): patch does not apply$", said, re.MULTILINE)}
    kept = [name for name in stuck if Path(name).is_file() and name not in changed]
    going = [f"{name} (the template no longer has it)" for name in kept]
    return sorted({*marked, *rejects, *going})


def apply(arguments: argparse.Namespace) -> list[str]:
    """Let cruft change the files, and return those that it could not merge."""
    demand_clean_tree()
    state = link()
    wanted = changes(arguments.answers, state["context"]["cookiecutter"])
    template = arguments.template or state["template"]
    before = locks()
    command = [*shlex.split(arguments.cruft), "update", "--skip-apply-ask"]
    command += ["--template-path", template] if arguments.template else []
    command += ["--checkout", arguments.to] if arguments.to else []
    command += ["--variables-to-update", json.dumps(wanted)] if wanted else []
    try:
        said = run(*command)
    except UpdateError as problem:
        subprocess.run(["sh", "-c", WAY_BACK])
        cure = "nothing is changed"
        if "clone" in problem.output:
            cure = "if it has moved: make update TEMPLATE=<its address>"
        reason = f"the template at {template} says: {problem}; {cure}"
        raise UpdateError(reason) from None
    shortened(template)
    run("git", "add", str(LINK))
    for name in before - locks():  # of the environment manager that was
        run("git", "rm", "--quiet", "--ignore-unmatch", "--", name)
    return unmerged(said)


def main() -> None:
    """Update the project, or say in one line why not."""
    parser = argparse.ArgumentParser(description="Update the project.")
    parser.add_argument("--cruft", default="cruft", help="the command that runs it")
    parser.add_argument("--to", help="branch, tag or commit of the template")
    parser.add_argument("--template", help="where the template is now")
    parser.add_argument("answers", nargs="*", metavar="ANSWER=VALUE")
    try:
        left = apply(parser.parse_args())
        changed = run("git", "diff", "--name-only", "HEAD").splitlines()
    except UpdateError as problem:
        sys.exit(f"No update: {problem}.")
    if left:
        print("The update is not finished. Look at these, and decide what holds:")
        print("".join(f"  {name}\n" for name in left), end="")
        print("Then: make lock install && git add --all && git commit")
    elif changed != [str(LINK)] and changed:
        print(f"{len(changed)} files are updated: git diff HEAD shows how.")
        make = [os.environ.get("MAKE", "make"), "--no-print-directory"]
        if subprocess.run([*make, "lock", "install"]).returncode != 0:
            left = ["the environment"]
            print("The files are updated, but the environment could not be made:")
            print("  make lock install")
        print("Then: make test && git add --all && git commit")
    else:
        print("The project is up to date with its template.")
    if changed:
        print(f"The way back: {WAY_BACK}")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
