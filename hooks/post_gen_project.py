"""Set up the rendered project: link it to its template, run make, report.

The hook always exits with status 0, because cookiecutter deletes the project on any
other. If a step fails, the report shows why, and the command to resume with.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

Answers = dict[str, Any]  # cookiecutter's context

LINK = ".cruft.json"
ORIGIN = "COOKIECUTTER_DS_PACKAGE_ORIGIN"  # set by tools/new.py
RENDERED_OVER = ".rendered-over"  # lists the directories that already existed
OUTPUT_LINES = 6  # shown of a failed command
TERMINATE_TIMEOUT = 5  # seconds between SIGTERM and SIGKILL
SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # Windows lacks two
]
# The first command for each starter, and what it does.
FIRST = {
    "notebook": ("make lab", "put your data into data/raw and open the notebook"),
    "analysis": ("make lab", "open the example, notebooks/01-explore.ipynb"),
    "model": ("make train evaluate", "train the example model and evaluate it"),
    "service": ("make train serve", "train the example model and serve it"),
}


class StepError(Exception):
    """A step failed: the reason in one line, and the output of its command."""

    def __init__(self, reason: str, output: str = "") -> None:
        super().__init__(reason)
        self.output = output


# Where the template came from


def git(directory: Path | str, *words: str) -> str:
    """Return git's output in a directory, or an empty string if git fails."""
    command = ["git", "-C", str(directory), *words]
    unset = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")
    environment = {k: v for k, v in os.environ.items() if k not in unset}
    try:
        done = subprocess.run(command, env=environment, capture_output=True)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()


def find_origin(answers: Answers) -> dict[str, str]:
    """Return the template's address and commit, or {} if it is not a git repository.

    `_repo_dir` is a copy of the template or of its clone, and has its `.git`.
    """
    if ORIGIN in os.environ:
        return dict(json.loads(os.environ[ORIGIN]))
    given = os.path.expanduser(answers["_template"])
    local = Path(os.environ.get("PWD", ""), given).resolve()
    place = local if local.is_dir() else Path(answers["_repo_dir"])
    if not (place / ".git").exists():
        return {}
    remote = git(place, "remote").partition("\n")[0]
    url = str(local) if place == local else git(place, "remote", "get-url", remote)
    return {"template": url, "commit": git(place, "rev-parse", "HEAD")}


def link(answers: Answers) -> str:
    """Link the project to its template for cruft; return a note on the commit."""
    origin = {} if "_commit" in answers else find_origin(answers)  # cruft writes it
    if not origin.get("template") or not origin.get("commit"):
        return ""
    # An access token in the address must not be committed.
    address = re.sub(r"^(https?://)[^/]*@", r"\1", origin["template"])
    context = {key: value for key, value in answers.items() if key[0] != "_"}
    context |= {"_template": address, "_commit": origin["commit"]}
    state = {**origin, "template": address, "checkout": answers["_checkout"]}
    state |= {"context": {"cookiecutter": context}, "directory": None}
    text = json.dumps(state, ensure_ascii=False, indent=2)
    Path(LINK).write_text(f"{text}\n", encoding="utf-8")
    return f", from the template's commit {origin['commit'][:7]}"


def is_scratch(answers: Answers, project: Path) -> bool:
    """Return whether cruft renders here only to compare, and deletes the result."""
    directory = project.parent.resolve()
    is_temporary = directory.parent == Path(tempfile.gettempdir()).resolve()
    is_random = re.fullmatch(r"tmp[a-z0-9_]{8}", directory.name)
    return "_commit" in answers and is_temporary and is_random is not None


# An existing directory


def write_beside(answers: Answers) -> list[str]:
    """Write the template's versions of kept files next to them.

    A `.gitignore` gets the template's lines as a block at its end instead.

    Returns:
        The new files, named like the kept ones with `.template` at the end.
    """
    from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]

    written = []
    with tempfile.TemporaryDirectory() as scratch:
        made = cookiecutter(
            answers["_repo_dir"],
            no_input=True,
            extra_context={key: answers[key] for key in answers if key[0] != "_"},
            default_config=True,
            accept_hooks=False,
            output_dir=scratch,
        )
        for path in sorted(Path(made).rglob("*")):
            name = path.relative_to(made)
            beside = name.with_name(f"{name.name}.template")
            if path.is_dir() or name.read_bytes() == path.read_bytes():
                continue
            if name.as_posix() == ".gitignore":
                add_block(name, path.read_text(encoding="utf-8"))
            elif not beside.exists():
                beside.write_bytes(path.read_bytes())
                written.append(beside.as_posix())
    return written


def add_block(path: Path, lines: str) -> None:
    """Add lines between two marks at the end of a file, once."""
    first, last = "# >>> the project's template", "# <<< the project's template"
    text = path.read_text(encoding="utf-8")
    if first not in text.splitlines():
        end = "" if text.endswith("\n") or not text else "\n"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{end}\n{first}\n{lines}{last}\n")


# Running make


def stop(number: int, frame: object) -> NoReturn:
    """Handle a signal: stop the step, but not this hook."""
    for each in SIGNALS:  # a second Ctrl-C must not interrupt the report
        signal.signal(each, signal.SIG_IGN)
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    raise StepError(f"stopped by {name}")


@contextlib.contextmanager
def foreground() -> Iterator[None]:
    """Become the terminal's foreground process group, and stop steps on signals.

    Otherwise cookiecutter would receive Ctrl-C as well.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup
            signal.signal(number, stop)
    group, terminal = 0, -1
    with contextlib.suppress(OSError, AttributeError):  # no terminal, or Windows
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        terminal = os.open("/dev/tty", os.O_RDWR)
        if os.tcgetpgrp(terminal) == os.getpgrp():
            group = os.getpgrp()
            os.setpgid(0, 0)
            os.tcsetpgrp(terminal, os.getpgrp())
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if group:
                os.tcsetpgrp(terminal, group)
                os.setpgid(0, group)


def run(*command: str) -> str:
    """Return what a command prints; raise StepError if it fails or is stopped."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # so that Ctrl-C does not reach it
        )
    except OSError as error:
        raise StepError(f"{command[0]}: {error.strerror}") from None
    try:
        output = process.communicate()[0].strip()
    except StepError:
        terminate(process)
        raise
    if process.returncode:
        raise StepError(f"'{shlex.join(command)}' failed:", output)
    return output


def terminate(process: subprocess.Popen[str]) -> None:
    """End a command and all its child processes."""
    for name in ("SIGTERM", "SIGKILL"):  # Windows has no killpg
        with contextlib.suppress(OSError, AttributeError, subprocess.TimeoutExpired):
            os.killpg(process.pid, getattr(signal, name))
            process.wait(TERMINATE_TIMEOUT)


# Reporting


class Report:
    """Print the steps with rich; a closed output is not an error."""

    def __init__(self) -> None:
        from rich.console import Console  # slow to import

        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
        self.console = Console(highlight=False, soft_wrap=True)

    def write(self, text: str = "", style: str = "") -> None:
        try:
            self.console.print(text, style=style or None, markup=False)
        except (OSError, ValueError, SystemExit):
            self.console.file = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115

    def line(self, mark: str, name: str, detail: str) -> None:
        style = {"✓": "green", "✗": "red"}.get(mark, "yellow")
        self.write(f"  {mark} {name:<12} {detail}", style)

    def block(self, title: str, *lines: str) -> None:
        self.write(f"\n{title}", "bold")
        for line in lines:
            self.write(f"  {line}")

    def step(self, name: str, *goals: str) -> None:
        """Run make and report the time, and what make printed about the kernel."""
        start = time.monotonic()
        status = self.console.status(f"{name} …", spinner="line")
        with status if self.console.is_terminal else contextlib.nullcontext():
            output = run("make", "--no-print-directory", *goals)
        self.line("✓", name, f"{time.monotonic() - start:.1f} s")
        printed = ("Kernel ", "The kernel ", "'make kernel ")  # by make/kernel.py
        for line in output.splitlines():
            if line.startswith(printed):
                self.line("✓" if line.endswith("registered.") else "–", "kernel", line)


def shown_path(project: Path) -> str:
    """Return the project's path, relative to where cookiecutter was called."""
    called_from = os.environ.get("PWD", "")
    relative = os.path.relpath(project, called_from) if called_from else ""
    inside = relative and not relative.startswith("..")
    return shlex.quote(relative if inside else str(project))


def commands_without_make() -> list[str]:
    """Return the environment manager's own commands, which the README lists."""
    text = Path("README.md").read_text(encoding="utf-8")
    found = re.search(r"## Without make\n+```bash\n(.*?)```", text, re.DOTALL)
    return found[1].splitlines() if found else []


def identity_commands(answers: Answers) -> list[str]:
    """Return the commands that set git's user name and e-mail, if they are unset."""
    who = ("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    if shutil.which("git") is None or git(".", *who):
        return []
    return [
        f"git config --global user.{key} {shlex.quote(answers[f'author_{key}'])}"
        for key in ("name", "email")
    ]


def set_up(answers: Answers, project: Path, report: Report) -> None:
    """Run make for the environment and the repository; print the next steps."""
    cd = f"cd {shown_path(project)}"
    goals = {"environment": ["bootstrap", "install"], "repository": ["repository"]}
    if outer := git(project.parent, "rev-parse", "--show-toplevel"):
        del goals["repository"]
    try:
        for name in [*goals]:
            report.step(name, *goals[name])
            del goals[name]
        if outer:
            advice = "'make repository' creates a separate one"
            report.line("–", "repository", f"none: part of {outer}; {advice}")
    except StepError as error:
        report.line("✗", name, str(error))
        for line in error.output.splitlines()[-OUTPUT_LINES:]:
            report.write(f"    | {line}", "dim")
    if goals and shutil.which("make") is None:
        commands = commands_without_make()
        report.block("The project is kept. Install make, or run:", cd, *commands)
    elif goals:
        make = " ".join(["make", *(goal for each in goals.values() for goal in each)])
        identity = identity_commands(answers) if "repository" in goals else []
        command = " && ".join([cd, *identity, make])
        report.block("The project is kept. To resume:", command)
    if "environment" not in goals:
        first, then = FIRST[answers["starter"] if answers["sample"] else "notebook"]
        report.block(
            "Next:",
            cd,
            f"{first:<20} {then}",
            f"{'make test':<20} run the tests",
            f"{'make':<20} list all commands",
        )
        report.write("Git ignores your files in data/raw; see the README there.")


def finish_existing(answers: Answers, cd: str) -> None:
    """Add the template's versions of kept files, and print the next steps."""
    print("The existing files were kept; nothing was committed.")
    if beside := write_beside(answers):
        print("\n  ".join(["The template's versions of them are in:", *beside]))
    print(f"Next:\n  {cd} && make install test")
    if Path("requirements.txt").exists():
        print("  make add FILE=requirements.txt    adds its lines as dependencies")


def main() -> None:
    answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
    project = Path.cwd()
    cd = f"cd {shown_path(project)}"
    over = Path(RENDERED_OVER)
    existing = json.loads(over.read_text(encoding="utf-8")) if over.exists() else []
    for root, _, _ in os.walk(".", topdown=False):
        if root not in existing:
            with contextlib.suppress(OSError):
                os.rmdir(root)  # only empty directories, which rendering created
    if existing:
        over.unlink()
        if not Path(LINK).exists():
            link(answers)
        finish_existing(answers, cd)
        return
    if is_scratch(answers, project):
        return
    linked = link(answers)
    count = sum(len(files) for _, _, files in os.walk(project))
    if not answers["set_up"]:
        print(f"{count} files in {project.name}{linked}\n\nTo set it up:")
        print(f"  {cd} && make install repository")
        return
    report = Report()
    report.line("✓", "files", f"{count} in {project.name}{linked}")
    with foreground():
        set_up(answers, project, report)


if __name__ == "__main__":
    try:
        main()
    except (Exception, SystemExit) as error:  # a bug here must not delete the project
        with contextlib.suppress(OSError):
            print(f"The project is kept, but its set-up ended with {error!r}.")
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(0)  # Python would fail to flush a closed output
