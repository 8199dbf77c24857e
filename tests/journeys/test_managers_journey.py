"""Each environment manager, from the questions to a fresh clone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyte
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from support.environments import versions_in
from support.finished_project import (
    STEPS,
    add_misleading_settings,
    assert_locks_are_portable,
    has_environment,
    is_finished,
    run_notebook,
)
from support.locks import lock_files, locked
from support.machine import Equip, Machine, MachineWith
from support.project import Project, default_context
from support.service import ask, running

pexpect = pytest.importorskip("pexpect")
if not hasattr(pexpect, "spawn"):
    pytest.skip("Windows has no pseudo-terminals", allow_module_level=True)

pytestmark = pytest.mark.slow
only_uv = pytest.mark.parametrize("made", ["uv"], indirect=True)
ci, weekly = pytest.mark.ci, pytest.mark.weekly
COLUMNS, ROWS = 100, 60
TOKEN = "?token=loopback"
PIP_AND_TOOLS = {"pip", "pip-tools", "setuptools"}  # installed with every environment
UNIVERSAL_LOCKS = ("uv", "poetry")  # also lock other platforms' packages
ESCAPE_SEQUENCE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def answer_prompts(machine: Machine, manager: str) -> str:
    """Run cookiecutter at a pseudo-terminal and return its output.

    Enter answers every question except the environment manager.
    """
    child = pexpect.spawn(
        sys.executable,
        ["-m", "cookiecutter", str(machine.template)],
        cwd=str(machine.work),
        env=machine.env | {"TERM": "xterm-256color"},
        dimensions=(ROWS, COLUMNS),
        encoding="utf-8",
        timeout=60,
    )
    labels = default_context()["__prompts__"]["environment_manager"]
    shown = ""
    while child.expect([r"\)(\x1b\[[\d;]*m)?:", r"files +\d+ in"]) == 0:
        shown += child.before + child.after
        question = re.split(r"\[\d+/\d+\]", ESCAPE_SEQUENCE.sub("", shown))[-1]
        number = re.search(rf"(\d+) - {re.escape(labels[manager])}", question)
        child.sendline(number[1] if number else "")
    shown += child.before + child.after
    child.expect(pexpect.EOF, timeout=600)
    shown += child.before
    child.close()
    assert child.exitstatus == 0, shown
    return str(shown)


class Made(NamedTuple):
    """A project that a manager has set up, and the output at the terminal."""

    manager: str
    machine: Machine
    project: Project
    shown: str

    @property
    def screen(self) -> list[str]:
        """The lines that are visible at the end."""
        screen = pyte.Screen(COLUMNS, ROWS)
        pyte.Stream(screen).feed(self.shown)
        return [line.rstrip() for line in screen.display if line.strip()]


@pytest.fixture(
    scope="module",
    params=[
        "uv",
        pytest.param("poetry", marks=ci),
        pytest.param("pip", marks=ci),
        pytest.param("pip-tools", marks=weekly),
        pytest.param("pipenv", marks=weekly),
    ],
)
def made(request: pytest.FixtureRequest, machine_with: MachineWith) -> Iterator[Made]:
    """A project set up at a terminal, on a machine with misleading settings of pip."""
    manager = request.param
    machine = machine_with(manager)
    add_misleading_settings(machine)
    shown = answer_prompts(machine, manager)
    yield Made(manager, machine, machine.project(), shown)
    machine.remove()


def test_the_prompts_end_in_a_committed_project_with_its_kernel(made: Made) -> None:
    screen = made.screen
    assert "The project is kept. To resume:" not in screen
    for step in STEPS:
        (line,) = (line for line in screen if line.startswith(f"  ✓ {step} "))
        assert step in ("files", "kernel") or re.search(r"\d+\.\d s$", line)
    is_finished(made.machine, made.project)
    found = made.project.make("doctor", check=False).stdout
    for name in ("identity", "manager", "environment", "kernel", "lock", "hooks"):
        assert f"✓ {name} " in found


@only_uv
def test_the_terminal_shows_what_to_do_next(made: Made) -> None:
    after = made.screen[made.screen.index("Next:") + 1 :]
    assert after[0].strip() == f"cd {made.project.path.name}"
    for command in ("make lab", "make test"):
        assert any(line.strip().startswith(command) for line in after)
    assert max(map(len, made.screen)) < COLUMNS
    assert not any(line.endswith("…") for line in made.screen)


@only_uv
def test_a_jupyter_of_another_environment_runs_a_notebook_in_the_kernel(
    made: Made,
) -> None:
    prefix = run_notebook(made.machine, made.project)
    assert Path(prefix).samefile(made.project / ".venv")


def jupyterlab(project: Project) -> contextlib.AbstractContextManager[int]:
    """Run `make lab` in a project, and return its port."""
    words = "--no-browser --allow-root --ip=127.0.0.1 --port={port}"
    arguments = f"ARGS={words} --IdentityProvider.token=loopback"
    return running(project, "make", "lab", arguments, ready=f"/api/kernelspecs{TOKEN}")


def python_of(kernel: str, machine: Machine) -> str:
    """Return the ``sys.executable`` of a running kernel."""
    (connection,) = machine.home.glob(f"**/runtime/kernel-{kernel}.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels(hb=False)  # a busy machine can miss a heartbeat
    found: list[str] = []
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive(
            "import sys; print(sys.executable, end='')",
            timeout=60,
            output_hook=lambda m: found.append(m["content"].get("text", "")),
        )
    finally:
        client.stop_channels()
    return "".join(found)


@only_uv
def test_a_notebook_made_in_make_lab_runs_in_the_environment_beside_it(
    made: Made,
) -> None:
    env = ("env", "-u", "UV_PROJECT", "-u", "UV_WORKING_DIRECTORY")
    made.machine.run(
        *env, "uv", "tool", "install", "--quiet", "--no-config", "jupyterlab"
    )
    made.machine.env["PATH"] += f"{os.pathsep}{made.machine.home / '.local/bin'}"
    slug = made.project.path.name
    clone = made.machine.work / "second" / slug
    made.machine.run("git", "clone", "--quiet", made.project.path, clone)
    other = Project(clone, made.project.env)
    other.make("install")
    for project in (made.project, other):
        with jupyterlab(project) as port:

            def call(address: str, port: int = port, **body: object) -> Any:
                method = "POST" if body else "GET"
                text = json.dumps(body) if body else ""
                return ask(port, method, f"/api/{address}{TOKEN}", text)[1]

            assert call("kernelspecs")["default"] == slug
            notebook = call("contents", type="notebook")["path"]
            for name in (None, slug, "python3"):
                session = {"path": notebook, "type": "notebook", "name": ""}
                made_of = call("sessions", kernel={"name": name}, **session)
                python = python_of(made_of["kernel"]["id"], made.machine)
                assert python == str(project.bin / "python"), name
                notebook = f"{name}.ipynb"
        (project / "Untitled.ipynb").unlink()
    shutil.rmtree(clone.parent)
    assert made.machine.kernels[slug]["argv"][0] == str(made.project.bin / "python")


@only_uv
def test_make_notebooks_uses_no_kernel_of_the_person(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = made.machine.home / "theirs"
    spec = {"argv": ["false"], "display_name": "theirs", "language": "python"}
    user = made.machine.home / ".local/share/jupyter"
    for data in (theirs, user):
        (data / "kernels/python3").mkdir(parents=True)
        (data / "kernels/python3/kernel.json").write_text(json.dumps(spec))
    monkeypatch.setitem(made.machine.env, "JUPYTER_PATH", str(theirs))
    try:
        assert "1 passed" in made.project.make("notebooks").stdout
    finally:
        shutil.rmtree(user / "kernels/python3")


@only_uv
def test_a_report_shows_figures_without_code_and_leaves_the_notebook(
    made: Made,
) -> None:
    notebooks = made.project / "notebooks"
    (notebook,) = notebooks.glob("*.ipynb")
    content = json.loads(notebook.read_text("utf-8"))
    drawing = "import matplotlib.pyplot as p\nunseen_line = p.plot([1, 2])"
    for name, source in (("figure", drawing), ("broken", "1 / 0")):
        cell: dict[str, Any] = {"cell_type": "code", "id": "0", "source": source}
        cell |= {"metadata": {}, "execution_count": None, "outputs": []}
        text = json.dumps(content | {"cells": [cell]})
        (notebooks / f"{name}.ipynb").write_text(text, encoding="utf-8")
    before = {path: path.read_bytes() for path in notebooks.iterdir()}
    done = made.project.make("report", "CODE=no", check=False)
    assert {path: path.read_bytes() for path in notebooks.iterdir()} == before
    assert done.returncode == 2
    assert re.search("notebooks/broken.ipynb: .*: division by zero", done.stdout)
    (notebooks / "broken.ipynb").unlink()
    commit = made.project.git("describe", "--always")
    html = made.project.text("reports/figure.html")
    assert "unseen_line" not in html
    assert "data:image/png;base64," in html
    assert f"{made.project.path.name}, commit {commit}, 20" in html
    assert (made.project / f"reports/{notebook.stem}.html").exists()
    assert not (made.project / "reports/broken.html").exists()
    made.project.make("report")
    assert "unseen_line" in made.project.text("reports/figure.html")
    (notebooks / "figure.ipynb").unlink()
    assert changed_files(made.project) == set()


def changed_files(project: Project) -> set[str]:
    lines = project.git("status", "--porcelain").splitlines()
    return {line.split()[-1] for line in lines}


@pytest.mark.parametrize("made", ["uv", pytest.param("pip", marks=ci)], indirect=True)
def test_adding_a_package_that_does_not_exist_changes_nothing(made: Made) -> None:
    words = ("add", "PACKAGE=no-such-package-of-anybodys")
    assert made.project.make(*words, check=False).returncode == 2
    assert changed_files(made.project) == set()


def test_add_changes_manifest_lock_and_environment_together(made: Made) -> None:
    project = made.project
    project.make("add", "PACKAGE=tabulate")
    needed = project.manifest["project"]["dependencies"]
    assert any(each.startswith("tabulate") for each in needed)
    installed = versions_in(project / ".venv")
    assert locked(project)["tabulate"] == {installed["tabulate"]}
    assert {"pyproject.toml"} < changed_files(project)
    assert changed_files(project) <= {"pyproject.toml", *lock_files(project)}
    assert_locks_are_portable(made.machine, project)
    project.git("commit", "--quiet", "--no-verify", "--all", "--message", "Add")


@only_uv
def test_a_first_own_function_without_types_or_docstring_commits(made: Made) -> None:
    project = made.project
    own = "def double(x):\n    y = 2 * x\n    return y\n"
    project.write("src/my_analysis/own.py", own)
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "My first function")
    project.make("check", "test")


def test_a_fresh_clone_installs_the_locked_versions_and_passes_its_tests(
    made: Made, machine: Machine, equip: Equip
) -> None:
    """Install for production first, then for development."""
    equip(machine, made.manager)
    machine.run("git", "clone", "--quiet", made.project.path, "my-analysis")
    clone = machine.project()
    clone.make("install-production", "VENV=production")
    production = clone / "production"
    tree = clone.run("uv", "pip", "tree", "--python", production, "--depth", "0")
    roots = {line.split()[0] for line in tree.stdout.splitlines() if " v" in line}
    assert roots - PIP_AND_TOOLS == {"my-analysis"}
    assert not (clone / ".venv").exists()
    shutil.rmtree(production)

    shutil.copytree(made.project / ".venv", clone / ".venv", symlinks=True)
    assert "run 'make install' first" in clone.make("test", check=False).stdout
    clone.make("install")
    has_environment(machine, clone)
    pins, installed = locked(clone), versions_in(clone / ".venv")
    for name in {*installed} - {"my-analysis", *PIP_AND_TOOLS}:
        assert installed[name] in pins[name], name
    if made.manager not in UNIVERSAL_LOCKS:
        assert {*pins} <= {*installed}
    clone.make("check", "test")
    assert clone.git("status", "--porcelain") == ""
    first = "\ndependencies = ["
    clone.replace("pyproject.toml", first, f'{first}"humanize",')
    assert "run 'make lock install'" in clone.make("check", check=False).stdout
