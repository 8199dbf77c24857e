"""Update this project from its template with cruft, or change one of its answers.

cruft works in a copy of the last commit; what it has changed comes here at the end.

The environment says what is wanted: TO (a branch, tag or commit), SET (ANSWER=VALUE …),
TEMPLATE (where the template is now), SAMPLE (yes or no, for another starter).
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
FIXED = ("project_slug", "package_name")  # files and code carry them
CSV = "data/raw/penguins.csv"
CODE = ("src/*/{}.py", "tests/test_{}.py")
# The files whose subject is the sample, by the starter with which they come.
SAMPLE = {
    "notebook": ["notebooks/01-start.ipynb"],
    "analysis": [CSV, "notebooks/01-explore.ipynb"]
    + [each.format(name) for each in CODE for name in ("data", "plots")],
    "model": ["notebooks/02-model.ipynb"] + [each.format("features") for each in CODE],
}
WORK = ("01-explore", "01-start", "02-model")
# What does not come where no sample is wanted, and a notebook that then stays.
SHOWN = [CSV, *(f"notebooks/{name}.ipynb" for name in WORK)]
FINISH = "make lock install && git add --all && git commit"


def stop(reason: str) -> NoReturn:
    """End with one line that says why nothing was updated."""
    sys.exit(f"No update: {reason}")


def run(*command: str, at: Path | str = ".", hint: str = "") -> str:
    """Return what a program prints, or stop with its last line and the hint."""
    env = {**os.environ, "COLUMNS": "999", "_TYPER_STANDARD_TRACEBACK": "1"}
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


def save(state: dict[str, Any], project: Path) -> None:
    """Write the link to the template."""
    text = json.dumps(state, ensure_ascii=False, indent=2)
    (project / LINK).write_text(f"{text}\n", encoding="utf-8")


def skipped(starter: str, package: str) -> list[str]:
    """Return the files of a starter's sample that its owner has changed or deleted."""
    names = SAMPLE["notebook"] if starter == "notebook" else SAMPLE["analysis"]
    if starter in ("model", "service"):
        names = [*names, *SAMPLE["model"]]
    names = [name.replace("*", package) for name in names]
    first = ("git", "log", "--diff-filter=A", "--format=%H", "--")
    found = []
    for name in names:
        added = run(*first, name).splitlines()
        same = ("git", "diff", "--name-only", added[-1], "--", name) if added else ()
        if not added or run(*same):
            found.append(name)
    return found


def collisions(project: Path, said: str) -> list[str]:
    """Return the files of the user's that the template would bring as well."""
    stages: dict[str, set[str]] = {}
    for line in run("git", "ls-files", "--unmerged", "-z", at=project).split("\0")[:-1]:
        entry, _, name = line.partition("\t")
        stages.setdefault(name, set()).add(entry[-1])
    there = re.findall(r"^error: (.+): already exists in ", said, re.MULTILINE)
    prefix = run("git", "rev-parse", "--show-prefix", at=project).strip()
    both = [name for name, found in stages.items() if "1" not in found]
    return sorted({*both, *(name.removeprefix(prefix) for name in there)})


def commit(project: Path) -> None:
    """Commit what is staged in the copy, which is thrown away."""
    who = ("-c", "user.name=update", "-c", "user.email=update@localhost")
    quiet = ("--quiet", "--no-verify", "--no-gpg-sign", "--message", "update")
    run("git", *who, "commit", *quiet, at=project)


def update(
    project: Path, template: str, options: list[str]
) -> tuple[list[str], list[str]]:
    """Let cruft change the files of a copy; return conflicts, and files to connect."""
    former = lock_file(project)
    hint = f" (template: {template}; if it has moved: TEMPLATE=…)"
    cruft = ("cruft", "update", "--skip-apply-ask", *options)
    said = run(*cruft, at=project, hint=hint)
    head = run("git", "rev-parse", "HEAD", at=project).strip()
    if kept_aside := collisions(project, said):  # again, without the user's files
        run("git", "reset", "--quiet", "--hard", at=project)
        run("git", "clean", "--quiet", "-d", "--force", at=project)
        run("git", "rm", "--quiet", "--", *kept_aside, at=project)
        commit(project)
        said = run(*cruft, at=project, hint=hint)
        for name in kept_aside:
            (project / name).rename(project / f"{name}.template")
        run("git", "checkout", "--quiet", head, "--", *kept_aside, at=project)
    state = json.loads((project / LINK).read_text(encoding="utf-8"))
    answers = state["context"]["cookiecutter"]
    kept = {key: value for key, value in answers.items() if key[0] != "_"}
    kept |= {"_template": template, "_commit": state["commit"]}
    state |= {"template": template, "context": {"cookiecutter": kept}}
    save(state, project)
    if lock_file(project) != former:
        run("git", "rm", "--quiet", "--ignore-unmatch", "--", former, at=project)
    marked = run("git", "diff", "--name-only", "--diff-filter=U", at=project)
    changed = run("git", "diff", "--name-only", head, at=project).splitlines()
    stuck = re.findall(r"^error: (.+): patch does not apply$", said, re.MULTILINE)
    gone = [f"{each} (not in the template)" for each in stuck if each not in changed]
    rejected = [path.relative_to(project).as_posix() for path in project.rglob("*.rej")]
    beside = [f"{name} (template: {name}.template)" for name in kept_aside]
    return [*marked.splitlines(), *rejected, *gone], beside


def main() -> None:
    """Update the project, or say in one line why not."""
    if not shutil.which("cruft"):
        stop("cruft is missing: 'uv tool install cruft' or 'pipx install cruft'.")
    if changes := run("git", "status", "--porcelain", "--untracked-files=normal"):
        names = ", ".join(line[3:] for line in changes.splitlines()[:5])
        stop(f"commit or stash your changes first ({names}).")
    try:
        state = json.loads(LINK.read_text(encoding="utf-8"))
        template, answers = state["template"], state["context"]["cookiecutter"]
    except (OSError, ValueError, LookupError, TypeError):
        stop(f"{LINK} can't be read: 'cruft link ADDRESS' makes a new one.")
    words = shlex.split(os.environ.get("SET", ""))
    wanted = dict(word.partition("=")[::2] for word in words)
    known = [key for key in answers if key[0] != "_" and key not in FIXED]
    if unknown := [key for key in wanted if key not in known]:
        stop(f"{unknown[0]} can't be changed; these can: {', '.join(known)}.")
    starter = answers.get("starter", "analysis")
    grows = wanted.get("starter", starter) != starter
    if grows:
        tracked = run("git", "ls-files", "--", CSV)
        sample = os.environ.get("SAMPLE") or ("yes" if tracked else "no")
        if sample not in ("yes", "no"):
            stop(f"SAMPLE is {sample!r}, and can be yes or no.")
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
            mine = skipped(starter, answers["package_name"]) if grows else []
            if grows and sample == "no":
                mine = sorted({*mine, *SHOWN})
            skip = state.get("skip") or []
            if mine := [name for name in mine if name not in skip]:
                save(state | {"skip": [*skip, *mine]}, project)
                run("git", "add", "--all", at=copy)
                commit(project)
            left, beside = update(project, template, options)
            run("git", "add", "--all", at=copy)
            diff = ("git", "diff", "--cached", head)
            changed = run(*diff, "--name-only", at=copy).splitlines()
            run(*diff, "--binary", f"--output={patch}", at=copy)
        finally:
            run("git", "worktree", "remove", "--force", str(copy))
        if changed:
            run("git", "apply", "--index", "--whitespace=nowarn", patch, at=top)
    if not changed and not left:
        print("The project is up to date with its template.")
        return
    if lock_file(Path()) != former:  # another manager makes its own environment
        Path(".venv/unfinished").touch()
    print("To undo the update: git reset --quiet --hard")
    if beside:
        print("\n  ".join(["Connect these:", *beside]))
    if left:
        sys.exit("\n  ".join(["Resolve these conflicts:", *left]) + f"\nThen: {FINISH}")
    print(f"{len(changed)} files are updated: 'git diff HEAD' shows how.")
    make = [os.environ.get("MAKE", "make"), "--no-print-directory", "lock", "install"]
    if subprocess.run(make).returncode != 0:
        sys.exit(f"The files are updated, the environment is not.\nThen: {FINISH}")
    print("Then: make test && git add --all && git commit")


if __name__ == "__main__":
    main()
