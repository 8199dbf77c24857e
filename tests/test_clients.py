"""Whoever makes a project, and however the answers are given, the files are the same.

Enter throughout, at a terminal, is in test_set_up.py, ``--replay-file`` in
test_answers.py; abbreviations, ``--checkout`` and ``--directory`` by the tests' own
cookiecutter, and all that cruft does later, in test_updates.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Bake, Machine, Project, default_context, run
from journey import put_first_on_path

sys.path.insert(0, str(ROOT / "hooks"))

import pre_gen_project as gate

CONTEXT = default_context()
OLDEST = "{}.{}.0".format(*gate.OLDEST_COOKIECUTTER)
GIVEN = {"project_name": "Penguin bills", "license": "Apache-2.0", "starter": "model"}
WORDS = ("--no-input", *(f"{name}={answer}" for name, answer in GIVEN.items()))
SLUG = "penguin-bills"
CALL = """
import json, sys
from cookiecutter.main import cookiecutter
answers = json.loads(sys.argv[2])
print(cookiecutter(sys.argv[1], no_input=True, extra_context=answers))
"""

slow = pytest.mark.slow
Contents = dict[str, bytes]


def contents(project: Project) -> Contents:
    """Return the project's files, but for the link to its template."""
    names = set(project.files) - {".cruft.json"}
    return {name: (project / name).read_bytes() for name in names}


class Client:
    """A program that makes projects on a machine, for a person who wants files only.

    Attributes:
        program: the command, without arguments.
        template: what it makes projects from.
    """

    def __init__(self, machine: Machine, program: list[str]) -> None:
        self.machine = machine
        self.program = program
        self.template = str(machine.template)
        config = "default_context:\n  set_up: no\n"
        (machine.home / ".cookiecutterrc").write_text(config, "utf-8")

    def make(
        self, *words: str | Path, check: bool = True, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run it with these arguments after the template."""
        command = [*self.program, self.template, *words]
        work, env = self.machine.work, self.machine.env
        return run(*command, cwd=work, env=env, check=check, stdin=stdin)

    @property
    def project(self) -> Project:
        """The project that it has made."""
        return self.machine.project(SLUG)


Install = Callable[..., list[str]]


@pytest.fixture(scope="session")
def install(
    tmp_path_factory: pytest.TempPathFactory, own_home: Path
) -> Iterator[Install]:
    """Install packages, once for each set, and return the command of a Python there."""
    directory = tmp_path_factory.mktemp("clients")

    def installed(*packages: str, python: str | Path = sys.executable) -> list[str]:
        venv = directory / "-".join([*packages, Path(python).name])
        program = venv / ("Scripts/python" if os.name == "nt" else "bin/python")
        if not venv.exists():
            run("uv", "venv", "--quiet", "--python", python, venv)
            run("uv", "pip", "install", "--quiet", "--python", program, *packages)
        return [str(program), "-m"]

    yield installed
    shutil.rmtree(directory)


@pytest.fixture
def client_of(machine: Machine, install: Install) -> Callable[[str], Client]:
    """Give the client that is this release of cookiecutter."""
    return lambda release: Client(
        machine, [*install(f"cookiecutter=={release}"), "cookiecutter"]
    )


@pytest.fixture(params=["own", pytest.param(OLDEST, marks=slow)])
def client(request: pytest.FixtureRequest, machine: Machine) -> Client:
    """The cookiecutter of the tests' own environment, and the oldest that serves."""
    if request.param == "own":
        return Client(machine, [sys.executable, "-m", "cookiecutter"])
    made: Client = request.getfixturevalue("client_of")(request.param)
    return made


only_oldest = pytest.mark.parametrize(
    "client", [pytest.param(OLDEST, marks=slow)], indirect=True
)


@pytest.fixture(scope="session")
def model_project(bake: Bake) -> Project:
    """What every client should make for the person of the machine."""
    return bake(**GIVEN, author_name="Ada Lovelace", author_email="ada@example.org")


@pytest.fixture(scope="session")
def expected(model_project: Project) -> Contents:
    """The files of that project."""
    return contents(model_project)


# How answers are given


@slow
def test_answers_of_the_command_line_are_taken_and_replayed(
    client: Client, expected: Contents
) -> None:
    client.make(*WORDS)
    assert contents(client.project) == expected
    shutil.rmtree(client.project.path)
    client.make("--replay")
    assert contents(client.project) == expected


def typed(name: str) -> str:
    """Return what is typed at a question: the answer, or the number of the choice."""
    default = CONTEXT[name]
    if name == "set_up":
        return "n"
    if name in GIVEN and isinstance(default, list):
        return str(default.index(GIVEN[name]) + 1)
    return GIVEN.get(name, "")


@slow
def test_answers_are_typed(client: Client, expected: Contents) -> None:
    questions = [name for name in CONTEXT if not name.startswith("_")]
    lines = "".join(f"{typed(name)}\n" for name in questions)
    client.make("--default-config", stdin=lines)
    assert contents(client.project) == expected


@slow
def test_answers_are_read_from_a_configuration_file(
    client: Client, expected: Contents
) -> None:
    config = client.machine.home / "team.yaml"
    answers = {**GIVEN, "set_up": False}
    config.write_text(json.dumps({"default_context": answers}), "utf-8")
    client.make("--no-input", "--config-file", config)
    assert contents(client.project) == expected


@slow
def test_answers_are_given_by_python(client: Client, expected: Contents) -> None:
    call = [client.program[0], "-c", CALL, client.template]
    done = client.machine.run(*call, json.dumps({**GIVEN, "set_up": False}))
    assert done.stdout.splitlines()[-1] == str(client.project.path)
    assert contents(client.project) == expected


@slow
def test_a_yes_or_no_of_the_command_line_needs_the_cookiecutter_that_the_line_names(
    client_of: Callable[[str], Client],
) -> None:
    client = client_of("2.6.0")
    done = client.make(*WORDS, "docker=no", check=False)
    assert "docker 'no' is not on offer; try yes or no, with cookiecutter 2.7" in (
        done.stdout
    )
    assert left_behind(client) == []


# Where the template comes from, and where the project goes to


@slow
def test_a_zip_is_a_template(client: Client, expected: Contents) -> None:
    template = client.machine.template
    packed = client.machine.home / "the template"
    client.template = shutil.make_archive(
        str(packed), "zip", template.parent, template.name
    )
    client.make(*WORDS)
    assert contents(client.project) == expected


@slow
def test_blanks_and_other_letters_in_paths_do_no_harm(
    client: Client, expected: Contents
) -> None:
    place = client.machine.home / "Ada's templates" / "größer 分析"
    client.template = str(shutil.copytree(client.template, place))
    client.make(*WORDS, "--output-dir", "my projects")
    project = Project(client.machine.work / "my projects" / SLUG, client.machine.env)
    assert contents(project) == expected


@pytest.fixture
def repository(machine: Machine) -> Path:
    """The template as a repository whose tag v1 is no longer the newest commit."""
    path = machine.home.parent / "git" / "template"
    shutil.copytree(machine.template, path)
    git = ("git", "-C", path)
    machine.run(*git, "init", "--quiet")
    machine.run(*git, "add", "--all")
    machine.run(*git, "commit", "--quiet", "--message", "Begin")
    machine.run(*git, "tag", "v1")
    machine.run(*git, "rm", "--quiet", "{{cookiecutter.__project_dir}}/README.md")
    machine.run(*git, "commit", "--quiet", "--message", "Go on")
    return path


@only_oldest
def test_a_tag_is_checked_out(
    client: Client, repository: Path, expected: Contents
) -> None:
    client.template = f"file://{repository}"
    client.make(*WORDS, "--checkout", "v1")
    assert contents(client.project) == expected


@pytest.fixture
def edited(client: Client, model_project: Project) -> Project:
    """A project that was here before, with a file edited, one gone and one more."""
    shutil.copytree(model_project.path, client.project.path)
    (client.project / "README.md").write_bytes(b"Mine\n")
    (client.project / "notes.txt").write_bytes(b"Mine\n")
    (client.project / "Makefile").unlink()
    return client.project


@slow
def test_f_writes_the_files_of_the_template_anew_and_leaves_others(
    client: Client, edited: Project, expected: Contents
) -> None:
    client.make(*WORDS, "-f")
    assert contents(edited) == {**expected, "notes.txt": b"Mine\n"}


@slow
def test_f_with_s_writes_only_what_is_missing(
    client: Client, edited: Project, expected: Contents
) -> None:
    client.make(*WORDS, "-f", "-s")
    mine = {"notes.txt": b"Mine\n", "README.md": b"Mine\n"}
    assert contents(edited) == {**expected, **mine}


# Other programs


@slow
@pytest.mark.parametrize("release", ["2.5.0", "2.6.0", "2.7.0"])
def test_the_releases_since_the_oldest_make_the_same(
    client_of: Callable[[str], Client], release: str, expected: Contents
) -> None:
    client = client_of(release)
    client.make(*WORDS)
    assert contents(client.project) == expected


@slow
@pytest.mark.parametrize("runner", ["uvx", "uvx pipx run"])
def test_uvx_and_pipx_run_make_it_with_the_newest(
    machine: Machine, runner: str, expected: Contents
) -> None:
    machine.env |= {
        "UV_PYTHON": sys.executable,
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }
    client = Client(machine, [*runner.split(), "cookiecutter"])
    client.make(*WORDS)
    assert contents(client.project) == expected


@slow
@pytest.mark.parametrize("program", ["cruft", "uvx cruft"])
def test_cruft_creates_it_with_the_defaults_of_the_file(
    machine: Machine, repository: Path, bake: Bake, program: str
) -> None:
    machine.env["UV_PYTHON"] = sys.executable
    client = Client(machine, [*program.split(), "create"])
    client.template = str(repository)
    answers = json.dumps({**GIVEN, "set_up": False})
    client.make("--no-input", "--checkout", "v1", "--extra-context", answers)
    chosen = ("author_name", "author_email", "python_version", "environment_manager")
    first = {
        name: value[0] if isinstance(value := CONTEXT[name], list) else value
        for name in chosen
    }
    assert contents(client.project) == contents(bake(**GIVEN, **first))
    assert json.loads(client.project.text(".cruft.json"))["checkout"] == "v1"


# What is too old


def left_behind(client: Client) -> list[str]:
    """Return what a client has left where the person works, and at home."""
    kept = {".cookiecutterrc", ".cookiecutter_replay", ".gitconfig"}
    home = [path.name for path in client.machine.home.iterdir()]
    work = [path.name for path in client.machine.work.iterdir()]
    return [*work, *(name for name in home if name not in kept)]


def refused(client: Client, *words: str) -> str:
    """Return the one line with which the client is refused, which leaves nothing."""
    done = client.make(*words, check=False)
    assert done.returncode == 1
    said, told, _ = done.stdout.partition("Stopping generation because")
    assert told
    assert left_behind(client) == []
    (line,) = said.removesuffix("ERROR: ").splitlines()
    return line


@slow
@pytest.mark.parametrize("release", ["1.7.3", "2.1.0", "2.2.0", "2.3.1"])
def test_an_older_cookiecutter_is_refused_in_one_line(
    client_of: Callable[[str], Client], release: str
) -> None:
    assert refused(client_of(release), *WORDS) == (
        f"cookiecutter {release[:3]} runs here, and this template needs"
        f" {OLDEST[:3]} or newer: pipx install --force cookiecutter"
    )


@slow
def test_the_command_that_the_line_names_brings_a_cookiecutter_that_serves(
    client_of: Callable[[str], Client], expected: Contents
) -> None:
    client = client_of("2.3.1")
    machine = client.machine
    command = refused(client, *WORDS).partition(": ")[2]
    put_first_on_path(machine, "pipx", 'exec uvx pipx "$@"')
    machine.env["PIPX_DEFAULT_PYTHON"] = sys.executable
    machine.run(*command.split())
    client.program = [str(machine.home / ".local/bin/cookiecutter")]
    client.make(*WORDS)
    assert contents(client.project) == expected


@slow
def test_an_older_cookiecutter_below_cruft_is_refused_with_the_way_for_cruft(
    machine: Machine, install: Install, repository: Path
) -> None:
    program = [*install("cruft", "cookiecutter==2.3.1"), "cruft", "create"]
    client = Client(machine, program)
    client.template = str(repository)
    line = refused(client, "--no-input", "--checkout", "v1")
    assert line.startswith("cookiecutter 2.3 runs here")
    assert line.endswith(": pipx install --force cruft")


def older_python(version: str) -> Path:
    """Return a Python of this version that runs, or skip."""
    pyenv = Path(os.environ["PYENV_ROOT"], "versions")
    found = [*pyenv.glob(f"{version}.*/bin/python{version}")]
    on_path = shutil.which(f"python{version}")
    for python in [*found, *([Path(on_path)] if on_path else [])]:
        if run(python, "-c", "", check=False).returncode == 0:
            return python
    pytest.skip(f"there is no Python {version} on this machine")


@slow
@pytest.mark.parametrize("version", ["3.7", "3.8", "3.9", "3.10"])
def test_a_cookiecutter_of_an_older_python_is_refused_in_one_line(
    machine: Machine, install: Install, version: str
) -> None:
    python = install("cookiecutter", python=older_python(version))
    assert refused(Client(machine, [*python, "cookiecutter"]), *WORDS) == (
        f"cookiecutter runs on Python {version} here, and this template needs 3.11"
        " or newer: pipx install --force --python 3.13 cookiecutter"
    )


def test_the_page_of_the_options_says_which_cookiecutter_is_the_oldest() -> None:
    page = (ROOT / "docs/options.md").read_text("utf-8")
    oldest = ".".join(map(str, gate.OLDEST_COOKIECUTTER))
    assert f"cookiecutter {oldest} or newer, on Python 3.11 or newer" in page
