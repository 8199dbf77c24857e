"""A place to measure in: a HOME and projects that go away, the caches being shared."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from accounting import can_link  # noqa: E402
from new import NOT_TEMPLATE, copy_template  # noqa: E402

# They would lead the tools away from the workshop, make Python write no bytecode, or
# give the projects' make what was meant for the one that runs this.
INHERITED = (
    "VIRTUAL_ENV",
    "UV",
    "UV_PROJECT_ENVIRONMENT",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "ARGS",
    "VENV",
)
PREFIXES = ("COOKIECUTTER", "GIT_", "JUPYTER", "PYTHON", "XDG_")
IDENTITY = '[user]\n\tname = "Ada Lovelace"\n\temail = "ada@example.org"\n'


class CommandError(Exception):
    """A program that is being measured did not do its work."""


CACHES = {  # of packages: variables, and what they name where nobody has set them
    "UV_CACHE_DIR": "uv",
    "PIP_CACHE_DIR": "pip",
    "POETRY_CACHE_DIR": "pypoetry",
    "PIP_TOOLS_CACHE_DIR": "pip-tools",
    "PIPENV_CACHE_DIR": "pipenv",
}


def caches() -> dict[str, Path]:
    """Return the variables that name the managers' caches, with the user's own."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return {
        name: Path(os.environ.get(name) or user / directory)
        for name, directory in CACHES.items()
    }


class Workshop:
    """Runs programs as a person with an empty HOME would, and tells how long they took.

    Attributes:
        root: the directory that holds everything and goes away.
        home: HOME of what runs here; kernels are registered in it.
        tools: directory of programs that the machine lacks, the last one on PATH.
        template: a copy of the template, without the checkout's environment.
        empty_template: one file and no hooks: what cookiecutter takes at the least.
        caches: directories of the managers' caches, which are the user's own.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.home.mkdir()
        (self.home / ".gitconfig").write_text(IDENTITY, encoding="utf-8")
        self.template = copy_template(root)
        self.empty_template = root / "empty"
        tree = self.empty_template / "{{cookiecutter.project_slug}}"
        tree.mkdir(parents=True)
        (tree / "README.md").write_text("# {{ cookiecutter.project_slug }}\n", "utf-8")
        context = '{"project_slug": "empty-project"}\n'
        (self.empty_template / "cookiecutter.json").write_text(context, "utf-8")
        (root / "tmp").mkdir()
        variables = caches()
        self.caches = tuple(variables.values())
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in INHERITED and not name.startswith(PREFIXES)
        }
        self.environment |= {name: str(path) for name, path in variables.items()}
        self.environment["PYENV_ROOT"] = os.environ.get(
            "PYENV_ROOT", str(Path.home() / ".pyenv")
        )
        self.tools = root / "tools"
        programs = [str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment["PATH"] = os.pathsep.join([*programs, str(self.tools)])
        self.environment["PIPENV_VENV_IN_PROJECT"] = "1"  # as poetry.toml says it
        for name in ("HOME", "USERPROFILE"):
            self.environment[name] = str(self.home)
        for name in ("TMPDIR", "TEMP", "TMP"):
            self.environment[name] = str(root / "tmp")

    def run(self, *command: str | Path, cwd: Path | None = None) -> str:
        """Return what a program prints until it ends.

        It prints into a file: a pipe would be held open by what the program leaves
        behind, and waited for.

        Raises:
            CommandError: with the program's last lines, if it fails.
        """
        words = [str(word) for word in command]
        with tempfile.TemporaryFile(dir=self.root) as said:
            process = subprocess.Popen(
                words,
                cwd=cwd or self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait()
            except BaseException:
                with contextlib.suppress(OSError):
                    if hasattr(os, "killpg"):
                        os.killpg(process.pid, signal.SIGTERM)
                    else:
                        process.terminate()
                process.wait()
                raise
            said.seek(0)
            output = said.read().decode("utf-8", "replace").strip()
        if process.returncode != 0:
            raise CommandError(f"{' '.join(words)}\n{last_lines(output)}")
        return output

    def seconds(self, *command: str | Path, cwd: Path | None = None) -> float:
        """Return how long a program takes from its start to its end, in seconds."""
        began = time.perf_counter()
        self.run(*command, cwd=cwd)
        return time.perf_counter() - began

    @contextlib.contextmanager
    def setting(self, variables: Mapping[str, str]) -> Iterator[None]:
        """Give the programs that run meanwhile these variables as well."""
        former = self.environment
        self.environment = {**former, **variables}
        try:
            yield
        finally:
            self.environment = former

    @contextlib.contextmanager
    def empty_caches(self) -> Iterator[None]:
        """Let the managers begin with caches that hold nothing, and go away."""
        root = self.directory("cold")
        names = [*CACHES, "VIRTUALENV_OVERRIDE_APP_DATA"]
        try:
            with self.setting({name: str(root / name.lower()) for name in names}):
                yield
        finally:
            shutil.rmtree(root)

    def get(self, program: str, *beside: str) -> None:
        """Install a program from PyPI into the workshop, unless it is on PATH.

        Args:
            beside: packages that it is to find in its environment.
        """
        if shutil.which(program, path=self.environment["PATH"]):
            return
        places = {"UV_TOOL_DIR": "tool-environments", "UV_TOOL_BIN_DIR": "tools"}
        with self.setting(
            {name: str(self.root / each) for name, each in places.items()}
        ):
            extras = [word for package in beside for word in ("--with", package)]
            self.run("uv", "tool", "install", "--quiet", program, *extras)

    def cookiecutter(
        self, template: Path, parent: Path, *words: str
    ) -> Sequence[str | Path]:
        """Return the command that makes a project in a directory, unasked.

        Args:
            template: directory of the template.
            parent: directory in which the project is made.
            words: answers that are not the defaults, as ``name=value``.
        """
        python = (sys.executable, "-m", "cookiecutter")
        return (*python, template, "--no-input", "--output-dir", parent, *words)

    def directory(self, name: str) -> Path:
        """Return a new, empty directory in the workshop."""
        path = self.root / name
        path.mkdir()
        return path

    def copy(self, template: Path, name: str) -> Path:
        """Copy somebody else's template without its repository; return the copy."""
        target = self.root / "templates" / name
        leave_out = shutil.ignore_patterns(*NOT_TEMPLATE)
        shutil.copytree(template, target, symlinks=True, ignore=leave_out)
        return target

    def kernel(self, name: str) -> Path | None:
        """Return the kernelspec registered under this name, None if there is none."""
        return next(self.home.glob(f"**/jupyter/kernels/{name}/kernel.json"), None)


def last_lines(output: str) -> str:
    """Return the end of what a program said, indented."""
    return "\n".join(f"    {line}" for line in output.splitlines()[-8:])


@contextlib.contextmanager
def open_workshop() -> Iterator[Workshop]:
    """Open a workshop where hard links to uv's cache can be made; clear it away."""
    cache = caches()["UV_CACHE_DIR"]
    parent = Path(tempfile.gettempdir())
    if not can_link(cache, parent) and cache.parent.is_dir():
        parent = cache.parent
    root = Path(tempfile.mkdtemp(prefix="benchmark-", dir=parent)).resolve()

    def end(number: int, frame: object) -> None:
        sys.exit(128 + number)

    former = signal.signal(signal.SIGTERM, end)
    try:
        yield Workshop(root)
    finally:
        signal.signal(signal.SIGTERM, former)
        shutil.rmtree(root, ignore_errors=True)
