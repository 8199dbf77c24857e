"""Update a project from this template with cruft, or change one of its answers.

`make update` of a project runs the script of the newest template. cruft runs in a copy
of the project's last commit; its changes are applied to the project at the end.

Environment variables: TO (a branch, tag or commit), SET (ANSWER=VALUE …), TEMPLATE (the
template's new address), SAMPLE (yes or no: with the sample data).
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

LINK = Path(".cruft.json")
FIXED = ("project_slug", "package_name")  # in file names and code
# The files with the sample, which a user replaces, by the starter that adds them.
SAMPLE = {
    "analysis": "src/{0}/data.py src/{0}/plots.py data/raw/README.md"
    " tests/test_data.py tests/test_plots.py notebooks/01-explore.ipynb",
    "model": "src/{0}/features.py tests/test_features.py notebooks/02-model.ipynb",
}
FINISH = "make lock install && git add --all && git commit"


def stop(reason: str) -> NoReturn:
    """Exit with one line: why nothing was updated."""
    sys.exit(f"No update: {reason}")


def run(*command: str, at: Path | str = ".", hint: str = "") -> str:
    """Return a program's output, or stop with its last line and the hint."""
    env = {**os.environ, "COLUMNS": "999", "_TYPER_STANDARD_TRACEBACK": "1"}
    env["GIT_DIFF_OPTS"] = "-u3"  # overrides git's settings
    done = subprocess.run(command, cwd=at, env=env, capture_output=True, text=True)
    output = done.stdout + done.stderr
    if done.returncode != 0:
        lines = [line.strip(" │╭╰─╮╯") for line in output.splitlines()]
        stop(f"{[command[0], *filter(None, lines)][-1]}{hint}")
    return output if hint else done.stdout


def lock_file(project: Path) -> str:
    """Return the name of the lock file that the Makefile writes."""
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    return "".join(re.findall(r"^LOCK := (.*)$", makefile, re.MULTILINE))


def commit(project: Path) -> None:
    """Commit the files of the copy; the commit is discarded later."""
    run("git", "add", "--all", at=project)
    who = ("-c", "user.name=update", "-c", "user.email=update@localhost")
    quiet = ("--quiet", "--no-verify", "--no-gpg-sign", "--allow-empty")
    run("git", *who, "commit", *quiet, "--message", "update", at=project)


def save(state: dict[str, Any], project: Path) -> None:
    """Write the link to the template."""
    text = json.dumps(state, ensure_ascii=False, indent=2)
    (project / LINK).write_text(f"{text}\n", encoding="utf-8")


def release_sample(project: Path, state: dict[str, Any]) -> None:
    """Exclude files that replaced the sample from this and later updates.

    A deleted module is restored first, so that the update makes it an empty one.
    """
    answers = state["context"]["cookiecutter"]
    kinds = [*SAMPLE] if answers["starter"] in ("model", "service") else ["analysis"]
    names = [name for kind in kinds for name in SAMPLE[kind].split()]
    names = [name.format(answers["package_name"]) for name in names]
    own = [name for name in names if (project / name).exists()]
    for name in (name for name in names if name not in own and name[:4] == "src/"):
        log = ("git", "log", "--diff-filter=A", "--format=%H", "--", name)
        if added := run(*log, at=project).split():
            run("git", "checkout", "--quiet", added[-1], "--", name, at=project)
    state["skip"] = [*state.get("skip", []), "notebooks/01-start.ipynb", *own]
    save(state, project)
    commit(project)


def find_collisions(project: Path, output: str) -> list[str]:
    """Return the files that the template adds and the project already has."""
    stages: dict[str, str] = {}
    for line in run("git", "ls-files", "--unmerged", at=project).splitlines():
        entry, _, name = line.partition("\t")
        stages[name] = stages.get(name, "") + entry[-1]
    prefix = run("git", "rev-parse", "--show-prefix", at=project).strip()
    existing = re.findall(r"^error: (.+): already exists in ", output, re.MULTILINE)
    existing = [name.removeprefix(prefix) for name in existing]
    return sorted({*existing, *(name for name in stages if "1" not in stages[name])})


def update(
    project: Path, template: str, options: list[str]
) -> tuple[list[str], list[str], list[str]]:
    """Run cruft in a copy.

    Returns:
        The files with conflicts; the files that the project already had; and new files
        that depend on the template's version of these. Their names end in `.template`.
    """
    former, head = lock_file(project), run("git", "rev-parse", "HEAD").strip()
    hint = f" (template: {template}; if it has moved: TEMPLATE=…)"
    cruft = ("cruft", "update", "--skip-apply-ask", *options)
    output = run(*cruft, at=project, hint=hint)
    waiting: list[str] = []
    if collisions := find_collisions(project, output):  # again, without them
        run("git", "reset", "--quiet", "--hard", at=project)
        run("git", "clean", "--quiet", "-d", "--force", at=project)
        run("git", "rm", "--quiet", "--", *collisions, at=project)
        commit(project)
        output = run(*cruft, at=project, hint=hint)
        if any(name.endswith(".py") for name in collisions):
            run("git", "add", "--all", at=project)
            new = ("--relative", "--name-only", "--diff-filter=A", head)
            added = ("git", "diff", "--cached", *new, "--", "src/*.py", "tests/*.py")
            waiting = run(*added, at=project).splitlines()
        for name in (*collisions, *waiting):
            (project / name).rename(project / f"{name}.template")
        run("git", "checkout", "--quiet", head, "--", *collisions, at=project)
    state = json.loads((project / LINK).read_text(encoding="utf-8"))
    answers = state["context"]["cookiecutter"]
    kept = {key: value for key, value in answers.items() if key[0] != "_"}
    kept |= {"_template": template, "_commit": state["commit"]}
    state |= {"template": template, "context": {"cookiecutter": kept}}
    if collisions:
        state["skip"] = [*state.get("skip", []), *collisions]
    save(state, project)
    if lock_file(project) != former:
        run("git", "rm", "--quiet", "--ignore-unmatch", "--", former, at=project)
    marked = run("git", "diff", "--name-only", "--diff-filter=U", at=project)
    changed = run("git", "diff", "--name-only", head, at=project).splitlines()
    stuck = re.findall(r"^error: (.+): patch does not apply$", output, re.MULTILINE)
    gone = [f"{each} (not in the template)" for each in stuck if each not in changed]
    rejected = [path.relative_to(project).as_posix() for path in project.rglob("*.rej")]
    return [*marked.splitlines(), *rejected, *gone], collisions, waiting


def main() -> None:
    """Update the project."""
    if not shutil.which("cruft"):
        stop("cruft is missing: 'uv tool install cruft' or 'pipx install cruft'.")
    if changes := run("git", "status", "--porcelain", "--untracked-files=normal"):
        names = ", ".join(line[3:] for line in changes.splitlines()[:5])
        stop(f"commit or stash your changes first ({names}).")
    try:
        state = json.loads(LINK.read_text(encoding="utf-8"))
        template, answers = state["template"], state["context"]["cookiecutter"]
    except (OSError, ValueError, LookupError, TypeError):
        stop(f"{LINK} is missing or invalid: 'cruft link ADDRESS' writes it.")
    words = shlex.split(os.environ.get("SET", ""))
    wanted: dict[str, Any] = dict(word.partition("=")[::2] for word in words)
    known = [key for key in answers if key[0] != "_" and key not in FIXED]
    if unknown := [key for key in wanted if key not in known]:
        stop(f"{unknown[0]} can't be changed; these can: {', '.join(known)}.")
    starter = answers["starter"]
    had_sample = starter != "notebook" and answers.get("sample", True)
    data = Path("src", answers["package_name"], "data.py")
    has_sample = had_sample and data.exists() and b"penguins.csv" in data.read_bytes()
    sample = {"yes": True, "no": False}.get(os.environ.get("SAMPLE", ""), has_sample)
    if sample != had_sample or wanted.get("starter", starter) != starter:
        wanted.setdefault("sample", sample)
    options = ["--variables-to-update", json.dumps(wanted)] if wanted else []
    if reference := os.environ.get("TO"):
        options += ["--checkout", reference]
    if moved := os.environ.get("TEMPLATE"):
        template = str(Path(moved).resolve()) if Path(moved).exists() else moved
        options += ["--template-path", template]
    former, top = lock_file(Path()), run("git", "rev-parse", "--show-toplevel").strip()
    with tempfile.TemporaryDirectory() as scratch:
        copy, patch = Path(scratch, "copy"), str(Path(scratch, "patch"))
        run("git", "worktree", "add", "--quiet", "--detach", str(copy))
        try:
            project = copy / run("git", "rev-parse", "--show-prefix").strip()
            head = run("git", "rev-parse", "HEAD").strip()
            if had_sample and not sample:
                release_sample(project, state)
            left, collisions, waiting = update(project, template, options)
            run("git", "add", "--all", at=copy)
            diff = ("git", "diff-index", "--cached", head)
            changed = run(*diff, "--name-only", at=copy).splitlines()
            run(*diff, "--binary", f"--output={patch}", at=copy)
        finally:
            run("git", "worktree", "remove", "--force", str(copy))
        listed = run("git", "ls-files", "-v", "--full-name").splitlines()
        marked = {line[2:] for line in listed if line[0] == "S" or line[0].islower()}
        if hidden := sorted(marked.intersection(changed)):
            unmark = "git update-index --no-assume-unchanged --no-skip-worktree"
            stop(f"git ignores your edits in {hidden[0]}: run '{unmark} {hidden[0]}'.")
        if changed:
            run("git", "apply", "--index", "--whitespace=nowarn", patch, at=top)
    if not changed and not left:
        print("The project is up to date with its template.")
        return
    if lock_file(Path()) != former:  # another manager recreates the environment
        Path(".venv/made-for").unlink(missing_ok=True)
    print("To undo the update: git reset --quiet --hard")
    if collisions:
        title = "Your files were kept; the template's versions end in .template:"
        print("\n  ".join([title, *collisions]))
    if waiting:
        title = "These new files end in .template, as they may not fit your files:"
        print("\n  ".join([title, *waiting]))
        print("To use them: for f in src/*/*.template tests/*.template;", end=" ")
        print('do mv -n "$f" "${f%.template}"; done')
    if left:
        sys.exit("\n  ".join(["Resolve these conflicts:", *left]) + f"\nThen: {FINISH}")
    print(f"{len(changed)} files are updated: 'git diff HEAD' shows the changes.")
    make = [os.environ.get("MAKE", "make"), "--no-print-directory", "lock", "install"]
    if subprocess.run(make).returncode != 0:
        sys.exit(f"The files are updated, the environment is not: run '{FINISH}'.")
    print("Then: make check test && git add --all && git commit")


if __name__ == "__main__":
    main()
