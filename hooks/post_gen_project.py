"""Set up the rendered project: link it to its template, run make, report.

Whatever happens, the hook ends with status 0: on any other, cookiecutter deletes the
project. A step that fails says why, and which command resumes.
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
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

Answers = dict[str, Any]  # cookiecutter's context

LINK = ".cruft.json"
ORIGIN = "COOKIECUTTER_DS_PACKAGE_ORIGIN"  # set by tools/new.py
RENDERED_OVER = ".rendered-over"  # made by the pre-generation hook
OUTPUT_LINES = 6  # of a command that failed
TERMINATE_TIMEOUT = 5  # seconds until a command that was asked to end is killed
# By starter: the first command, and what it is for.
FIRST = {
    "notebook": ("make lab", "put your data into data/raw and open the notebook"),
    "analysis": ("make lab", "open the example, notebooks/01-explore.ipynb"),
    "model": ("make train evaluate", "train the example's model and measure it"),
    "service": ("make train serve", "train the example's model and serve it"),
}
SIGNALS = {
    "SIGINT": "stopped by Ctrl-C",
    "SIGQUIT": "stopped by Ctrl-\\",
    "SIGTERM": "stopped: asked to end",
    "SIGHUP": "stopped: the terminal was closed",
}


class StepError(Exception):
    """Why a step failed, in one line.

    Attributes:
        output: what the command printed.
    """

    def __init__(self, reason: str, output: str = "") -> None:
        super().__init__(reason)
        self.output = output


# Where the template came from


class Origin(NamedTuple):
    """A template in a git repository, as cruft finds it again.

    Attributes:
        template: address of the repository, or its path on this machine.
        commit: what was rendered.
        checkout: the branch or tag that was asked for.
        directory: where in the repository the template is, if not at its top.
    """

    template: str
    commit: str
    checkout: str | None = None
    directory: str | None = None


def git(directory: Path | str, *words: str) -> str:
    """Return what git prints in a directory, nothing if it fails."""
    command = ["git", "-C", str(directory), *words]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_DIR")}
    try:
        done = subprocess.run(command, env=environment, capture_output=True)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()


def find_origin(answers: Answers) -> Origin | None:
    """Return where the template came from, None if that is no git repository.

    Cookiecutter may have rendered from a copy of the template, or of the part of it
    that ``--directory`` names: then the answers lead to the copy.
    """
    if ORIGIN in os.environ:
        return Origin(**json.loads(os.environ[ORIGIN]))
    rendered = Path(answers.get("_repo_dir", ""))
    given = str(answers.get("_template", ""))
    local = Path(os.environ.get("PWD", ""), os.path.expanduser(given))
    is_local = bool(given) and local.is_dir()
    for place in [local] if is_local else [rendered, *find_clones(given)]:
        top, commit = git(place, "rev-parse", "--show-toplevel", "HEAD").partition(
            "\n"
        )[::2]
        address = top if is_local else git(place, "remote", "get-url", "origin")
        directory = find_directory(top, place, rendered) if top else None
        if commit and address and directory is not None:
            checkout = answers.get("_checkout") or None
            return Origin(address, commit, checkout, directory or None)
    return None


def find_directory(top: str, place: Path, rendered: Path) -> str | None:
    """Return where in its repository the template is, None if git does not track it."""
    listed = git(top, "ls-files", "--", "*cookiecutter.json").splitlines()
    tracked = {Path(line).parent for line in listed}
    here = Path(os.path.relpath(place.resolve(), Path(top).resolve()))
    if here in tracked and rendered.name in ("", place.resolve().name):
        return "" if here == Path() else here.as_posix()
    found = [each.as_posix() for each in tracked if each.name == rendered.name]
    return found[0] if len(found) == 1 else None


def find_clones(template: str) -> list[Path]:
    """Return where cookiecutter keeps its clone of a repository."""
    from cookiecutter.config import (  # type: ignore[import-untyped]
        get_user_config,  # slow to import
    )

    name = template.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return [Path(get_user_config()["cookiecutters_dir"], name)] if name else []


def link(answers: Answers) -> str:
    """Write what cruft needs for updates; return what it says of the template."""
    origin = None if "_commit" in answers else find_origin(answers)  # cruft writes it
    if origin is None:
        return ""
    context = {key: value for key, value in answers.items() if key[0] != "_"}
    context |= {"_template": origin.template, "_commit": origin.commit}
    state = {**origin._asdict(), "context": {"cookiecutter": context}}
    text = json.dumps(state, ensure_ascii=False, indent=2)
    try:
        Path(LINK).write_text(f"{text}\n", encoding="utf-8")
    except OSError:
        Path(LINK).unlink(missing_ok=True)  # no link rather than half of one
        return ""
    return f", from the template's commit {origin.commit[:7]}"


def is_scratch(answers: Answers, project: Path) -> bool:
    """Tell whether cruft renders here only to compare, and deletes the result."""
    if "_commit" not in answers or "_output_dir" in answers:
        return False
    import tempfile  # slow to import

    directory = project.parent.resolve()
    is_temporary = directory.parent == Path(tempfile.gettempdir()).resolve()
    return is_temporary and bool(re.fullmatch(r"tmp[a-z0-9_]{8}", directory.name))


# A directory that was there already


def write_beside(answers: Answers) -> list[str]:
    """Write what the template would have written beside the files that were kept.

    A `.gitignore` gets the template's lines as a block at its end instead.

    Returns:
        The new files, named like the kept ones with `.template` at the end.
    """
    import tempfile

    from cookiecutter.main import (  # type: ignore[import-untyped]
        cookiecutter,  # slow to import
    )

    given = {key: value for key, value in answers.items() if key[0] != "_"}
    written = []
    with tempfile.TemporaryDirectory() as scratch:
        made = cookiecutter(
            answers["_repo_dir"],
            no_input=True,
            extra_context=given,
            default_config=True,
            accept_hooks=False,
            output_dir=scratch,
        )
        for path in sorted(Path(made).rglob("*")):
            name = path.relative_to(made)
            if path.is_dir() or name.read_bytes() == path.read_bytes():
                continue
            if name.as_posix() == ".gitignore":
                add_block(name, path.read_text(encoding="utf-8"))
                continue
            beside = name.with_name(f"{name.name}.template")
            if not beside.exists():
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


class Runner:
    """Runs one command at a time, out of reach of the terminal's signals."""

    def __init__(self) -> None:
        self.stopped = ""
        self.process: subprocess.Popen[str] | None = None

    def run(self, *command: str) -> str:
        """Return what a command prints; raise StepError if it fails or is stopped."""
        if self.stopped:
            raise StepError(self.stopped)
        parent = os.getppid()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        while True:
            try:
                output = self.process.communicate(timeout=0.1)[0].strip()
                break
            except subprocess.TimeoutExpired:
                if os.getppid() != parent:
                    self.stop("stopped: cookiecutter has ended")
        if self.stopped:
            raise StepError(self.stopped)
        if self.process.returncode:
            raise StepError(f"'{shlex.join(command)}' failed:", output)
        return output

    def stop(self, reason: str) -> None:
        """End the command and all that it has started, and run no other one."""
        self.stopped = self.stopped or reason
        if self.process is None or self.process.poll() is not None:
            return
        self.signal("SIGTERM")
        try:
            self.process.wait(TERMINATE_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.signal("SIGKILL")

    def signal(self, name: str) -> None:
        """Send a signal to the command's process group."""
        with contextlib.suppress(OSError):
            if os.name == "nt":
                self.process.terminate()  # type: ignore[union-attr]
            else:
                os.killpg(self.process.pid, getattr(signal, name))  # type: ignore[union-attr]


@contextlib.contextmanager
def signals_handled(runner: Runner) -> Iterator[None]:
    """Stop the command on Ctrl-C, termination or a closed terminal, and live on.

    A terminal sends Ctrl-C to its foreground process group, and cookiecutter, the
    parent, would fail and delete the project. So the hook gets a group of its own in
    the foreground, as a shell does with its jobs.
    """
    reasons = {getattr(signal, each, None): text for each, text in SIGNALS.items()}
    for number in reasons:
        if number and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: runner.stop(reasons[number]))
    group, terminal = None, -1
    if hasattr(os, "tcsetpgrp"):
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            terminal = os.open("/dev/tty", os.O_RDWR)
            if os.tcgetpgrp(terminal) == os.getpgrp():
                group = os.getpgrp()
                os.setpgid(0, 0)
                os.tcsetpgrp(terminal, os.getpgrp())
    try:
        yield
    finally:
        if group is not None:
            with contextlib.suppress(OSError):
                os.tcsetpgrp(terminal, group)
                os.setpgid(0, group)


# Reporting


class Report:
    """Prints the steps with rich; an output that nobody reads stops nothing."""

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
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def step(self, name: str, runner: Runner, *commands: tuple[str, ...]) -> str:
        """Run the commands of a step, and return the output of the last one."""
        began, output = time.monotonic(), ""
        status = self.console.status(f"{name} …", spinner="line")
        with status if self.console.is_terminal else contextlib.nullcontext():
            for command in commands:
                output = runner.run(*command)
        self.line("✓", name, f"{time.monotonic() - began:.1f} s", "green")
        return output

    def line(self, mark: str, name: str, detail: str, style: str = "yellow") -> None:
        self.write(f"  {mark} {name:<12} {detail}", style)

    def kernel(self, output: str) -> None:
        """Report what make printed about the kernel."""
        printed = ("Kernel ", "The kernel ", "'make kernel ")  # by make/kernel.py
        for line in filter(lambda each: each.startswith(printed), output.splitlines()):
            done = line.endswith("registered.")
            self.line(
                "✓" if done else "–", "kernel", line, "green" if done else "yellow"
            )

    def block(self, title: str, *lines: str) -> None:
        self.write(f"\n{title}", "bold")
        for line in lines:
            self.write(f"  {line}")


def shown_path(project: Path) -> str:
    """Return how the person who called cookiecutter would name the directory."""
    called_from = os.environ.get("PWD", "")
    relative = os.path.relpath(project, called_from) if called_from else ""
    inside = relative and not relative.startswith("..")
    return shlex.quote(relative if inside else str(project))


def commands_without_make() -> list[str]:
    """Return the environment manager's own commands, which the README lists."""
    text = Path("README.md").read_text(encoding="utf-8")
    found = re.search(r"## Without make\n+```bash\n(.*?)```", text, re.DOTALL)
    return found[1].splitlines() if found else []


def outer_repository(project: Path) -> Path | None:
    """Return the git work tree that the project's directory already lies in."""
    marks = (each / ".git" for each in project.parents)
    return next(
        (m.parent for m in marks if m.is_file() or (m / "HEAD").is_file()), None
    )


def identity_commands(answers: Answers) -> list[str]:
    """Return the commands that tell git who commits, none if it knows."""
    who = ("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    if shutil.which("git") is None or git(".", *who):
        return []
    return [
        f"git config --global user.{key} {shlex.quote(answers[f'author_{key}'])}"
        for key in ("name", "email")
    ]


def set_up(answers: Answers, project: Path, report: Report) -> None:
    """Run make for the environment and the repository; say what to do next."""
    runner, cd = Runner(), f"cd {shown_path(project)}"
    outer = outer_repository(project)
    left = ["bootstrap", "install"] if outer else ["bootstrap", "install", "repository"]
    step = "environment"
    try:
        with signals_handled(runner):
            make = ("make", "--no-print-directory")
            output = report.step(step, runner, (*make, "bootstrap"), (*make, "install"))
            left.remove("install")
            report.kernel(output)
            if outer:
                advice = "'make repository' makes one of its own"
                report.line("–", "repository", f"none: part of {outer}; {advice}")
            else:
                step = "repository"
                report.step(step, runner, (*make, step))
                left.remove(step)
    except StepError as error:
        report.line("✗", step, str(error), "red")
        for line in error.output.splitlines()[-OUTPUT_LINES:]:
            report.write(f"    | {line}", "dim")
    except OSError as error:
        report.line("✗", step, f"make: {error.strerror}", "red")
    if "install" not in left:
        left.remove("bootstrap")
    if left and shutil.which("make") is None:
        commands = commands_without_make()
        report.block("The project is kept. Install make, or run:", cd, *commands)
    elif left:
        who = identity_commands(answers) if "repository" in left else []
        command = " && ".join([cd, *who, f"make {' '.join(left)}"])
        report.block("The project is kept. To resume:", command)
    if "install" not in left:
        first, then = FIRST[answers["starter"] if answers["sample"] else "notebook"]
        report.block(
            "Next:",
            cd,
            f"{first:<20} {then}",
            f"{'make test':<20} run the tests",
            f"{'make':<20} list all commands",
        )
        report.write(
            "Git ignores your files in data/raw; its README says how to keep one."
        )


def main() -> None:
    answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
    project = Path.cwd()
    was_there = Path(RENDERED_OVER).is_dir()
    for root, _, _ in () if was_there else os.walk(project, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(root)  # only directories that rendering has left empty
    if was_there:
        os.rmdir(RENDERED_OVER)
    if is_scratch(answers, project):
        return
    linked = "" if was_there and Path(LINK).exists() else link(answers)
    cd = f"cd {shown_path(project)}"
    if was_there:
        print("Written beside the files here; nothing deleted, nothing committed.")
        if beside := write_beside(answers):
            print("\n  ".join(["Kept as they were; the template's are in:", *beside]))
        print(f"Next:\n  {cd} && make install test")
        if Path("requirements.txt").exists():
            print("  make add FILE=requirements.txt    adds its lines as dependencies")
        return
    count = sum(len(files) for _, _, files in os.walk(project))
    if not answers["set_up"]:
        print(f"{count} files in {project.name}{linked}\n\nTo set it up:")
        print(f"  {cd} && make install repository")
        return
    report = Report()
    report.line("✓", "files", f"{count} in {project.name}{linked}", "green")
    set_up(answers, project, report)


if __name__ == "__main__":
    try:
        main()
    except (Exception, SystemExit) as error:  # a bug here must not delete the project
        print(f"The project is kept, but its set-up ended with {error!r}.")
