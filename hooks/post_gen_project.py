"""Make the rendered files a project to work in: git, environment, kernel, first commit.

The hook looks at the machine, decides on the steps, runs those that don't need each
other side by side, and reports. It deletes nothing but empty directories and ends with
status 0 whatever happens to a step, because cookiecutter deletes the project on any
other; a step that can't be done says why, and which command goes on from there.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

Answers = dict[str, Any]  # cookiecutter's context

VENV = ".venv"
BIN = f"{VENV}/Scripts" if os.name == "nt" else f"{VENV}/bin"
LINK = ".cruft.json"
ORIGIN = "COOKIECUTTER_DS_PACKAGE_ORIGIN"  # set by tools/new.py
RENDERED_OVER = ".rendered-over"  # made by the pre-generation hook
OUTPUT_LINES = 6  # of a tool that failed
PATIENCE = 5  # seconds that a tool has to end in, before it is killed
VERBS = ("bootstrap", "install", "kernel", "hooks", "repository")  # in make's order
MISLEADING = (  # they would lead the tools away from the project
    "VIRTUAL_ENV",
    "PYTHONHOME",
    "PYTHONPATH",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "PIP_USER",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
)


class Problem(Exception):
    """Why a step was not done, for a person, and how to go on.

    Attributes:
        reason: one line.
        first: shell commands that must come before make.
        verbs: what to ask of make instead of the step's own verb, perhaps nothing.
        output: what the tool said last.
        mark: how the line is marked.
    """

    def __init__(
        self,
        reason: str,
        *,
        first: Sequence[str] = (),
        verbs: Sequence[str] | None = None,
        output: str = "",
        mark: str = "failed",
    ) -> None:
        self.reason = reason
        self.first = tuple(first)
        self.verbs = verbs
        self.output = output
        self.mark = mark


class Step(NamedTuple):
    """One line of the report.

    Attributes:
        name: what the line begins with.
        act: does it and returns what was done; raises Problem.
        verb: the make target that does the same later.
        needs: names of the steps that must have succeeded before.
    """

    name: str
    act: Callable[[], str]
    verb: str
    needs: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """How a step ended: its detail or its problem, and the seconds it took."""

    step: Step
    detail: str
    problem: Problem | None
    seconds: float


class Machine(NamedTuple):
    """What a look at the machine told, before anything is changed.

    Attributes:
        git: path of git, if there is one.
        outer_repository: work tree that the project's directory already lies in.
        has_identity: whether git knows whose commit it would be.
        workspace: uv workspace that would take the project in as a member.
    """

    git: str | None
    outer_repository: Path | None
    has_identity: bool
    workspace: Path | None


class Tools:
    """Runs programs, several at a time, and ends them all when told to."""

    def __init__(self, answers: Answers) -> None:
        self.stopped_by = ""
        self.running: list[subprocess.Popen[bytes]] = []
        self.lock = threading.RLock()  # a signal may come while it is held
        self.environment = {
            name: value for name, value in os.environ.items() if name not in MISLEADING
        }
        self.environment |= exports(answers)
        pythons = pyenv_pythons(answers["python_version"])
        self.environment["PATH"] = os.pathsep.join([os.environ["PATH"], *pythons])
        # The first use of a module may write its bytecode, not the set-up.
        self.environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def run(self, command: Sequence[str]) -> str:
        """Return what the command prints; raise Problem if it fails or is stopped."""
        process = self.start(command)
        output = process.communicate()[0].decode("utf-8", "replace").strip()
        with self.lock:
            self.running.remove(process)
        if self.stopped_by:
            raise Problem(self.stopped_by)
        if process.returncode != 0:
            words = [Path(word).name for word in command if not word.startswith("-")]
            raise Problem(f"'{' '.join(words[:3])}' failed:", output=output)
        return output

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program, out of the reach of what is typed at the terminal."""
        with self.lock:
            if self.stopped_by:
                raise Problem(self.stopped_by)
            try:
                process = subprocess.Popen(
                    command,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise Problem(f"{command[0]}: {error.strerror}") from None
            self.running.append(process)
        return process

    def succeeds(self, command: Sequence[str]) -> bool:
        """Tell whether the command ends with status 0."""
        try:
            self.run(command)
        except Problem:
            return False
        return True

    def stop(self, reason: str) -> None:
        """End what runs and start nothing more."""
        with self.lock:
            self.stopped_by = self.stopped_by or reason
            running = list(self.running)
        for process in running:
            end(process, "SIGTERM")
        for process in running:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                end(process, "SIGKILL")


def end(process: subprocess.Popen[bytes], by: str) -> None:
    """Send a signal to a program and all that it has started."""
    with contextlib.suppress(OSError):
        if os.name == "nt":
            process.terminate()
        else:
            os.killpg(process.pid, getattr(signal, by))


# Looking


def look(tools: Tools, answers: Answers, project: Path) -> Machine:
    """Return what the steps depend on."""
    git = shutil.which("git")
    who = [git or "", "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"]
    joins_workspaces = "uv" in manager_of(answers)["needs"]
    return Machine(
        git=git,
        outer_repository=next(filter(is_work_tree, project.parents), None),
        has_identity=git is not None and tools.succeeds(who),
        workspace=enclosing_workspace(project) if joins_workspaces else None,
    )


def is_work_tree(directory: Path) -> bool:
    """Tell whether git would take this directory for the top of a work tree."""
    mark = directory / ".git"  # a file in a worktree or submodule
    return mark.is_file() or (mark / "HEAD").is_file()


def enclosing_workspace(project: Path) -> Path | None:
    """Return the root of the uv workspace whose members include this directory."""
    for root in project.parents:
        workspace = workspace_of(root / "pyproject.toml")
        if workspace is not None:
            members, excluded = (
                any(project in root.glob(glob) for glob in workspace[key])
                for key in ("members", "exclude")
            )
            return root if members and not excluded else None
    return None


def workspace_of(manifest: Path) -> dict[str, list[str]] | None:
    """Return what a pyproject.toml says about a uv workspace, if it does."""
    if not manifest.is_file():
        return None
    import tomllib  # costs as much as everything else here, and is seldom needed

    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        tables = tomllib.loads(manifest.read_text(encoding="utf-8"))
        workspace = tables["tool"]["uv"]["workspace"]
        return {key: [*workspace.get(key, ())] for key in ("members", "exclude")}
    return None


def is_scratch(answers: Answers, project: Path) -> bool:
    """Tell whether cruft renders here only to compare, and throws the result away."""
    if "_commit" not in answers or "_output_dir" in answers:
        return False
    import tempfile  # as above

    directory = project.parent.resolve()
    is_temporary = directory.parent == Path(tempfile.gettempdir()).resolve()
    return is_temporary and bool(re.fullmatch(r"tmp[a-z0-9_]{8}", directory.name))


def pyenv_pythons(version: str) -> list[str]:
    """Return the directories in which pyenv holds Pythons of this version."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return [str(path) for path in sorted(pyenv.glob(f"versions/{version}.*/bin"))]


def find_python(tools: Tools, version: str) -> list[str]:
    """Return a Python of this version that can make environments; raise Problem."""
    pythons = (f"{each}/python" for each in pyenv_pythons(version))
    candidates = [f"python{version}", sys.executable, *pythons, "python3", "python"]
    check = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    found = (each for each in candidates if tools.succeeds([each, "-c", check]))
    missing = f"Python {version} is not here: 'pyenv install {version}', or python.org"
    for python in found:
        if tools.succeeds([python, "-c", "import ensurepip, venv"]):
            return [python]
        missing = (
            f"Python {version} lacks ensurepip, which makes environments"
            f" (on Debian and Ubuntu: apt install python{version}-venv)"
        )
    raise Problem(tools.stopped_by or missing)


def find_program(tools: Tools, name: str, oldest: str) -> list[str]:
    """Return the command that runs an environment manager; raise Problem.

    Args:
        oldest: the version that it must have at least.
    """
    problem = f"{name} is not on this machine"
    uv = os.environ.get("UV")  # set where uvx runs cookiecutter
    program = shutil.which(name) or (uv if name == "uv" else None)
    if program:
        version = version_of(tools, program)
        if version and numbers(version) >= numbers(oldest):
            return [program]
        if version:
            problem = f"{name} {version} is too old, {oldest} or newer is needed"
    if uv or shutil.which("uvx"):
        runner = ["uvx"] if shutil.which("uvx") else [uv or "", "tool", "run"]
        return [*runner, "--from", f"{name}>={oldest}", name]
    if shutil.which("pipx"):
        return ["pipx", "run", "--spec", f"{name}>={oldest}", name]
    raise Problem(problem, verbs=("bootstrap", "install"))


def version_of(tools: Tools, program: str) -> str:
    """Return the version that a program says it has, empty if it does not start."""
    try:
        found = re.search(r"\d+(\.\d+)+", tools.run([program, "--version"]))
    except Problem:
        if tools.stopped_by:
            raise
        return ""
    return found[0] if found else ""


def numbers(version: str) -> list[int]:
    """Return the parts of a version number."""
    return [int(part) for part in version.split(".")]


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


def origin_of(tools: Tools, answers: Answers) -> Origin | None:
    """Return where the template came from, None if that is no git repository.

    Cookiecutter may have copied the template, or the part of it that ``--directory``
    names, before it rendered it: then the answers lead to the copy.
    """
    if ORIGIN in os.environ:
        return Origin(**json.loads(os.environ[ORIGIN]))
    rendered = Path(answers.get("_repo_dir", ""))
    given = str(answers.get("_template", ""))
    called_from = os.environ.get("PWD", "")
    local = Path(called_from, os.path.expanduser(given))
    is_local = local.is_dir() and bool(given)
    for place in [local] if is_local else [rendered, *clones(given)]:
        top = git_says(tools, place, "rev-parse", "--show-toplevel")
        commit = git_says(tools, place, "rev-parse", "HEAD")
        directory = directory_in(tools, top, place, rendered) if top else None
        address = (
            top if is_local else git_says(tools, place, "remote", "get-url", "origin")
        )
        if commit and address and directory is not None:
            asked = answers.get("_checkout") or None
            return Origin(address, commit, asked, directory or None)
    return None


def git_says(tools: Tools, directory: Path, *words: str) -> str:
    """Return what git prints in a directory, nothing if it fails."""
    try:
        return tools.run(["git", "-C", str(directory), *words])
    except Problem:
        return ""


def directory_in(tools: Tools, top: str, place: Path, rendered: Path) -> str | None:
    """Return where in its repository the template is, None if git does not know it."""
    listed = git_says(tools, Path(top), "ls-files", "--", "*cookiecutter.json")
    tracked = {Path(line).parent for line in listed.splitlines()}
    here = Path(os.path.relpath(place.resolve(), Path(top).resolve()))
    if here in tracked and rendered.name in ("", place.resolve().name):
        return "" if here == Path() else here.as_posix()
    found = [each.as_posix() for each in tracked if each.name == rendered.name]
    return found[0] if len(found) == 1 else None


def clones(template: str) -> list[Path]:
    """Return where cookiecutter keeps its clone of a repository."""
    try:
        from cookiecutter.config import (  # type: ignore[import-untyped]
            get_user_config,  # seldom needed, and slow to import
        )
    except ImportError:
        return []
    name = template.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return [Path(get_user_config()["cookiecutters_dir"], name)] if name else []


def link(tools: Tools, answers: Answers) -> str:
    """Write what cruft needs for updates and return which commit the files are of.

    cruft itself writes that after this hook. Where nothing can be written there is no
    link, rather than half of one.
    """
    origin = None if "_commit" in answers else origin_of(tools, answers)
    if origin is None:
        return ""
    context = {key: value for key, value in answers.items() if key[0] != "_"}
    context |= {"_template": origin.template, "_commit": origin.commit}
    state = {**origin._asdict(), "context": {"cookiecutter": context}}
    text = json.dumps(state, ensure_ascii=False, indent=2)
    try:
        Path(LINK).write_text(f"{text}\n", encoding="utf-8")
    except OSError:
        Path(LINK).unlink(missing_ok=True)
        return ""
    return f", of the template's commit {origin.commit[:7]}"


# Deciding


def plan(
    tools: Tools, answers: Answers, machine: Machine, project: Path
) -> tuple[Step, ...]:
    """Return the steps, in the order in which they are begun."""
    acts: dict[str, Callable[[], str]] = {
        "repository": lambda: make_repository(tools, machine),
        "environment": lambda: make_environment(tools, answers, machine, project),
        "kernel": lambda: register_kernel(tools),
        "git hooks": lambda: install_hooks(tools),
        "first commit": lambda: commit(tools, answers, machine),
    }
    ready = ("repository", "environment")
    is_unknown = machine.git is not None and not machine.has_identity
    steps = [
        Step("repository", acts["repository"], "repository"),
        Step("environment", acts["environment"], "install"),
        Step("kernel", acts["kernel"], "kernel", ("environment",)),
    ]
    if machine.outer_repository is None:
        # That git knows nobody is told at once, whatever becomes of the environment.
        steps += [
            Step("git hooks", acts["git hooks"], "hooks", ready),
            Step(
                "first commit",
                acts["first commit"],
                "repository",
                () if is_unknown else ready,
            ),
        ]
    return tuple(steps)


def manager_of(answers: Answers) -> dict[str, Any]:
    """Return what cookiecutter.json says about the chosen environment manager."""
    table: dict[str, Any] = answers["_managers"][answers["environment_manager"]]
    return table


def locations(answers: Answers) -> dict[str, list[str]]:
    """Return what the table's make variables stand for that need not be looked for."""
    return {
        "BIN": [BIN],
        "VENV": [VENV],
        "ENVIRONMENT": [str(Path.cwd() / VENV)],
        "PROJECT": [answers["project_slug"]],
        "PYTHON_VERSION": [answers["python_version"]],
    }


def exports(answers: Answers) -> dict[str, str]:
    """Return the variables of the environment that tell the manager where things are.

    Credentials of the package index come from the environment, and only go there.
    """
    manager, variables = manager_of(answers), locations(answers)
    wanted = dict(manager["exports"])
    url = answers["package_index_url"]
    if url:
        wanted |= manager["index"]["exports"]
        variables["PACKAGE_INDEX"] = [url]
        names = ("PACKAGE_INDEX_USERNAME", "PACKAGE_INDEX_PASSWORD")
        given = [os.environ[name] for name in names if name in os.environ]
        if names[0] in os.environ:
            wanted |= manager["index"]["credentials"]
            variables["INDEX_USERNAME"] = given[:1]
            variables["INDEX_PASSWORD"] = given[1:] or [""]
            quoted = ":".join(urllib.parse.quote(each, "") for each in given)
            variables["PACKAGE_INDEX"] = [url.replace("://", f"://{quoted}@", 1)]
    return {name: expanded(value, variables)[0] for name, value in wanted.items()}


def expanded(word: str, variables: dict[str, list[str]]) -> list[str]:
    """Return the words that a word of the table stands for."""
    if whole := re.fullmatch(r"\$\((\w+)\)", word):
        return variables[whole[1]]
    return [re.sub(r"\$\((\w+)\)", lambda match: variables[match[1]][0], word)]


def commands(
    answers: Answers, key: str, variables: dict[str, list[str]]
) -> list[list[str]]:
    """Return the environment manager's commands for a purpose, as lists of words.

    Args:
        key: a line of the table ``_managers`` in cookiecutter.json.
        variables: what the make variables in those commands stand for.
    """
    return [
        [part for word in shlex.split(line) for part in expanded(word, variables)]
        for line in manager_of(answers)[key]
    ]


# Acting


def make_repository(tools: Tools, machine: Machine) -> str:
    if machine.git is None:
        raise Problem("git is not on this machine: install it (git-scm.com)")
    if machine.outer_repository is not None:
        raise Problem(
            f"none: the directory lies in that of {machine.outer_repository}"
            " ('make repository' gives it one of its own)",
            verbs=(),
            mark="skipped",
        )
    tools.run([machine.git, "init", "--quiet"])
    # What 'init --initial-branch' does, for versions of git that are older than it.
    tools.run([machine.git, "symbolic-ref", "HEAD", "refs/heads/main"])
    return "git, on branch main"


def make_environment(
    tools: Tools, answers: Answers, machine: Machine, project: Path
) -> str:
    manager, version = answers["environment_manager"], answers["python_version"]
    if machine.workspace is not None:
        raise moving_out(project, machine.workspace, machine)
    variables = locations(answers)
    for name, oldest in manager_of(answers)["needs"].items():
        if name == "python":
            variables["PYTHON"] = find_python(tools, version)
        else:
            variables["MANAGER"] = find_program(tools, name, oldest)
    for purpose in manager_of(answers)["set_up"]:
        for command in commands(answers, purpose, variables):
            tools.run(command)
    return f"{environment_python()}, {environment_packages()} packages, by {manager}"


def moving_out(project: Path, workspace: Path, machine: Machine) -> Problem:
    """Return the problem of a uv workspace around the project, and the way out."""
    target = workspace.parent / project.name
    own_repository = machine.outer_repository not in target.parents
    return Problem(
        f"uv would make the project a member of the workspace in {workspace}:"
        " move it out, or exclude it there",
        first=(
            f"mv {shlex.quote(str(project))} {shlex.quote(str(target))}",
            f"cd {shlex.quote(str(target))}",
        ),
        verbs=("install", "repository") if own_repository else ("install",),
    )


def environment_python() -> str:
    """Return the name and version of the Python in the environment."""
    text = Path(VENV, "pyvenv.cfg").read_text(encoding="utf-8")
    match = re.search(r"^version(?:_info)? *= *(\d+\.\d+\.\d+)", text, re.MULTILINE)
    return f"Python {match.group(1)}" if match else "Python"


def environment_packages() -> int:
    """Return how many distributions are installed in the environment."""
    libraries = "Lib" if os.name == "nt" else "lib/python*"
    return len(list(Path(VENV).glob(f"{libraries}/site-packages/*.dist-info")))


def register_kernel(tools: Tools) -> str:
    said = tools.run([f"{BIN}/python", "scripts/kernel.py", "register"])
    if "is left as it is" in said:
        reason, _, advice = said.partition("\n")
        raise Problem(reason, output=advice, verbs=(), mark="skipped")
    return said


def install_hooks(tools: Tools) -> str:
    try:
        tools.run([f"{BIN}/python", "-m", "pre_commit", "install"])
    except Problem as problem:
        if "core.hooksPath" not in problem.output:
            raise
        reason = "none: git is told to run others (core.hooksPath)"
        raise Problem(reason, verbs=(), mark="skipped") from None
    return "pre-commit"


def commit(tools: Tools, answers: Answers, machine: Machine) -> str:
    if not machine.has_identity:
        name, email = answers["author_name"], answers["author_email"]
        raise Problem(
            "git does not know who you are",
            first=(
                f"git config --global user.name {shlex.quote(name)}",
                f"git config --global user.email {shlex.quote(email)}",
            ),
        )
    tools.run(["git", "add", "--all"])
    # The files are as the template's tests have checked them: no hook need run on them.
    message = f"Start {answers['project_slug']}"
    tools.run(["git", "commit", "--quiet", "--no-verify", "--message", message])
    return tools.run(["git", "log", "-1", "--format=%h %s"])


def sweep(answers: Answers, project: Path) -> None:
    """Remove the directories that rendering has left empty, and those only."""
    templates = Path(answers.get("_repo_dir", "")).glob("*{*cookiecutter.*}*")
    template = next(templates, None)
    if template is None:
        made = list(walked(project))
    else:
        package = answers["package_name"]
        relative = (str(each.relative_to(template)) for each in walked(template))
        made = [project / re.sub(r"\{.*\}", package, path) for path in relative]
    for directory in sorted([project / RENDERED_OVER, *made], reverse=True):
        with contextlib.suppress(OSError):
            directory.rmdir()


def walked(top: Path) -> Iterator[Path]:
    """Yield the directories below this one, without git's and the environment's."""
    for root, names, _ in os.walk(top):
        names[:] = [name for name in names if name not in (".git", VENV)]
        yield from (Path(root, name) for name in names)


def attempt(step: Step) -> Outcome:
    """Do the step and return how it went."""
    began = time.monotonic()
    detail, problem = "", None
    try:
        detail = step.act()
    except Problem as raised:
        problem = raised
    except Exception as error:  # no fault of ours may cost the person the project
        problem = Problem(f"{type(error).__name__}: {error}")
    return Outcome(step, detail, problem, time.monotonic() - began)


def begin(step: Step, ended: SimpleQueue[Outcome]) -> None:
    """Do the step beside everything else; its outcome comes through the queue."""
    threading.Thread(target=lambda: ended.put(attempt(step))).start()


def left_out(step: Step, succeeded: set[str], reason: str) -> Outcome:
    """Return the outcome of a step that can't be begun any more."""
    missing = [name for name in step.needs if name not in succeeded]
    after = f"waits for the {' and the '.join(missing)}"
    return Outcome(step, "", Problem(reason or after, mark="waits"), 0)


def carry_out(steps: Sequence[Step], tools: Tools, report: Report) -> list[Outcome]:
    """Run the steps, each as soon as what it needs is there, and report them."""
    ended: SimpleQueue[Outcome] = SimpleQueue()
    parent = os.getppid()
    outcomes: list[Outcome] = []
    waiting = list(steps)
    running: list[Step] = []
    while waiting or running:
        over = {each.step.name for each in outcomes}
        succeeded = {each.step.name for each in outcomes if each.problem is None}
        for step in list(waiting):
            if tools.stopped_by or set(step.needs) & (over - succeeded):
                waiting.remove(step)
                outcomes.append(left_out(step, succeeded, tools.stopped_by))
                report.outcome(outcomes[-1])
            elif set(step.needs) <= succeeded:
                waiting.remove(step)
                running.append(step)
                begin(step, ended)
        report.spin([step.name for step in running])
        if os.getppid() != parent:
            tools.stop("stopped: cookiecutter has ended")
        if running:
            with contextlib.suppress(Empty):
                outcomes.append(ended.get(timeout=0.1))
                running.remove(outcomes[-1].step)
                report.outcome(outcomes[-1])
    return outcomes


# Reporting


class Report:
    """Prints a line as each step ends, and a spinner meanwhile on a terminal."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.colours = self.live and "NO_COLOR" not in os.environ
        self.marks = {"done": "✓", "failed": "✗", "skipped": "–", "waits": "·"}
        self.frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        try:
            "✓✗–·⠋".encode(sys.stdout.encoding or "ascii")
        except UnicodeError:
            self.marks = {"done": "+", "failed": "x", "skipped": "-", "waits": "."}
            self.frames = "|/-\\"
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")

    def write(self, text: str) -> None:
        """Print; a terminal or pipe that has gone away is no reason to stop."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except (OSError, ValueError):
            # What is still in the buffer must not fail when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def styled(self, text: str, code: int) -> str:
        """Return the text in a colour or weight, where the terminal shows it."""
        return f"\033[{code}m{text}\033[0m" if self.colours else text

    def line(
        self, mark: str, name: str, detail: str, seconds: float | None = None
    ) -> None:
        colour = {"done": 32, "failed": 31}.get(mark, 33)
        sign = self.styled(self.marks[mark], colour)
        took = "" if seconds is None else self.styled(f"  {seconds:.1f} s", 2)
        clear = "\r\033[K" if self.live else ""
        self.write(f"{clear}  {sign} {name:<13} {detail}{took}\n")

    def outcome(self, outcome: Outcome) -> None:
        step, detail, problem, seconds = outcome
        if problem is None:
            self.line("done", step.name, detail, seconds)
            return
        self.line(problem.mark, step.name, problem.reason)
        # pip repeats its warnings: the last one is enough.
        telling = re.sub(r"(?m)^WARNING: .*\n(?=WARNING: )", "", problem.output)
        for line in telling.splitlines()[-OUTPUT_LINES:]:
            self.write(f"    {self.styled(f'| {line}', 2)}\n")

    def spin(self, names: list[str]) -> None:
        if self.live and names:
            frame = self.frames[int(time.monotonic() * 10) % len(self.frames)]
            self.write(f"\r\033[K  {self.styled(frame, 36)} {', '.join(names)} …")

    def block(self, title: str, lines: Sequence[str]) -> None:
        text = "".join(f"  {line}\n" for line in lines)
        self.write(f"\n{self.styled(title, 1)}\n{text}")


def resuming(outcomes: Sequence[Outcome]) -> str:
    """Return the command line that does what is left, empty if nothing is."""
    wanted: list[str] = []
    first: list[str] = []
    for step, _, problem, _ in outcomes:
        if problem is not None:
            wanted += (step.verb,) if problem.verbs is None else problem.verbs
            first += problem.first
    if "install" in wanted:  # it sees to the kernel, and the repository to its hooks
        wanted = [verb for verb in wanted if verb not in ("kernel", "hooks")]
    if "repository" in wanted:
        wanted = [verb for verb in wanted if verb != "hooks"]
    verbs = [verb for verb in VERBS if verb in wanted]
    return " && ".join([*first, f"make {' '.join(verbs)}"]) if verbs else ""


def shown_path(project: Path) -> str:
    """Return how the person who called cookiecutter would name the directory."""
    called_from = os.environ.get("PWD", "")
    relative = os.path.relpath(project, called_from) if called_from else ""
    inside = relative and not relative.startswith("..")
    return shlex.quote(relative if inside else str(project))


def tell_command(report: Report, title: str, path: str, command: str) -> None:
    """Print the one command that goes on from here."""
    lines = [f"cd {path} && {command}"]
    if shutil.which("make") is None:
        lines.append("('make' is not on this machine: install it before)")
    report.block(title, lines)


def tell_next_steps(report: Report, path: str) -> None:
    """Print what can be done with a project that is ready."""
    notebook = "opens notebooks/01-explore.ipynb in the project's kernel"
    lines = [
        f"cd {path}",
        f"make lab     {report.styled(notebook, 2)}",
        f"make test    {report.styled('runs the tests', 2)}",
        f"make         {report.styled('lists everything else', 2)}",
    ]
    report.block("Next:", lines)


@contextlib.contextmanager
def signals_heeded(tools: Tools) -> Iterator[None]:
    """Stop the tools on Ctrl-C, termination or a closed terminal, and live on."""
    reasons = {
        "SIGINT": "stopped by Ctrl-C",
        "SIGQUIT": "stopped by Ctrl-\\",
        "SIGTERM": "stopped: asked to end",
        "SIGHUP": "stopped: the terminal was closed",
    }
    numbers = {getattr(signal, name, None): text for name, text in reasons.items()}
    former = {
        number: signal.signal(number, lambda number, _: tools.stop(numbers[number]))
        for number in numbers
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        with foreground_kept():
            yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def foreground_kept() -> Iterator[None]:
    """Keep what is typed at the terminal from cookiecutter.

    A terminal sends Ctrl-C to its whole foreground process group, and cookiecutter, our
    parent, would end with a failure. While the steps run this process is therefore the
    only one of its group, and in the foreground, as a shell makes its jobs.
    """
    if not hasattr(os, "tcsetpgrp"):
        yield
        return
    terminal, group = -1, os.getpgrp()
    for number in (signal.SIGTTOU, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDWR)
        if os.tcgetpgrp(terminal) == group:
            os.setpgid(0, 0)
            os.tcsetpgrp(terminal, os.getpgrp())
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if os.getpgrp() != group:
                os.tcsetpgrp(terminal, group)
                os.setpgid(0, group)


def set_up(tools: Tools, answers: Answers, project: Path, report: Report) -> None:
    """Do the steps and say how to go on."""
    with signals_heeded(tools):
        machine = look(tools, answers, project)
        outcomes = carry_out(plan(tools, answers, machine, project), tools, report)
        path, command = shown_path(project), resuming(outcomes)
        if command:
            tell_command(report, "The project is kept. To go on:", path, command)
        if any(
            each.step.name == "environment" and not each.problem for each in outcomes
        ):
            tell_next_steps(report, path)


def main() -> None:
    answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
    project, report = Path.cwd(), Report()
    was_there = Path(RENDERED_OVER).is_dir()
    sweep(answers, project)
    if is_scratch(answers, project):
        return
    path = shown_path(project)
    tools = Tools(answers)
    with signals_heeded(tools):
        linked = link(tools, answers)
    if was_there:
        kept = "written over what was here; nothing deleted, nothing committed"
        report.line("skipped", "files", kept)
        tell_command(report, "To go on:", path, "make install")
        return
    count = sum(len(files) for _, _, files in os.walk(project))
    report.line("done", "files", f"{count} in {project.name}{linked}")
    if answers["set_up"]:
        set_up(tools, answers, project, report)
    else:
        tell_command(report, "To set it up:", path, "make install repository")


if __name__ == "__main__":
    try:
        main()
    except Exception as fault:  # on any other status cookiecutter deletes the project
        print(f"The project is kept, but its set-up ended with {fault!r}.")
