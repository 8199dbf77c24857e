"""Fixtures: the template, machines, package indexes and shared projects."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from new import copy_template
from support.engine import needs_engine
from support.index_proxy import default_index, has_json_pages, json_index
from support.machine import INHERITED, PERSONAL, Equip, Machine, MachineWith
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

# A shell ignores Ctrl-C for background jobs, and programs started by the tests would
# inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

STACKS = Path(sys.prefix) / "stacks"
# If the machine trusts a certificate of its own, the tests' tools have to trust it too.
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CERTIFICATE_VARIABLES = (
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
# The slowest files, which run first so that both processes end at about the same time.
LONGEST_FIRST = (
    "test_containers",
    "test_managers_journey",
    "test_updates",
    "test_faults",
    "test_starters",
    "test_private_index",
)
ENGINE = (
    "test_containers.py",
    "test_deploying.py",
    "test_second_package.py",
    "test_dask.py",
    "credentials_reach_the_build_of_an_image",
    "test_applications.py::test_a_collector",
    "test_applications.py::test_the_image_of_a_bot",
)


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Keep the tests of a file, or of a manager in it, in one process.

    One process has the container engine, which can fail with two builds at a time.
    xdist's groups are not used: pytest 9 ignores them.
    """

    def _split_scope(self, nodeid: str) -> str:
        if any(name in nodeid for name in ENGINE):
            return "engine"
        path, _, test = nodeid.partition("::")
        parameter = test.rpartition("[")[2].rstrip("]")
        managers = default_context()["environment_manager"]
        return f"{path}[{parameter}]" if parameter in managers else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest files first, and skip tests that are left to CI."""
    ci = os.environ.get("CI")
    left_out = {} if ci else {"ci": "'CI=1 make test' runs it"}
    if ci != "weekly":
        left_out["weekly"] = "'CI=weekly make test' runs it"
    for item in items:
        for mark, reason in left_out.items():
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(scope="session")
def caches() -> dict[str, str]:
    """Cache directories, which do not depend on HOME, and related settings.

    pip does not compile bytecode, which would take most of its time.
    """
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directories = {
        "UV_CACHE_DIR": user_cache / "uv",
        "PIP_CACHE_DIR": user_cache / "pip",
        "POETRY_CACHE_DIR": user_cache / "pypoetry",
        "PIPENV_CACHE_DIR": user_cache / "pipenv",
        "PYENV_ROOT": Path.home() / ".pyenv",
    }
    process = os.environ.get("PYTEST_XDIST_WORKER", "main")
    certificates = CERTIFICATE_VARIABLES if SYSTEM_CERTIFICATES.exists() else ()
    return {
        **dict.fromkeys(certificates, str(SYSTEM_CERTIFICATES)),
        **{name: os.environ.get(name, str(path)) for name, path in directories.items()},
        # One for each process: two mypy processes that share a cache can crash.
        "MYPY_CACHE_DIR": str(STACKS / "mypy" / process),
        "MPLCONFIGDIR": str(STACKS / "matplotlib"),
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
    """A HOME and a temporary directory for the tests' own process."""
    home = tmp_path_factory.mktemp("own-home")
    # A short path, as black creates sockets in it.
    scratch = tempfile.TemporaryDirectory(prefix="t-", ignore_cleanup_errors=True)
    with scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", None)
        for name in [*os.environ]:
            if name in INHERITED or name.startswith(PERSONAL):
                patch.delenv(name)
        # The pinned tools, such as uv, are on PATH.
        tools = str(Path(sys.executable).parent)
        path = os.pathsep.join([tools, os.environ["PATH"]])
        own = {"HOME": str(home), "USERPROFILE": str(home)}
        for name, value in {**caches, **own, "PATH": path}.items():
            patch.setenv(name, value)
        patch.setenv("TMPDIR", scratch.name)
        yield home


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template without environment and caches."""
    return copy_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def machine(
    tmp_path: Path, template: Path, caches: dict[str, str], own_home: Path
) -> Machine:
    """A new machine."""
    return Machine(tmp_path, template, caches)


@pytest.fixture
def scratch(machine: Machine, tmp_path: Path) -> Path:
    """The machine's temporary directory."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    machine.env |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(directory))
    return directory


@pytest.fixture(scope="session")
def pinned_programs(own_home: Path) -> Path:
    """The directory of the programs in requirements-managers.txt.

    It is kept in the tests' environment until that file changes.
    """
    pins = ROOT / "requirements-managers.txt"
    key = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]

    def make(made: Path) -> None:
        pip = ["uv", "pip", "install", "--quiet", "--python", str(made)]
        run("uv", "venv", "--quiet", "--relocatable", "--python", sys.executable, made)
        run(*pip, "--require-hashes", "-r", pins)

    return programs_of(made_once(STACKS / f"programs-{key}", make))


@pytest.fixture(scope="session")
def index_settings(own_home: Path) -> Iterator[dict[str, dict[str, str]]]:
    """Each manager's settings for an index without JSON pages.

    Poetry uses a plugin, the others index_proxy.py. Such an index has no separate
    metadata of wheels either: pip reads the metadata from the ends of the wheels.
    """
    index = default_index()
    if has_json_pages(index):
        yield {}
        return
    with json_index(index) as address:
        pip = {"PIP_INDEX_URL": address, "PIP_USE_FEATURE": "fast-deps"}
        yield {
            "poetry": {"POETRY_PYPI_MIRROR_URL": index},
            "pip-tools": pip,
            "pip": pip,
            "pipenv": {"PIPENV_PYPI_MIRROR": address},
        }


@pytest.fixture(scope="session")
def engine() -> None:
    needs_engine()


@pytest.fixture(scope="session")
def equip(pinned_programs: Path, index_settings: dict[str, dict[str, str]]) -> Equip:
    """Return the function that puts an environment manager on a machine's PATH."""

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
def machine_with(
    tmp_path_factory: pytest.TempPathFactory,
    template: Path,
    caches: dict[str, str],
    equip: Equip,
) -> Iterator[MachineWith]:
    """Return the function that makes a machine with an environment manager."""
    machines: list[Machine] = []

    def made(manager: str) -> Machine:
        machine = Machine(tmp_path_factory.mktemp(manager), template, caches)
        equip(machine, manager)
        machines.append(machine)
        return machine

    yield made
    for machine in machines:
        machine.remove()


@pytest.fixture(scope="session")
def shared_machine(
    tmp_path_factory: pytest.TempPathFactory,
    template: Path,
    caches: dict[str, str],
    own_home: Path,
) -> Machine:
    """A machine whose projects are shared by several tests."""
    return Machine(tmp_path_factory.mktemp("shared"), template, caches)


@pytest.fixture(scope="session")
def bake(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """Render files, once for each set of answers; tests must not change them.

    Hooks are not run, because they are slow. They would only remove empty directories,
    as test_properties.py shows.
    """
    baked: dict[str, Project] = {}

    def once(**answers: object) -> Project:
        key = json.dumps(answers, sort_keys=True)
        if key not in baked:
            path = cookiecutter(
                str(template),
                no_input=True,
                extra_context=complete(answers),
                output_dir=str(tmp_path_factory.mktemp("files")),
                accept_hooks=False,
            )
            for directory, _, _ in os.walk(path, topdown=False):
                if not any(Path(directory).iterdir()):
                    Path(directory).rmdir()
            baked[key] = Project(Path(path), os.environ)
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
    """Return a directory; if it does not exist, it is created completely or not at all.

    If several processes need it, one creates it and the others wait.
    """
    place.parent.mkdir(exist_ok=True)
    with FileLock(place.with_suffix(".lock")):
        if not place.exists():
            made = place.with_suffix(".part")
            shutil.rmtree(made, ignore_errors=True)  # of an interrupted run
            make(made)
            made.rename(place)
    return place


@pytest.fixture(scope="session")
def stack(largest: Project) -> Path:
    """An environment with everything that the largest project needs.

    It is kept in the tests' environment, with bytecode, until its contents change.
    """
    wanted = needs(largest)
    key = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]

    def make(made: Path) -> None:
        run("uv", "venv", "--quiet", "--python", sys.executable, made)
        pip = ("uv", "pip", "install", "--quiet", "--python", made)
        run(*pip, *wanted, largest.path)

    return made_once(STACKS / key, make)


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with few dependencies, as pip is slow.

    For tests in which the others make no difference.
    """
    top = copy_template(tmp_path_factory.mktemp("little"))
    context = default_context()
    context["_dependencies"] |= {"notebook": "typer>=0.20", "analysis": ""}
    context["_development"]["notebook"] = "ipykernel pre-commit"
    (top / "cookiecutter.json").write_text(json.dumps(context), encoding="utf-8")
    return top


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Project], Project]:
    """Return a copy of a rendered project that a test may change."""

    def copied(project: Project) -> Project:
        target = tmp_path / project.path.name
        shutil.copytree(project.path, target)
        return Project(target, project.env)

    return copied
