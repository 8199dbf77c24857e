"""What runs an environment manager, and what is said where none serves."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Bake, Equip, Machine, MachineNamed, Project
from journey import (
    MANAGERS,
    QUICKLY,
    lock_once_a_week,
    named_command,
    put_first_on_path,
    versions_in,
)
from pip._internal.models.index import PyPI
from warm_cache import give_bytecode

sys.path.insert(0, str(ROOT / "hooks"))

import pre_gen_project as gate

PROGRAMS = {"uv": "0.6", "poetry": "2.2", "pipenv": "2025.0"}
TOO_OLD = {
    "uv": ("uv 0.4.0 (d9a9ea3 2024-08-28)", "0.4.0"),
    "poetry": ("Poetry (version 1.8.5)", "1.8.5"),
    "pipenv": ("pipenv, version 2022.1.8", "2022.1.8"),
}
PYTHONS = ("python", "python3", *(f"python3.{minor}" for minor in range(8, 20)))
INDEX = "https://packages.example.com/simple/"
slow = pytest.mark.slow
each_program = pytest.mark.parametrize("program", PROGRAMS)
each_manager = pytest.mark.parametrize("manager", MANAGERS)


@pytest.fixture
def bare(machine: Machine) -> Machine:
    """A machine without an environment manager, and without what could run one."""
    machine.hide(*PROGRAMS, "uvx", "pipx")
    return machine


def on(machine: Machine, project: Project) -> Project:
    """Return a project as it is on this machine."""
    return Project(project.path, machine.env)


def recorded(machine: Machine, program: str) -> Path:
    """Put a program on PATH that notes how it is called, then fails."""
    record = machine.home.parent / f"{program}.txt"
    put_first_on_path(machine, program, f'echo "$@" >>"{record}"; exit 1')
    return record


# What is missing or too old


def test_the_table_needs_the_versions_that_are_tested_here() -> None:
    needs: dict[str, str] = {}
    for manager in MANAGERS.values():
        needs |= manager["needs"]
    assert needs == {**PROGRAMS, "python": "$(PYTHON_VERSION)"}


@each_program
def test_make_says_in_one_line_that_a_manager_is_missing(
    bake: Bake, bare: Machine, program: str
) -> None:
    project = on(bare, bake(environment_manager=program))
    done = project.make("install", check=False)
    assert done.returncode == 2
    said, stopped = done.stdout.splitlines()
    assert said == (
        f"{program} is missing: 'make bootstrap' gets it, for this project alone."
    )
    assert stopped.startswith("make: ***")


@each_program
def test_make_says_in_one_line_which_version_is_needed(
    bake: Bake, bare: Machine, program: str
) -> None:
    says, version = TOO_OLD[program]
    put_first_on_path(bare, program, f'echo "{says}"')
    project = on(bare, bake(environment_manager=program))
    done = project.make("install", check=False)
    assert done.returncode == 2
    said, stopped = done.stdout.splitlines()
    assert said == (
        f"{program} {version} is too old, {PROGRAMS[program]} or newer is needed:"
        " 'make bootstrap' gets it, for this project alone."
    )
    assert stopped.startswith("make: ***")


@slow
@each_program
def test_set_up_says_in_one_line_that_a_manager_is_missing_or_too_old(
    bare: Machine, program: str
) -> None:
    says, version = TOO_OLD[program]
    missing = bare.cookiecutter(environment_manager=program, project_name="Missing")
    put_first_on_path(bare, program, f'echo "{says}"')
    too_old = bare.cookiecutter(environment_manager=program, project_name="Too old")
    for done, slug, reason in (
        (missing, "missing", "is not on this machine"),
        (
            too_old,
            "too-old",
            f"{version} is too old, {PROGRAMS[program]} or newer is needed",
        ),
    ):
        assert re.search(
            rf"^  ✗ environment +{program} {reason}\n  · ", done.stdout, re.MULTILINE
        )
        command = f"cd {slug} && make bootstrap install repository"
        assert named_command(done.stdout) == command


@each_program
def test_a_manager_that_is_new_enough_is_run_as_it_is(
    bake: Bake, bare: Machine, program: str
) -> None:
    for runner in ("uvx", "pipx"):
        put_first_on_path(bare, runner, "exit 1")
    project = on(bare, bake(environment_manager=program))
    for version in (PROGRAMS[program], "9999.0"):
        found = put_first_on_path(bare, program, f'echo "{program} {version}"')
        command = project.run("sh", "scripts/find", program, PROGRAMS[program])
        assert shlex.split(command.stdout) == [str(found)]


@each_program
def test_uvx_and_then_pipx_run_a_manager_that_is_missing_or_too_old(
    bake: Bake, bare: Machine, program: str
) -> None:
    project = on(bare, bake(environment_manager=program))
    wanted = f"{program}>={PROGRAMS[program]}"
    find = ["sh", "scripts/find", program, PROGRAMS[program]]
    for present in ("nothing", "too old"):
        if present == "too old":
            put_first_on_path(bare, program, f'echo "{TOO_OLD[program][0]}"')
        put_first_on_path(bare, "pipx", "exit 1").with_name("uvx").unlink(
            missing_ok=True
        )
        said = project.run(*find).stdout
        assert shlex.split(said) == ["pipx", "run", "--spec", wanted, program]
        put_first_on_path(bare, "uvx", "exit 1")
        said = project.run(*find).stdout
        assert shlex.split(said) == ["uvx", "--from", wanted, program]


@slow
@each_program
@pytest.mark.parametrize("runner", ["uvx", "pipx"])
def test_make_runs_uvx_or_pipx_with_the_managers_own_words(
    bake: Bake,
    copy: Callable[[Project], Project],
    bare: Machine,
    program: str,
    runner: str,
) -> None:
    record = recorded(bare, runner)
    project = on(bare, copy(bake(environment_manager=program)))
    assert project.make("lock", check=False).returncode == 2
    options = {"uvx": "--from", "pipx": "run --spec"}[runner]
    said = record.read_text(encoding="utf-8").splitlines()[-1]
    assert said.startswith(f"{options} {program}>={PROGRAMS[program]} {program} ")


@slow
@pytest.mark.parametrize("runner", ["uvx", "pipx"])
def test_set_up_runs_uvx_or_pipx_where_the_manager_is_missing(
    bare: Machine, runner: str
) -> None:
    record = recorded(bare, runner)
    output = bare.cookiecutter(environment_manager="uv").stdout
    options = {"uvx": "--from", "pipx": "run --spec"}[runner]
    said = record.read_text(encoding="utf-8")
    assert said == f"{options} uv>={PROGRAMS['uv']} uv sync\n"
    assert named_command(output) == "cd my-analysis && make install repository"


@each_program
def test_a_shim_that_does_not_start_is_passed_over(
    bake: Bake, bare: Machine, program: str
) -> None:
    shim = f"echo 'pyenv: {program}: command not found' >&2; exit 127"
    put_first_on_path(bare, program, shim)
    project = on(bare, bake(environment_manager=program))
    done = project.make("install", check=False)
    assert done.stdout.splitlines()[0].startswith(f"{program} is missing: ")
    put_first_on_path(bare, "pipx", "exit 1")
    found = project.run("sh", "scripts/find", program, PROGRAMS[program])
    assert found.stdout.startswith("pipx run ")


@slow
def test_set_up_passes_over_a_shim_that_does_not_start(bare: Machine) -> None:
    put_first_on_path(bare, "uv", "exit 127")
    record = recorded(bare, "uvx")
    bare.cookiecutter(environment_manager="uv")
    assert record.read_text(encoding="utf-8").endswith(" uv sync\n")


def test_what_find_has_found_is_no_variable_of_the_persons(
    bake: Bake, bare: Machine
) -> None:
    bare.env["first"] = bare.env["found"] = "true"
    uv = put_first_on_path(bare, "uv", "echo uv 9999.0")
    found = on(bare, bake()).run("sh", "scripts/find", "uv", PROGRAMS["uv"]).stdout
    assert shlex.split(found) == [str(uv)]


@pytest.mark.parametrize("step", ["install", "production"])
def test_no_pip_looks_for_more_than_pip_tools_has_locked(step: str) -> None:
    """The pip of an older Python asks for an extra's newest release, and has no hash.

    What pip-sync would install is there then, and it only takes away what is too much.
    """
    install, sync, package = MANAGERS["pip-tools"][step]
    assert "--no-deps --require-hashes" in install
    locks = re.findall(r"requirements\S*\.txt", sync)
    assert re.findall(r"--requirement (\S+)", install) == locks
    assert "--no-deps" in package


def test_what_pip_tools_locks_has_hashes_and_nothing_of_this_machine(
    bake: Bake,
) -> None:
    """Whatever habits are in the settings of who locks."""
    manifest = bake(environment_manager="pip-tools").manifest
    machine = ("emit-find-links", "emit-index-url", "emit-trusted-host")
    whole = ("allow-unsafe", "generate-hashes", "strip-extras")
    wanted = dict.fromkeys(machine, False) | dict.fromkeys(whole, True)
    assert manifest["tool"]["pip-tools"] == wanted


def test_pip_tools_locks_the_tools_within_what_the_package_needs(bake: Bake) -> None:
    project = bake(environment_manager="pip-tools")
    lines = project.text("requirements-dev.in").splitlines()
    assert "-c requirements.txt" in lines
    first, second = MANAGERS["pip-tools"]["lock"]
    assert "--output-file requirements.txt " in first
    assert second.endswith("--output-file requirements-dev.txt requirements-dev.in")


def test_pipenv_installs_the_package_to_be_edited(bake: Bake) -> None:
    pipfile = tomllib.loads(bake(environment_manager="pipenv").text("Pipfile"))
    assert pipfile["packages"] == {"my-analysis": {"path": ".", "editable": True}}
    assert pipfile["requires"] == {"python_version": "3.13"}


# What is there already


@pytest.mark.parametrize("name", [".venv", "elsewhere"])
def test_only_an_environment_is_made_anew(
    bake: Bake, copy: Callable[[Project], Project], machine: Machine, name: str
) -> None:
    """Or what is where the project's own should be, whatever it is."""
    project = on(machine, copy(bake(environment_manager="pip")))
    make = 'echo "$@" >>made; mkdir -p "$6/bin"'
    put_first_on_path(machine, "python3.13", f"case $2 in venv) {make};; esac")
    mine = project / name / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    words = ("environment", "PYTHON=python3.13", f"VENV={name}")
    done = project.make(*words, check=False)
    if name == ".venv":
        assert not mine.exists()
        assert "-m venv" in project.text("made")
        return
    assert done.returncode == 2
    said = "elsewhere is there and is no environment: nothing is done to it."
    assert done.stdout.splitlines()[0] == said
    assert mine.read_text() == "mine"
    (mine.parent / "pyvenv.cfg").touch()
    project.make(*words, check=False)
    assert not mine.exists()


@slow
@pytest.mark.parametrize("program", ["poetry", "pipenv"])
def test_make_bootstrap_gets_a_manager_for_the_project_alone(
    bare: Machine, program: str
) -> None:
    """What it does for uv is proved by test_faults.py."""
    bare.cookiecutter(environment_manager=program, set_up="no")
    project = bare.project()
    project.git("init", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "Before")
    project.make("bootstrap")
    found = project.run("sh", "scripts/find", program, PROGRAMS[program]).stdout
    assert shlex.split(found) == [f".bootstrap/bin/{program}"]
    said = project.run(*shlex.split(found), "--version").stdout
    assert said.lower().startswith(program)
    assert project.git("status", "--porcelain") == ""
    assert project.make("bootstrap").stdout == ""
    assert [*bare.home.rglob(f"*{program}*")] == []


# The index


def test_of_pips_settings_those_count_that_say_how_to_reach_the_index(
    bake: Bake, machine: Machine
) -> None:
    reach = {
        **{"cache-dir": "/cache", "cert": "/ca.pem", "client-cert": "/me.pem"},
        **{"default-timeout": "9", "index-url": INDEX, "keyring-provider": "disabled"},
        **{"proxy": "http://proxy.example.com", "timeout": "9"},
        "trusted-host": "packages.example.com",
    }
    find = {"find-links": "/wheels", "extra-index-url": INDEX, "no-binary": ":all:"}
    lines = [f"{name} = {value}" for name, value in (reach | find).items()]
    own = [name for name in machine.env if name.startswith("PIP_")]
    for name in own:  # this machine's
        del machine.env[name]
    settings = machine.home / "pip.conf"
    settings.write_text("\n".join(["[global]", *lines]), encoding="utf-8")
    machine.env |= {"PIP_CONFIG_FILE": str(settings), "PIP_PRE": "1"}
    project = on(machine, bake(environment_manager="pip"))
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    python = (sys.executable, "scripts/isolated.py", sys.executable)
    shown = json.loads(project.run(*python, "-c", show).stdout)
    told = {name: value for name, value in shown.items() if name.startswith("PIP_")}
    assert told == {
        **{f"PIP_{k.upper().replace('-', '_')}": v for k, v in reach.items()},
        "PIP_CONFIG_FILE": os.devnull,
    }


@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "PIPENV_PYPI_MIRROR"])
def test_a_mirror_of_pypi_is_used_and_not_written_down(
    bake: Bake, copy: Callable[[Project], Project], machine: Machine, name: str
) -> None:
    project = on(machine, copy(bake(environment_manager="pipenv")))
    machine.env[name] = "https://me:secret@mirror.example.com/simple"
    note = 'printf \'"%s"\' "$PIPENV_PYPI_MIRROR" | tee used >Pipfile.lock'
    pipenv = put_first_on_path(machine, "pipenv", f'test -z "$PIP_INDEX_URL" && {note}')
    project.run(sys.executable, "scripts/isolated.py", pipenv, "lock")
    assert project.text("used") == f'"{machine.env[name]}"'
    assert project.text("Pipfile.lock") == f'"{PyPI.simple_url}"'


# The table of commands


def run_by_tests() -> set[str]:
    """Return the targets of make that the tests of every manager run."""
    words: set[str] = set()
    for path in Path(__file__).parent.glob("test_managers_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr != "make":
                    continue
                values = [getattr(argument, "value", None) for argument in node.args]
                words |= {value for value in values if isinstance(value, str)}
    return words


def recipes(makefile: str) -> dict[str, str]:
    """Return the recipe of every target, with the recipes of what it depends on."""
    joined = makefile.replace("\\\n", " ")
    rules = re.findall(r"^([\w$()-]+):(?!=)(.*)\n((?:\t.*\n?)*)", joined, re.MULTILINE)
    own: dict[str, str] = {target: recipe for target, _, recipe in rules}
    needs = {target: wants.partition("##")[0].split() for target, wants, _ in rules}

    def gathered(target: str) -> str:
        below = (gathered(each) for each in needs[target] if each in own)
        return own[target] + "".join(below)

    return {target: gathered(target) for target in own}


@each_manager
def test_no_command_of_the_table_is_one_that_no_test_runs(
    bake: Bake, manager: str
) -> None:
    """Set-up runs what it names itself; the rest is in targets that the tests run."""
    table = MANAGERS[manager]
    makefile = bake(environment_manager=manager).text("Makefile")
    run_by_make = "".join(
        recipe
        for target, recipe in recipes(makefile).items()
        if target in run_by_tests()
    )
    commands = {
        key: lines
        for key, lines in table.items()
        if key not in ("locks", "pyproject", "set_up") and isinstance(lines, list)
    }
    assert {"create", "lock", "install", "production", "add", "upgrade"} <= {*commands}
    for key, lines in commands.items():
        for line in lines:
            known = line.strip().rstrip("\\").strip() in run_by_make
            assert known or key in table["set_up"], (key, line)
    for name in table["exports"]:
        assert f"export {name} := " in makefile


@each_manager
def test_no_project_can_be_named_like_a_manager_or_what_runs_it(manager: str) -> None:
    programs = {manager, *MANAGERS[manager]["needs"], "pyenv", "pipx", "uvx", "twine"}
    assert [name for name in programs if not gate.slug_problem(name)] == []


# pyenv


@pytest.fixture
def pyenv(machine: Machine) -> Path:
    """Where pyenv keeps its Pythons."""
    return pyenv_of(machine)


def pyenv_of(machine: Machine) -> Path:
    """Return where pyenv keeps its Pythons, some of which a project can have."""
    root = Path(machine.env["PYENV_ROOT"])
    if shutil.which("pyenv", path=machine.env["PATH"]) is None:
        pytest.skip("pyenv is not on this machine's PATH")
    if not [*root.glob("versions/3.1[1-4].*")]:
        pytest.skip(f"{root} holds no Python from 3.11 to 3.14")
    return root


def pyenv_versions(root: Path) -> dict[str, str]:
    """Return the Pythons of pyenv's that a project can have: 3.13 to 3.13.0."""
    names = [path.name for path in sorted(root.glob("versions/3.1[1-4].*"))]
    return {name.rpartition(".")[0]: name for name in names}


def python_of(environment: Path) -> tuple[str, Path]:
    """Return the version and the home of an environment's Python."""
    text = (environment / "pyvenv.cfg").read_text(encoding="utf-8")
    (home,) = re.findall(r"^home = (.*)$", text, re.MULTILINE)
    (version,) = re.findall(r"^version(?:_info)? = (\d+\.\d+)", text, re.MULTILINE)
    return version, Path(home).resolve()


@slow
@each_manager
def test_a_python_that_only_pyenv_has_makes_the_environment(
    bake: Bake,
    copy: Callable[[Project], Project],
    machine: Machine,
    equip: Equip,
    pyenv: Path,
    manager: str,
) -> None:
    own = "{}.{}".format(*sys.version_info)
    versions = pyenv_versions(pyenv)
    version = next((each for each in versions if each != own), None)
    if version is None:
        pytest.skip("pyenv has only the Python that runs the tests")
    machine.hide(*PYTHONS)
    equip(machine, manager)
    machine.env["UV_PYTHON_DOWNLOADS"] = "never"
    rendered = bake(environment_manager=manager, python_version=version)
    project = on(machine, copy(rendered))
    project.make("environment")
    home = (pyenv / "versions" / versions[version] / "bin").resolve()
    assert python_of(project / ".venv") == (version, home)


@slow
def test_set_up_finds_a_python_that_only_pyenv_has(
    machine: Machine, pyenv: Path
) -> None:
    own = "{}.{}".format(*sys.version_info)
    version = next((each for each in pyenv_versions(pyenv) if each != own), None)
    if version is None:
        pytest.skip("pyenv has only the Python that runs the tests")
    machine.hide(*PYTHONS)
    machine.env["UV_PYTHON_DOWNLOADS"] = "never"
    output = machine.cookiecutter(environment_manager="uv", python_version=version)
    assert "To go on:" not in output.stdout
    assert python_of(machine.project() / ".venv")[0] == version


@slow
def test_pyenv_and_uv_read_the_version_that_the_project_says(
    bake: Bake, machine: Machine, pyenv: Path
) -> None:
    versions = pyenv_versions(pyenv)
    bins = [str(pyenv / "versions" / name / "bin") for name in versions.values()]
    machine.env["PATH"] = os.pathsep.join([machine.env["PATH"], *bins])
    for version, name in versions.items():
        project = on(machine, bake(python_version=version))
        assert project.text(".python-version") == f"{version}\n"
        assert project.run("pyenv", "version-name").stdout in (
            f"{name}\n",
            f"{version}\n",
        )
        assert project.run("pyenv", "exec", "python", "-V").stdout == f"Python {name}\n"
        python = project.run("uv", "python", "find", "--no-project").stdout.strip()
        assert project.run(python, "-V").stdout.startswith(f"Python {version}.")


def with_environment(machine: Machine) -> Machine:
    """Give a machine a pyenv with one Python of the real one's, and an environment."""
    pyenv = pyenv_of(machine)
    if not (pyenv / "plugins/pyenv-virtualenv").is_dir():
        pytest.skip("pyenv-virtualenv is not among pyenv's plugins")
    name = max(pyenv_versions(pyenv).values(), key=lambda each: each.split("."))
    root = machine.home.parent / "pyenv"
    (root / "versions" / name).mkdir(parents=True)
    (root / "plugins").symlink_to(pyenv / "plugins")
    for path in (pyenv / "versions" / name).iterdir():
        if path.name != "envs":
            (root / "versions" / name / path.name).symlink_to(path)
    machine.env["PYENV_ROOT"] = str(root)
    machine.run("pyenv", "virtualenv", name, "my-analysis")
    return machine


@pytest.fixture
def own_pyenv(machine: Machine) -> Machine:
    """A machine whose pyenv has an environment."""
    return with_environment(machine)


@pytest.fixture(scope="session")
def with_broken_environment(new_machine: MachineNamed) -> Path:
    """A pyenv whose environment has lost its Python and has something precious.

    It is one for all the tests, as each asserts that nothing in it has changed.
    """
    machine = with_environment(new_machine("broken"))
    prefix = prefix_of(machine)
    for python in prefix.glob("bin/python*"):
        python.unlink()
    (prefix / "precious").write_text("mine\n", encoding="utf-8")
    return Path(machine.env["PYENV_ROOT"])


def prefix_of(machine: Machine) -> Path:
    """Return where pyenv says that the environment of the project is."""
    return Path(machine.run("pyenv", "prefix", "my-analysis").stdout.strip())


@slow
@pytest.mark.parametrize("manager", ["uv", "poetry"])
def test_an_environment_of_pyenv_virtualenv_serves_as_the_projects_own(
    own_pyenv: Machine, equip: Equip, manager: str
) -> None:
    machine = own_pyenv
    equip(machine, manager)
    prefix = prefix_of(machine)
    version = python_of(prefix)[0]
    machine.cookiecutter(
        environment_manager=manager, python_version=version, set_up="no"
    )
    project = machine.project()
    lock_once_a_week(project)
    project.make("install", f"VENV={prefix}")
    give_bytecode(prefix)
    assert (project / ".venv").is_symlink()
    assert (project / ".venv").samefile(prefix)
    project.make("repository")
    project.make("test", QUICKLY)
    assert project.git("status", "--porcelain") == ""
    (python,) = {kernel["argv"][0] for kernel in machine.kernels.values()}
    assert Path(python).is_relative_to(prefix)
    assert "black" in versions_in(prefix)


@slow
@pytest.mark.parametrize(
    ("manager", "link"), [("uv", "VENV"), *((name, ".venv") for name in MANAGERS)]
)
def test_an_environment_of_pyenvs_is_never_deleted_though_it_be_broken(
    bake: Bake,
    copy: Callable[[Project], Project],
    machine: Machine,
    with_broken_environment: Path,
    equip: Equip,
    manager: str,
    link: str,
) -> None:
    equip(machine, manager)
    root = machine.home.parent / "pyenv"
    (root / "versions").mkdir(parents=True)
    for path in with_broken_environment.glob("versions/*"):
        (root / "versions" / path.name).symlink_to(path.resolve())
    machine.env["PYENV_ROOT"] = str(root)
    prefix = prefix_of(machine)
    version = python_of(prefix)[0]
    real = prefix.resolve()
    before = {*real.rglob("*")}
    rendered = bake(environment_manager=manager, python_version=version)
    project = on(machine, copy(rendered))
    words = []
    if link == ".venv":
        (project / ".venv").symlink_to(prefix)
    else:
        words = [f"VENV={prefix}"]
    project.make("environment", *words)
    assert {*real.rglob("*")} == before
    assert (real / "precious").read_text(encoding="utf-8") == "mine\n"
