"""The fixtures: the template, machines, indexes, and projects that are made once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]
from filelock import FileLock
from pytest_cookies.plugin import Cookies, Result  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from new import copy_template
from support import index_proxy
from support.index_proxy import default_index, has_json_pages
from support.machine import (
    INHERITED,
    PERSONAL,
    Equip,
    Machine,
    MachineNamed,
    MachineWith,
)
from support.project import (
    ROOT,
    Bake,
    Project,
    complete,
    default_context,
    needs,
    programs_of,
    run,
)

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
ENGINE = (
    "test_containers.py",
    "test_deploying.py",
    "test_second_package.py",
    "test_dask.py",
    "credentials_reach_the_build_of_an_image",
    "test_applications.py::test_a_collector_an_api_and_a_bot_share_a_database_and_a_package[uv]",
    "test_applications.py::test_the_image_of_a_bot",
)


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
    """Begin with the files that take longest; leave the slowest to CI."""
    ci = os.environ.get("CI")
    for item in items:
        if item.get_closest_marker("ci") and not ci:
            reason = "it takes long: 'CI=1 make test' runs it"
            item.add_marker(pytest.mark.skip(reason=reason))
        if item.get_closest_marker("weekly") and ci != "weekly":
            reason = "it is for the weekly run: 'CI=weekly make test' runs it"
            item.add_marker(pytest.mark.skip(reason=reason))
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


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
    from support.engine import needs_engine

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
    from support.engine import missing

    if shutil.which("npm") is None:
        missing("npm, which brings the dev containers' own program, is not here")
    directory = tmp_path_factory.mktemp("devcontainers")
    package = ("@devcontainers/cli@0", "--silent", "--no-audit", "--no-fund")
    run("npm", "install", "--prefix", directory, *package)
    return directory / "node_modules/.bin/devcontainer"


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


@pytest.fixture(scope="session")
def machine_with(new_machine: MachineNamed, equip: Equip) -> MachineWith:
    """Give a new machine that has this environment manager."""

    def made(manager: str) -> Machine:
        machine = new_machine(manager)
        equip(machine, manager)
        return machine

    return made


@pytest.fixture(scope="session")
def render(cookies_session: Cookies, template: Path) -> Callable[..., Result]:
    """Render without setting up, and return pytest-cookies' result, failed or not."""

    def rendered(**answers: object) -> Result:
        return cookies_session.bake(
            extra_context=complete({"set_up": False, **answers}),
            template=str(template),
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
            extra_context=complete(answers),
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
    oldest = min(default_context()["python_version"])
    return bake(
        environment_manager="uv", starter="service", docker=True, python_version=oldest
    )


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
