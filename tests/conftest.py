"""The nouns of the tests: a template, a machine, a rendered project, a made project."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import check_jsonschema  # type: ignore[import-untyped]
import index_proxy
import pytest
from click.testing import CliRunner
from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]
from filelock import FileLock
from pytest_cookies.plugin import Cookies, Result  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from new import copy_template  # noqa: E402

# Set by environments that are activated, by the make that runs the tests, and where
# somebody wants no bytecode: every start of Python compiles all that it imports then.
INHERITED = (
    "VIRTUAL_ENV",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "PYENV_VERSION",
    "PYENV_DIR",
    "UV",
    "UV_PROJECT_ENVIRONMENT",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "ARGS",
    "VENV",
    "PYTEST_DEBUG_TEMPROOT",
)
# Settings of whoever runs the tests, by the beginning of their names.
PERSONAL = ("GIT_", "JUPYTER", "UV_", "XDG_")
# The Python that runs the tests, which every machine of theirs has.
OWN_PYTHON = "{}.{}".format(*sys.version_info)
# What is ignored here would be ignored by every program that a test starts; a shell
# ignores these for what it runs in the background.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Where the machine trusts a certificate of its own, all tools of the tests do.
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CERTIFICATE_VARIABLES = (
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)

SLOWEST_COMMAND = 600  # seconds, for one program that a test starts

# The files that take minutes, the longest first: no process ends long after the other.
LONGEST_FIRST = (
    "test_containers",
    "test_managers_journey",
    "test_updates",
    "test_faults",
    "test_workflows",
    "test_starters",
    "test_private_index",
)


ENGINE = ("test_containers.py", "credentials_reach_the_build_of_an_image")


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Keep the tests of a file, or of a manager in it, in one process.

    One process has the container engine, which may fail with two builds at a time.
    xdist's own groups are not used: pytest 9 ignores them.
    """

    def _split_scope(self, nodeid: str) -> str:
        if any(name in nodeid for name in ENGINE):
            return "engine"
        path, _, test = nodeid.partition("::")
        parameter = test.rpartition("[")[2].rstrip("]")
        managers = default_context()["environment_manager"]
        return f"{path}[{parameter}]" if parameter in managers else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """Share the tests out to the processes."""
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def default_context() -> dict[str, Any]:
    """Return cookiecutter.json as it stands in the repository."""
    text = (ROOT / "cookiecutter.json").read_text(encoding="utf-8")
    context: dict[str, Any] = json.loads(text)
    return context


def run(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return it with its output, both streams in one.

    Raises:
        AssertionError: with the output, if the program fails and check is left on.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=None if env is None else dict(env),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=SLOWEST_COMMAND,
        start_new_session=True,
    )
    shown = " ".join(str(word) for word in command)
    assert not check or done.returncode == 0, f"{shown}: {done.stdout}"
    return done


def follow_schema(schema: str, *words: str | Path) -> None:
    """Assert that files follow a schema that check-jsonschema brings along.

    It works in this process, as it takes longer to start than to look.
    """
    options = ["--builtin-schema", f"vendor.{schema}", *map(str, words)]
    done = CliRunner().invoke(check_jsonschema.main, options)
    assert done.exit_code == 0, done.output


def programs_of(environment: Path) -> Path:
    """Return the directory of an environment's programs."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


class Project:
    """A directory that the template has made."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self.path = path
        self.env = env

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def text(self, name: str) -> str:
        """Return a file's text."""
        return (self.path / name).read_text(encoding="utf-8")

    @property
    def manifest(self) -> dict[str, Any]:
        """The project's pyproject.toml."""
        return tomllib.loads(self.text("pyproject.toml"))

    @property
    def files(self) -> list[str]:
        """Every file but git's and the environment's, as relative POSIX paths."""
        return sorted(
            path.relative_to(self.path).as_posix()
            for path in self.path.rglob("*")
            if path.is_file() and not {".git", ".venv"} & set(path.parts)
        )

    @property
    def bin(self) -> Path:
        """The directory of the environment's programs."""
        return programs_of(self.path / ".venv")

    def run(
        self, *command: str | Path, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the project's directory, on the machine that made it."""
        return run(*command, cwd=self.path, env=self.env, check=check)

    def make(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run make in the project."""
        return self.run("make", *words, check=check)

    def git(self, *words: str) -> str:
        """Return what git prints, without the last line break."""
        return self.run("git", *words).stdout.strip()


@functools.cache
def without(path: str, programs: frozenset[str]) -> str:
    """Return a directory of links to all that a PATH holds but these programs."""
    kept = Path(tempfile.mkdtemp(prefix="programs-"))
    found: dict[str, Path] = {}
    for directory in map(Path, path.split(os.pathsep)):
        for program in directory.iterdir() if directory.is_dir() else ():
            found.setdefault(program.name, program)
    for name in {*found} - programs:
        (kept / name).symlink_to(found[name])
    return str(kept)


class Machine:
    """A machine of a person: a HOME of its own, and what is on its PATH.

    Package caches are those of the machine that the tests run on, so that what one test
    has downloaded is there for the next.

    Attributes:
        home: the HOME directory, empty but for git's configuration.
        work: where projects are made.
        env: the environment of every program that is started.
    """

    def __init__(
        self, directory: Path, template: Path, caches: Mapping[str, str]
    ) -> None:
        self.template = template
        self.home = directory / "home"
        self.work = directory / "work"
        self.home.mkdir()
        self.work.mkdir()
        self.env = {
            name: value
            for name, value in os.environ.items()
            if name not in INHERITED and not name.startswith(PERSONAL)
        }
        self.env |= caches
        self.env["HOME"] = self.env["USERPROFILE"] = str(self.home)
        self.env["PWD"] = str(self.work)
        self.configure_git("Ada Lovelace", "ada@example.org")

    def configure_git(self, name: str, email: str) -> None:
        """Write the person's name and e-mail address into git's configuration."""
        text = f'[user]\n\tname = "{name}"\n\temail = "{email}"\n'
        (self.home / ".gitconfig").write_text(text, encoding="utf-8")

    def remove(self) -> None:
        """Delete all that is on this machine, as far as it may be deleted."""
        shutil.rmtree(self.home.parent, ignore_errors=True)

    def hide(self, *programs: str) -> None:
        """Take programs away: PATH becomes one directory of links to all the others."""
        self.env["PATH"] = without(self.env["PATH"], frozenset(programs))

    def run(
        self, *command: str | Path, cwd: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on this machine."""
        return run(*command, cwd=cwd or self.work, env=self.env, check=check)

    def command(self, *words: str, **answers: object) -> list[str]:
        """Return the command line that makes a project with these answers, unasked.

        Args:
            words: further options of cookiecutter.
            answers: variables of cookiecutter.json that differ from their defaults.
        """
        given = [f"{name}={value}" for name, value in answers.items()]
        python = [sys.executable, "-m", "cookiecutter"]
        return [*python, str(self.template), "--no-input", *words, *given]

    def cookiecutter(
        self, *words: str, check: bool = True, **answers: object
    ) -> subprocess.CompletedProcess[str]:
        """Make a project in the working directory, without questions."""
        return self.call_cookiecutter(*self.command(*words, **answers)[3:], check=check)

    def call_cookiecutter(
        self, *words: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run cookiecutter with these words."""
        python = [sys.executable, "-m", "cookiecutter"]
        return self.run(*python, *words, check=check)

    def project(self, name: str = "my-analysis") -> Project:
        """Return the project of this slug in the working directory."""
        return Project(self.work / name, self.env)

    @property
    def kernels(self) -> dict[str, dict[str, Any]]:
        """The user's kernels: name to kernelspec."""
        found = self.home.glob("**/jupyter/kernels/*/kernel.json")
        return {path.parent.name: json.loads(path.read_text("utf-8")) for path in found}


@pytest.fixture(scope="session")
def of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of one run of the tests, for all its processes."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def caches(of_this_run: Path) -> dict[str, str]:
    """Where the managers keep what they have downloaded, whoever's HOME is in use.

    What mypy has read of the dependencies is kept with the tests' own tools, and what
    matplotlib has of the fonts for one run of the tests, for all its processes. pip
    compiles nothing, which is most of its work.
    """
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directories = {
        "UV_CACHE_DIR": user_cache / "uv",
        "PIP_CACHE_DIR": user_cache / "pip",
        "POETRY_CACHE_DIR": user_cache / "pypoetry",
        "PIPENV_CACHE_DIR": user_cache / "pipenv",
        "PYENV_ROOT": Path.home() / ".pyenv",
    }
    certificates = CERTIFICATE_VARIABLES if SYSTEM_CERTIFICATES.exists() else ()
    return {
        **dict.fromkeys(certificates, str(SYSTEM_CERTIFICATES)),
        **{name: os.environ.get(name, str(path)) for name, path in directories.items()},
        "MYPY_CACHE_DIR": str(Path(sys.prefix) / "stacks/mypy"),
        "MPLCONFIGDIR": str(of_this_run / "matplotlib"),
        "UV_NO_PROGRESS": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "0",  # which means that nothing is compiled
        "PIPENV_EXTRA_PIP_ARGS": "--no-compile",
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(scope="session", autouse=True)
def own_home(
    caches: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A HOME, and a place for temporary files, for the tests' own process."""
    home = tmp_path_factory.mktemp("own-home")
    # A short path, as sockets of black's lie in it.
    scratch = tempfile.TemporaryDirectory(prefix="t-", ignore_cleanup_errors=True)
    with scratch, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", scratch.name)
        patch.setattr(tempfile, "tempdir", None)
        patch.setenv("HOME", str(home))
        patch.setenv("USERPROFILE", str(home))
        for name in [*os.environ]:
            if name in INHERITED or name.startswith(PERSONAL):
                patch.delenv(name)
        for name, value in caches.items():
            patch.setenv(name, value)
        # The pinned tools, uv among them, are on the PATH of the tests.
        tools = str(Path(sys.executable).parent)
        patch.setenv("PATH", os.pathsep.join([tools, os.environ["PATH"]]))
        yield home


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as people get it: without the checkout's environment and caches."""
    return copy_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def machine(
    tmp_path: Path, template: Path, caches: dict[str, str], own_home: Path
) -> Machine:
    """A machine that nobody has worked on yet."""
    return Machine(tmp_path, template, caches)


@pytest.fixture
def scratch(machine: Machine, tmp_path: Path) -> Path:
    """The directory in which the machine's programs make what is temporary."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    machine.env |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(directory))
    return directory


MachineNamed = Callable[[str], Machine]


@pytest.fixture(scope="session")
def new_machine(
    tmp_path_factory: pytest.TempPathFactory,
    template: Path,
    caches: dict[str, str],
    own_home: Path,
) -> Iterator[MachineNamed]:
    """Give a machine that nobody has worked on yet, for several tests."""

    machines: list[Machine] = []

    def made(name: str) -> Machine:
        machines.append(Machine(tmp_path_factory.mktemp(name), template, caches))
        return machines[-1]

    yield made
    for machine in machines:
        machine.remove()


@pytest.fixture(scope="session")
def shared_machine(new_machine: MachineNamed) -> Machine:
    """A machine on which several tests look at what was made once."""
    return new_machine("shared")


@pytest.fixture(scope="session")
def pinned_programs(own_home: Path) -> Path:
    """The directory of the programs that requirements-managers.txt brings.

    They are kept with the tests' own tools, for as long as they are the same.
    """
    pins = ROOT / "requirements-managers.txt"
    key = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]

    def make(made: Path) -> None:
        pip = ["uv", "pip", "install", "--quiet", "--python", str(made)]
        run("uv", "venv", "--quiet", "--relocatable", "--python", sys.executable, made)
        run(*pip, "--require-hashes", "-r", pins)

    return programs_of(made_once(Path(sys.prefix) / "stacks" / f"programs-{key}", make))


def default_index() -> str:
    """Return the address of the index that uv and pip use where none is configured."""
    command = (
        "uv",
        "pip",
        "compile",
        "-",
        "--emit-index-url",
        "--no-header",
        "--quiet",
    )
    return run(*command).stdout.split()[1]


def has_json_pages(index: str) -> bool:
    """Tell whether an index has PyPI's JSON pages of releases."""
    address = f"{index.removesuffix('simple')}pypi/pip/23.0/json"
    try:
        urllib.request.urlopen(address, timeout=60).close()
    except urllib.error.HTTPError:
        return False
    return True


@pytest.fixture(scope="session")
def index_settings(own_home: Path) -> Iterator[dict[str, dict[str, str]]]:
    """Each manager's settings for an index without JSON pages, which two of them need.

    Poetry does without by a plugin; the others get the pages from index_proxy.py. Such
    an index has no metadata beside its wheels either: pip reads them from their ends.
    """
    index = default_index()
    if has_json_pages(index):
        yield {}
        return
    server = index_proxy.serve(index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/simple"
    pip = {"PIP_INDEX_URL": address, "PIP_USE_FEATURE": "fast-deps"}
    yield {
        "poetry": {"POETRY_PYPI_MIRROR_URL": index},
        "pip-tools": pip,
        "pip": pip,
        "pipenv": {"PIPENV_PYPI_MIRROR": address},
    }
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def engine() -> None:
    """A container engine, with buildx and compose."""
    from containers import needs_engine

    needs_engine()


@pytest.fixture(scope="session")
def poetry_base(
    engine: None, index_settings: dict[str, dict[str, str]]
) -> Iterator[str]:
    """The build option for Poetry, which needs more without an index's JSON pages."""
    if not index_settings:
        yield ""
        return
    name = f"cds-test-base-{os.getpid()}"  # another process of the tests has its own
    mirror = index_settings["poetry"]["POETRY_PYPI_MIRROR_URL"]
    lines = (
        "FROM python:3.13-slim",
        "ENV PYTHONDONTWRITEBYTECODE=1",
        "RUN pip install --no-compile --no-cache-dir poetry poetry-plugin-pypi-mirror",
        f"ENV POETRY_PYPI_MIRROR_URL={mirror}"
        " REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt",
    )
    done = subprocess.run(
        ["docker", "build", "--quiet", "--tag", name, "-"],
        input="\n".join(lines).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    yield f"--build-arg BASE={name}"
    run("docker", "rmi", "--force", name)


@pytest.fixture(scope="session")
def devcontainer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that opens dev containers."""
    from containers import missing

    if shutil.which("npm") is None:
        missing("npm, which brings the dev containers' own program, is not here")
    directory = tmp_path_factory.mktemp("devcontainers")
    package = ("@devcontainers/cli@0", "--silent", "--no-audit", "--no-fund")
    run("npm", "install", "--prefix", directory, *package)
    return directory / "node_modules/.bin/devcontainer"


Equip = Callable[[Machine, str], None]


@pytest.fixture(scope="session")
def equip(pinned_programs: Path, index_settings: dict[str, dict[str, str]]) -> Equip:
    """Give a machine an environment manager that is not among the tests' own tools."""

    def equipped(machine: Machine, manager: str) -> None:
        directory = machine.home.parent / "managers"
        directory.mkdir(exist_ok=True)
        for program in pinned_programs.glob(f"{manager}*"):
            if program.stem == manager:
                (directory / program.name).symlink_to(program)
        machine.env["PATH"] = os.pathsep.join([str(directory), machine.env["PATH"]])
        machine.env |= index_settings.get(manager, {})

    return equipped


MachineWith = MachineNamed


@pytest.fixture(scope="session")
def machine_with(new_machine: MachineNamed, equip: Equip) -> MachineWith:
    """Give a new machine that has this environment manager."""

    def made(manager: str) -> Machine:
        machine = new_machine(manager)
        equip(machine, manager)
        return machine

    return made


Bake = Callable[..., Project]


@pytest.fixture(scope="session")
def render(cookies_session: Cookies, template: Path) -> Callable[..., Result]:
    """Render without setting up, and return pytest-cookies' result, failed or not."""

    def rendered(**answers: object) -> Result:
        return cookies_session.bake(
            extra_context={"set_up": False, **answers}, template=str(template)
        )

    return rendered


@pytest.fixture(scope="session")
def render_files(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """Render a project's files and run no hook, which takes most of the time.

    What hooks do to them is that empty directories go, as test_properties.py shows.
    """

    def rendered(**answers: object) -> Project:
        path = cookiecutter(
            str(template),
            no_input=True,
            extra_context=answers,
            output_dir=str(tmp_path_factory.mktemp("files")),
            accept_hooks=False,
        )
        directories = [each for each in Path(path).rglob("*") if each.is_dir()]
        for directory in sorted(directories, reverse=True):
            if not any(directory.iterdir()):
                directory.rmdir()
        return Project(Path(path), os.environ)

    return rendered


@pytest.fixture(scope="session")
def bake(render_files: Bake) -> Bake:
    """Render files, once for each set of answers; tests must not change them."""
    baked: dict[str, Project] = {}

    def once(**answers: object) -> Project:
        key = json.dumps(answers, sort_keys=True)
        if key not in baked:
            baked[key] = render_files(**answers)
        return baked[key]

    return once


@pytest.fixture(scope="session")
def largest(bake: Bake) -> Project:
    """The project of the largest starter, for the oldest Python."""
    context = default_context()
    oldest = min(context["python_version"])
    return bake(starter=context["starter"][-1], python_version=oldest)


def needs(project: Project) -> list[str]:
    """Return the requirements of a project and of its development."""
    manifest = project.manifest
    tools = [each for each in manifest["dependency-groups"]["dev"] if "{" not in each]
    return sorted([*manifest["project"]["dependencies"], *tools])


def made_once(place: Path, make: Callable[[Path], object]) -> Path:
    """Return a directory that is made where there is none yet, whole or not at all.

    Where several processes of the tests want it, one makes it and the others wait.
    """
    place.parent.mkdir(exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        if not place.exists():
            made = place.with_suffix(".part")
            shutil.rmtree(made, ignore_errors=True)  # of a run that was cut off
            make(made)
            made.rename(place)
    return place


@pytest.fixture(scope="session")
def stack(largest: Project) -> Path:
    """An environment with all that the largest project needs.

    It is kept with the tests' own tools, bytecode and all, for as long as that is the
    same: a fast run has no time to make one.
    """
    wanted = needs(largest)
    key = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]

    def make(made: Path) -> None:
        run("uv", "venv", "--quiet", "--python", sys.executable, made)
        pip = ("uv", "pip", "install", "--quiet", "--python", made)
        run(*pip, *wanted, largest.path)

    return made_once(Path(sys.prefix) / "stacks" / key, make)


def need_little(template: Path) -> None:
    """Let an analysis need no more than its set-up, where that makes no difference."""
    context = default_context()
    context["_dependencies"] |= {"notebook": "typer>=0.20", "analysis": ""}
    context["_development"]["notebook"] = "ipykernel pre-commit"
    (template / "cookiecutter.json").write_text(json.dumps(context), encoding="utf-8")


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template for projects that need little: pip takes long to install much."""
    top = copy_template(tmp_path_factory.mktemp("little"))
    need_little(top)
    return top


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Project], Project]:
    """Return a copy of a rendered project that a test may change."""

    def copied(project: Project) -> Project:
        target = tmp_path / project.path.name
        shutil.copytree(project.path, target)
        return Project(target, project.env)

    return copied
