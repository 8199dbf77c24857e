"""What make runs: its recipes, with programs that only note how they are called."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Bake, Machine, Project, default_context
from journey import MANAGERS, put_first_on_path, said_by_make

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts of the shell")

URL = "https://packages.example.com/simple/"
UPLOADS = URL.removesuffix("simple/")
NOTES = 'case $1 in -c) ;; *) echo "${SKIP:+SKIP=$SKIP }$0 $*" >>"$CALLS";; esac'
# It has a version, as those have for which scripts/find looks.
TOOL = 'case $1 in --version) echo "x 9999.0";; *) echo "$0 $*" >>"$CALLS";; esac'
# It can make an environment that holds nothing but itself.
MAKES_ANOTHER = """case "$*" in
"-m venv "*) mkdir -p .bootstrap/bin && cp "$0" .bootstrap/bin/python;;
esac"""
PYTHON = ".venv/bin/python"


class Work:
    """A project in which make can work, and what it calls there."""

    def __init__(self, project: Project, machine: Machine, manager: str = "uv") -> None:
        self.calls = machine.home.parent / "calls"
        machine.env["CALLS"] = str(self.calls)
        self.machine = machine
        self.project = Project(project.path, machine.env)
        python = project / PYTHON
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\n{NOTES}\n")
        python.chmod(0o755)
        (project / ".venv/pyvenv.cfg").touch()
        for lock in MANAGERS[manager]["locks"]:
            (project / lock).touch()

    def program(self, name: str, script: str = TOOL) -> str:
        """Put a program on PATH and return where it is."""
        return str(put_first_on_path(self.machine, name, script))

    def make(self, *words: str, check: bool = True) -> list[str]:
        """Run make and return the calls of programs."""
        self.calls.write_text("")
        self.said = self.project.make(*words, check=check).stdout
        return self.calls.read_text().splitlines()


@pytest.fixture
def work(bake: Bake, copy: Callable[[Project], Project], machine: Machine) -> Work:
    """A project of the largest starter, with an index of its own."""
    starter = default_context()["starter"][-1]
    return Work(copy(bake(starter=starter, package_index_url=URL)), machine)


def test_make_alone_lists_what_can_be_done(work: Work) -> None:
    work.make()
    text = work.project.text("Makefile") + work.project.text("containers.mk")
    documented = re.findall(r"^([a-z-]+):.*## (.*)$", text, re.MULTILINE)
    shown = [line.split(maxsplit=1) for line in work.said.splitlines()]
    assert shown == [[*each] for each in documented]


LINT = ["-m ruff check .", "-m black --quiet --check .", "-m mypy"]


@pytest.mark.parametrize(
    ("words", "calls"),
    [
        (["test", "ARGS=-x"], ["-m pytest --cov -x"]),
        (
            ["notebooks", "ARGS=-x"],
            ["-m pytest --nbmake --nbmake-kernel=python3 notebooks -x"],
        ),
        (["lint"], LINT),
        (["check"], LINT),
        (["format"], ["-m ruff check --fix .", "-m black ."]),
        (["build", "ARGS=--wheel"], ["-m build --no-isolation --wheel"]),
        (["train", "ARGS=--seed 3"], ["-m my_analysis train --seed 3"]),
        (["evaluate"], ["-m my_analysis evaluate"]),
        (["serve"], ["-m my_analysis serve"]),
        (["kernel"], ["scripts/kernel.py register my-analysis"]),
        (["kernel", "KERNEL=b"], ["scripts/kernel.py register b"]),
        (["kernel-remove", "KERNEL=b"], ["scripts/kernel.py remove b"]),
        (["hooks"], ["-m pre_commit install"]),
        (["release-notes", "TAG=v1"], ["scripts/release_notes.py v1"]),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else None,
)
def test_a_verb_runs_the_environments_own_tools(
    work: Work, words: list[str], calls: list[str]
) -> None:
    said = [line.strip() for line in work.make(*words)]
    assert said == [f"{PYTHON} {call}" for call in calls]
    (work.project / ".venv/pyvenv.cfg").unlink()
    if words[0] != "release-notes":
        assert work.make(*words, check=False) == []
        told = "There is no environment in .venv: run 'make install' first."
        assert work.said.splitlines()[0] == told


def test_without_git_one_line_says_where_it_comes_from(work: Work) -> None:
    work.machine.hide("git")
    assert work.make("repository", check=False) == []
    assert work.said.splitlines()[0] == "git is missing: get it from git-scm.com."


def test_the_first_fault_ends_a_verb(work: Work) -> None:
    python = work.project / PYTHON
    python.write_text(f"#!/bin/sh\n{NOTES}\nexit 1\n")
    assert work.make("lint", check=False) == [f"{PYTHON} {LINT[0]}"]
    assert work.make("check", check=False) == [f"{PYTHON} {LINT[0]}"]
    together = ("--jobs=2", "lint", "build")
    assert work.make(*together, check=False) == [f"{PYTHON} {LINT[0]}"]


def test_a_repository_is_checked_by_its_hooks_but_for_what_has_been_run(
    work: Work,
) -> None:
    work.project.git("init", "--quiet")
    *lint, hooks = work.make("check")
    assert lint == [f"{PYTHON} {call}" for call in LINT]
    assert hooks == f"SKIP=black,ruff,mypy {PYTHON} -m pre_commit run --all-files"
    work.project.git("config", "core.hooksPath", "elsewhere")
    assert work.make("hooks") == []
    assert work.said.splitlines()[0] == "elsewhere"
    assert "is where git looks for hooks" in work.said


def test_a_repository_is_made_and_its_first_commit_once(work: Work) -> None:
    assert work.make("repository") == [f"{PYTHON} -m pre_commit install"]
    project = work.project
    assert project.git("log", "--format=%s") == "Start my-analysis"
    assert work.said.splitlines()[-1] == project.git("log", "-1", "--format=%h %s")
    assert project.git("branch", "--show-current") == "main"
    assert project.git("status", "--porcelain") == ""
    (project / "README.md").write_text("mine\n")
    project.git("switch", "--quiet", "--create", "mine")
    work.make("repository")
    assert project.git("branch", "--show-current") == "mine"
    assert project.git("log", "--format=%s") == "Start my-analysis"
    assert project.git("status", "--porcelain") == "M README.md"


def test_nothing_is_added_that_has_no_name(work: Work) -> None:
    work.program("uv")
    assert work.make("add", check=False) == []
    assert work.said.startswith("Which one? make add PACKAGE=polars")


def test_the_audit_is_told_which_program_to_ask(work: Work) -> None:
    program = work.program("pip-audit")
    (call,) = work.make("audit", "ARGS=--verbose")
    assert call == f'{PYTHON} scripts/audit.py "{program}" --verbose'


def test_what_is_published_is_built_anew_and_looked_at_first(work: Work) -> None:
    twine = work.program("twine")
    old = work.project / "dist/old.whl"
    old.parent.mkdir()
    old.touch()
    assert work.make("publish") == [
        f"{PYTHON} -m build --no-isolation",
        f"{twine} check --strict dist/*",
        f"{twine} upload --disable-progress-bar --repository-url {UPLOADS} dist/*",
    ]
    assert not old.exists()
    only_looks = f'{TOOL}; test "$1" != check'
    work.program("twine", only_looks)
    assert len(work.make("publish", check=False)) == 2
    assert work.make("publish", "PUBLISH_URL=", check=False) == []
    assert work.said.startswith("Where to? make publish PUBLISH_URL=https://")


def test_the_update_is_told_what_is_wanted(work: Work) -> None:
    update = f'{PYTHON} scripts/update.py --cruft "{work.program("cruft")}"'
    assert work.make("update") == [update]
    words = ("TO=v2", "TEMPLATE=../x", "SET=ci=none docker=no")
    (call,) = work.make("update", *words)
    assert call == f"{update} --to v2 --template ../x ci=none docker=no"
    (call,) = work.make("graduate", "TO=service")
    assert call == f"{update} starter=service"
    assert work.make("graduate", check=False) == []
    assert work.said.startswith("To which? make graduate TO=model")


def test_jupyterlab_is_one_that_is_there_or_is_run_from_elsewhere(work: Work) -> None:
    for name in ("jupyter-lab", "uvx", "pipx"):
        work.machine.hide(name)
    assert work.make("lab", check=False) == []
    assert work.said.startswith("JupyterLab is missing: get it once")
    pipx = work.program("pipx")
    assert work.make("lab", "ARGS=-y") == [
        f"{pipx} run --spec jupyterlab jupyter-lab -y"
    ]
    uvx = work.program("uvx")
    more = "--with jupyterlab-code-formatter --with black --with isort"
    assert work.make("lab", "ARGS=-y") == [
        f"{uvx} {more} --from jupyterlab jupyter-lab -y"
    ]
    lab = work.program("jupyter-lab")
    assert work.make("lab", "ARGS=-y") == [f"{lab} -y"]


def test_clean_takes_what_can_be_made_again_and_no_more(work: Work) -> None:
    made = [".coverage", "build/a", "dist/a", ".hypothesis/a", ".mypy_cache/a"]
    made += [".pytest_cache/a", ".ruff_cache/a", "src/my_analysis/__pycache__/a"]
    made += ["tests/__pycache__/a", "scripts/__pycache__/a"]
    made += ["notebooks/.ipynb_checkpoints/a", ".venv/lib/__pycache__/a"]
    before = {*work.project.files}
    for name in made:
        path = work.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    work.make("clean")
    assert {*work.project.files} == before
    assert (work.project / made[-1]).exists()
    assert not any((work.project / name).parent.exists() for name in made[1:-1])


# The environment


@pytest.mark.parametrize("manager", ["poetry", "pipenv"])
def test_a_manager_is_told_where_the_environment_is(
    bake: Bake, machine: Machine, manager: str
) -> None:
    project = bake(environment_manager=manager)
    where = (machine, project, 'echo "$$VIRTUAL_ENV"')
    assert said_by_make(*where) == f"{project.path}/.venv\n"
    assert said_by_make(*where, "VENV=/a/b") == "/a/b\n"


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_verb_runs_its_managers_commands(
    bake: Bake, copy: Callable[[Project], Project], machine: Machine, manager: str
) -> None:
    work = Work(copy(bake(environment_manager=manager)), machine, manager)
    known = {"$(BIN)": ".venv/bin", "$(MANAGER)": work.program(manager)}
    known |= {"$(PACKAGES)": "polars>=1 rich", '"': ""}
    dev = "$(if $(DEV),--dev)", "$(if $(DEV),--group dev)"
    verbs: dict[tuple[str, ...], dict[str, str]] = {
        ("lock",): {},
        ("upgrade",): {},
        ("install",): {},
        ("install-production",): {},
        ("add", "PACKAGE=polars>=1 rich"): dict.fromkeys(dev, ""),
        ("add", "PACKAGE=polars>=1 rich", "DEV=yes"): {
            each: each.removesuffix(")").partition(",")[2] for each in dev
        },
    }

    def wanted(verb: str, more: dict[str, str]) -> list[str]:
        lines = MANAGERS[manager][verb.removeprefix("install-")]
        for name, value in (known | more).items():
            lines = [line.replace(name, value) for line in lines]
        return [" ".join(line.split()) for line in lines]

    install = [
        *wanted("install", {}),
        f"{PYTHON} scripts/kernel.py register my-analysis",
    ]
    for words, more in verbs.items():
        calls = {
            "install": install,
            "upgrade": [*wanted("upgrade", {}), *install],
        }.get(words[0], wanted(words[0], more))
        assert work.make(*words) == calls
    for lock in MANAGERS[manager]["locks"]:
        (work.project / lock).unlink()
    assert work.make("install") == [*wanted("lock", {}), *install]
    work.project.git("init", "--quiet")
    assert work.make("install")[-1] == f"{PYTHON} -m pre_commit install"


def test_an_environment_elsewhere_is_known_as_the_projects_own(work: Work) -> None:
    work.program("uv")
    own = work.project / ".venv"
    work.make("install")
    assert not own.is_symlink()
    elsewhere = work.machine.home / "environment"
    own.rename(elsewhere)
    python = f"{elsewhere}/bin/python"
    calls = work.make("install", f"VENV={elsewhere}")
    assert own.readlink() == elsewhere
    assert f"{python} scripts/kernel.py register my-analysis" in calls
    work.make("install", f"VENV={elsewhere}")
    assert not any(path.is_symlink() for path in elsewhere.iterdir())


def test_a_python_that_is_no_environments_gives_way_to_one(work: Work) -> None:
    uv = work.program("uv")
    assert work.make("environment") == []
    python = Path(sys.base_prefix, "bin/python{}.{}".format(*sys.version_info))
    (work.project / PYTHON).write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
    assert work.make("environment") == [f"{uv} venv --quiet --prompt my-analysis .venv"]


def test_pyenvs_pythons_of_the_projects_version_are_at_the_end_of_the_path(
    bake: Bake, machine: Machine, tmp_path: Path
) -> None:
    for version in ("3.12.1", "3.13.1", "3.13.2"):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
    for root, more in (("/nowhere", []), (tmp_path, ["3.13.1", "3.13.2"])):
        machine.env["PYENV_ROOT"] = str(root)
        path = [machine.env["PATH"], *(f"{root}/versions/{each}/bin" for each in more)]
        said = said_by_make(machine, bake(python_version="3.13"), 'echo "$$PATH"')
        assert said == f"{':'.join(path)}\n"


def test_what_was_installed_by_halves_is_taken_away_first(work: Work) -> None:
    site = work.project / ".venv/lib/python3.13/site-packages"
    files = ("whole/INSTALLER", "whole/RECORD", "empty/INSTALLER", "empty/RECORD")
    for name in (*files, "unrecorded/INSTALLER", "unnamed/RECORD"):
        path = site / f"{name.partition('/')[0]}-1.dist-info" / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "empty/RECORD" else "x")
    (site / "whole-1.data/data/share").mkdir(parents=True)
    (site / "whole.data").mkdir()
    work.program("uv")
    work.make("environment")
    assert {path.name for path in site.iterdir()} == {"whole-1.dist-info", "whole.data"}


# Containers

DOCKER = """echo "$0 $*" >>"$CALLS"
echo "  $HOST_UID $HOST_GID $REVISION $SOURCE_DATE_EPOCH $VERSION" >>"$CALLS"
case $1 in save) echo image >"$3";; esac"""


@pytest.fixture
def docker(work: Work) -> str:
    """A program that notes what is asked of the engine."""
    work.make("repository")
    return work.program("docker", DOCKER)


def asked(work: Work, *words: str) -> list[tuple[str, str]]:
    """Return what docker was asked, after whether its engine is there, and told."""
    lines = work.make(*words)
    pairs = [*zip(lines[::2], lines[1::2], strict=True)]
    assert pairs.pop(0)[0].endswith("docker info")
    return [(asked.partition(" ")[2], told) for asked, told in pairs]


def facts(work: Work) -> str:
    """Return what a build is told of the commit: the whole of it, its date, its tag."""
    commit, date = work.project.git("log", "-1", "--format=%H %ct").split()
    return f"{commit} {date} v1.2"


def test_an_image_is_told_of_its_commit(work: Work, docker: str) -> None:
    work.project.git("tag", "v1.2")
    arguments = "--build-arg REVISION --build-arg SOURCE_DATE_EPOCH --build-arg VERSION"
    ((call, told),) = asked(work, "image", "TARGET=dev", "ARGS=--pull")
    words = f"build --target dev {arguments} --tag my-analysis:dev --pull ."
    assert (" ".join(call.split()), told) == (words, f"    {facts(work)}")
    work.machine.env["PACKAGE_INDEX_USERNAME"] = "ada"
    ((call, _),) = asked(work, "image")
    secrets = " ".join(
        f"--secret id={name.lower()},env={name}"
        for name in ("PACKAGE_INDEX_USERNAME", "PACKAGE_INDEX_PASSWORD")
    )
    tag = "--tag my-analysis:prod"
    words = f"build --target prod {arguments} {secrets} {tag} ."
    assert " ".join(call.split()) == words
    assert work.project.git("status", "--porcelain") == ""


def test_an_image_is_saved_and_pushed(work: Work, docker: str) -> None:
    work.project.git("tag", "v1.2")
    _, (call, _) = asked(work, "image-save")
    assert call == "save --output dist/my-analysis-prod.tar my-analysis:prod"
    (saved,) = (work.project / "dist").iterdir()
    assert saved.name == "my-analysis-prod.tar.gz"
    _, (tag, _), (push, _) = asked(work, "image-push", "REGISTRY=r.example.org/a")
    assert tag == "tag my-analysis:prod r.example.org/a/my-analysis:v1.2"
    assert push == "push r.example.org/a/my-analysis:v1.2"


@pytest.mark.parametrize(
    ("words", "call", "builds"),
    [
        (["shell", "ARGS=ls"], "run --build --rm dev ls", True),
        (["pipeline"], "run --build --rm pipeline", True),
        (["up"], "up --build --detach --wait", True),
        (["down"], "--profile * down", False),
        (["logs", "ARGS=--follow"], "logs --follow", False),
    ],
)
def test_containers_belong_to_the_person(
    work: Work, docker: str, words: list[str], call: str, builds: bool
) -> None:
    work.project.git("tag", "v1.2")
    ((said, told),) = asked(work, *words)
    assert said == f"compose {call}"
    person = f"{os.getuid()} {os.getgid()}"
    assert told == f"  {person} {facts(work) if builds else '  '}"


def test_an_engine_is_asked_for_first(work: Work, docker: str) -> None:
    work.program("docker", f'{DOCKER}\ntest "$1" != info')
    for verb in ("image", "shell", "pipeline", "up", "down", "logs"):
        assert len(work.make(verb, check=False)) == 2
        assert work.said.startswith("docker does not reach its engine")
    work.program("docker", DOCKER)
    for lock in MANAGERS["uv"]["locks"]:
        (work.project / lock).unlink()
    for verb in ("image", "shell", "pipeline", "up"):
        assert len(work.make(verb, check=False)) == 2
        assert work.said.startswith("There is no uv.lock: run 'make lock' first.")


@pytest.mark.parametrize(
    ("verb", "version"), [("update", "3"), ("audit", "3.13"), ("release-notes", "3.13")]
)
def test_a_script_without_a_python_says_where_one_comes_from(
    work: Work, verb: str, version: str
) -> None:
    for program in ("cruft", "pip-audit"):
        work.program(program)
    (work.project / PYTHON).unlink()
    work.machine.hide("python", "python3", *(f"python3.{each}" for each in range(20)))
    work.machine.env["PYENV_ROOT"] = "/nowhere"
    work.make(verb, check=False)
    *told, stopped = work.said.splitlines()
    assert told[-1].startswith(f"Python {version} with ensurepip is missing: ")
    assert "scripts/" not in work.said.replace(stopped, "")  # which needs one
    assert stopped.startswith("make: ***")


@pytest.mark.parametrize(
    ("words", "gets"),
    [
        (["update"], "cruft>=2.16"),
        (["graduate", "TO=model"], "cruft>=2.16"),
        (["audit"], "pip-audit>=2.9"),
        (["publish"], "twine>=5.0"),
    ],
    ids=" ".join,
)
def test_a_tool_that_is_missing_is_got_for_the_project_alone(
    work: Work, words: list[str], gets: str
) -> None:
    work.machine.hide("cruft", "pip-audit", "twine", "uv", "uvx", "pipx")
    (work.project / PYTHON).write_text(f"#!/bin/sh\n{NOTES}\n{MAKES_ANOTHER}\n")

    def calls() -> list[str]:
        every = work.make(*words, check=False)
        return [call for call in every if ".bootstrap" in call]

    python = ".bootstrap/bin/python"
    made = f"{PYTHON} -m venv --clear .bootstrap"
    got = f"{python} -m pip install --quiet {gets}"
    assert calls() == [made, got]
    assert work.project.text(".bootstrap/.gitignore") == "*\n"
    assert calls() == [f"{python} -m pip --version", got]
    (work.project / python).write_text("#!/bin/sh\nexit 1\n")
    assert calls() == [made, got]


@pytest.mark.parametrize("manager", MANAGERS)
def test_bootstrap_gets_a_manager_that_is_missing_and_says_so_where_it_did_not(
    bake: Bake, copy: Callable[[Project], Project], machine: Machine, manager: str
) -> None:
    work = Work(copy(bake(environment_manager=manager)), machine, manager)
    machine.hide(*MANAGERS, "uvx", "pipx")
    python = work.project / PYTHON
    python.write_text(f"#!/bin/sh\n{NOTES}\n{MAKES_ANOTHER}\n")
    gets = re.findall(r"GET,(.*)\)", MANAGERS[manager]["bootstrap"])
    got = [f".bootstrap/bin/python -m pip install --quiet {each}" for each in gets]
    brings_nothing = work.make("bootstrap", check=False)
    assert brings_nothing[1:] == got
    assert work.said.startswith(f"{manager} is missing: " if gets else "")
    found = f".bootstrap/bin/{manager}"
    brings = f"printf '#!/bin/sh\necho 9999.0\n' >{found} && chmod +x {found}"
    python = work.project / ".bootstrap/bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/bin/sh\n{NOTES}\ncase $3 in install) {brings};; esac\n")
    python.chmod(0o755)
    assert work.make("bootstrap")[1:] == got
    assert work.said == ""
    assert work.make("bootstrap") == []
    assert work.said == ""


# What the git hooks run


@pytest.mark.parametrize("directory", ["bin", "Scripts"])
def test_a_git_hook_runs_the_tool_of_the_projects_environment(
    work: Work, directory: str
) -> None:
    (work.project / ".venv/bin").rename(work.project / f".venv/{directory}")
    tool = work.project / f".venv/{directory}/black"
    tool.write_text('#!/bin/sh\necho "its own: $*, $(command -v black)"\nexit 3\n')
    tool.chmod(0o755)
    work.program("black", "echo another")
    done = work.project.run("sh", "scripts/tool", "black", "a b", check=False)
    assert done.stdout == f"its own: a b, {tool}\n"
    assert done.returncode == 3


def test_a_git_hook_without_an_environment_says_how_to_get_one(work: Work) -> None:
    work.machine.env["VENV"] = "elsewhere"
    done = work.project.run("sh", "scripts/tool", "black", check=False)
    said = "There is no environment in elsewhere: run 'make install' first."
    assert (done.returncode, done.stdout) == (1, f"{said}\n")
