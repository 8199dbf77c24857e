"""From the questions to a project in which work can begin, with nothing in the way."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyte
import pytest
from conftest import Bake, Machine, Project, run
from journey import (
    STEPS,
    children,
    has_environment,
    is_finished,
    is_running,
    named_command,
    put_first_on_path,
    run_notebook,
    wait_until,
)
from jupyter_client.blocking.client import BlockingKernelClient

pexpect = pytest.importorskip("pexpect", reason="pseudo-terminals are not on Windows")
if not hasattr(pexpect, "spawn"):
    pytest.skip("pseudo-terminals are not on Windows", allow_module_level=True)

COLUMNS, ROWS = 100, 60
slow = pytest.mark.slow
on_uv_project = pytest.mark.xdist_group("uv project")


class Run(NamedTuple):
    """A project, and what was said while it was made."""

    machine: Machine
    project: Project
    output: str

    @property
    def screen(self) -> list[str]:
        """What a person sees on the terminal in the end."""
        screen = pyte.Screen(COLUMNS, ROWS)
        pyte.Stream(screen).feed(self.output)
        return [line.rstrip() for line in screen.display if line.strip()]


def answer_prompts(machine: Machine, **answers: str) -> tuple[int, str]:
    """Answer cookiecutter's questions at a terminal, by Enter where nothing is given.

    Args:
        answers: what is typed, by a word of the question.

    Returns:
        The exit status and everything that the terminal showed.
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
    shown = ""
    while child.expect([r"\)(\x1b\[[\d;]*m)?:", r"files +\d+ in"]) == 0:
        shown += child.before + child.after
        question = re.split(r"\[\d+/\d+\]", shown)[-1]
        typed = [text for word, text in answers.items() if word in question]
        child.sendline(*typed or [""])
    shown += child.before + child.after
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, shown + child.before


@pytest.fixture(scope="session")
def uv_run(shared_machine: Machine) -> Run:
    """A project made by uv, by a person who presses Enter throughout."""
    status, output = answer_prompts(shared_machine)
    assert status == 0, output
    return Run(shared_machine, shared_machine.project(), output)


@slow
@on_uv_project
def test_enter_throughout_makes_a_project_in_which_work_can_begin(uv_run: Run) -> None:
    is_finished(uv_run.machine, uv_run.project)


@slow
@on_uv_project
def test_the_terminal_shows_each_step_with_its_time_and_what_comes_next(
    uv_run: Run,
) -> None:
    screen = uv_run.screen
    for step in ("files", *STEPS):
        (line,) = (line for line in screen if line.startswith(f"  ✓ {step} "))
        assert step == "files" or re.search(r"\d+\.\d s$", line)
    after = screen[screen.index("Next:") + 1 :]
    assert [line.split("  ")[1] for line in after] == [
        "cd my-analysis",
        "make lab",
        "make test",
        "make",
    ]
    assert max(map(len, screen)) < COLUMNS


@slow
@on_uv_project
def test_a_spinner_turns_on_the_terminal_and_leaves_nothing_behind(uv_run: Run) -> None:
    assert len(set(re.findall("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", uv_run.output))) > 3
    assert not re.search("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", "".join(uv_run.screen))


@slow
@on_uv_project
def test_a_notebook_runs_in_the_kernel_by_a_jupyter_of_another_environment(
    uv_run: Run,
) -> None:
    prefix = run_notebook(uv_run.machine, uv_run.project)
    assert Path(prefix).samefile(uv_run.project / ".venv")
    spec = uv_run.machine.kernels["my-analysis"]
    assert spec["display_name"].endswith("(my-analysis)")


@slow
@on_uv_project
def test_what_a_project_builds_runs(uv_run: Run) -> None:
    machine, project = uv_run.machine, uv_run.project
    project.make("build")
    assert project.git("status", "--porcelain") == ""
    (wheel,) = (project / "dist").glob("*.whl")
    (sdist,) = (project / "dist").glob("*.tar.gz")
    for name, archive in {"of-wheel": wheel, "of-sdist": sdist}.items():
        machine.run("uv", "venv", "--quiet", "--python", project.bin / "python", name)
        elsewhere = machine.work / name / project.bin.name
        python = elsewhere / "python"
        machine.run("uv", "pip", "install", "--quiet", "--python", python, archive)
        assert "prepare" in machine.run(elsewhere / "my-analysis", "--help").stdout
        machine.run(python, "-m", "my_analysis", "--help")


@slow
def test_typed_answers_arrive_in_the_project(machine: Machine) -> None:
    status, output = answer_prompts(
        machine, **{"Name of the project": "Sea Ice", "Set it up": "n"}
    )
    assert status == 0, output
    assert machine.project("sea-ice").manifest["project"]["name"] == "sea-ice"
    assert not (machine.work / "sea-ice/.git").exists()
    assert "cd sea-ice && make install repository" in output


def test_without_set_up_only_files_are_written(machine: Machine) -> None:
    output = machine.cookiecutter(set_up="no").stdout
    project = machine.project()
    assert not {".git", ".venv", "uv.lock"} & {
        each.name for each in project.path.iterdir()
    }
    assert machine.kernels == {}
    assert output.splitlines()[-2:] == [
        "To set it up:",
        "  cd my-analysis && make install repository",
    ]
    empty = [
        each
        for each in project.path.rglob("*")
        if each.is_dir() and not any(each.iterdir())
    ]
    assert empty == []


@pytest.mark.slow
def test_an_output_that_nobody_reads_costs_no_project(machine: Machine) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = machine.command(set_up="no")
    done = subprocess.run(command, cwd=machine.work, env=machine.env, stdout=writing)
    os.close(writing)
    assert done.returncode == 0
    assert (machine.project() / "pyproject.toml").is_file()


# cruft


@pytest.fixture
def template_repository(machine: Machine) -> Path:
    """The template as a git repository of this machine."""
    repository = machine.work / "template"
    shutil.copytree(machine.template, repository)
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["commit", "--quiet", "-m", "1"],
    ):
        machine.run("git", *words, cwd=repository)
    return repository


@slow
def test_cruft_sets_up_what_it_creates_and_nothing_where_it_only_compares(
    machine: Machine, template_repository: Path
) -> None:
    cruft = [sys.executable, "-m", "cruft"]
    output = machine.run(*cruft, "create", template_repository, "--no-input").stdout
    project = machine.project()
    has_environment(machine, project)
    assert project.git("log", "--format=%s") == "Start my-analysis"
    assert "environment" in output
    kernel = machine.kernels["my-analysis"]
    began = time.monotonic()
    output = project.run(*cruft, "diff").stdout
    assert "environment" not in output
    assert "To set it up" not in output
    assert time.monotonic() - began < 10
    assert machine.kernels == {"my-analysis": kernel}


# make


def documented_targets(makefile: str) -> list[str]:
    """Return the targets that the help lists."""
    return re.findall(r"^([a-z-]+):.*?## ", makefile, re.MULTILINE)


def test_make_alone_lists_every_target_that_is_documented(bake: Bake) -> None:
    project = bake()
    output = project.run("make").stdout
    read = project.text("Makefile") + project.text("containers.mk")
    targets = documented_targets(read)
    assert [line.split()[0] for line in output.splitlines()] == targets
    assert {"bootstrap", "install", "kernel", "lab", "test", "build"} <= set(targets)


def test_every_documented_target_is_phony(bake: Bake) -> None:
    makefile = bake().text("Makefile").replace("\\\n", " ")
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()
    assert set(documented_targets(makefile)) <= set(phony)


def test_make_says_in_one_line_that_there_is_no_environment_yet(
    bake: Bake, machine: Machine
) -> None:
    path = bake().path
    for target in (
        "test",
        "notebooks",
        "lint",
        "check",
        "build",
        "kernel",
        "repository",
    ):
        done = run("make", target, cwd=path, env=machine.env, check=False)
        first, last = done.stdout.splitlines()
        assert first == "There is no environment in .venv: run 'make install' first."
        assert last.startswith("make: ***")
        assert done.returncode == 2


def test_make_says_in_one_line_that_uv_is_missing(bake: Bake, machine: Machine) -> None:
    machine.hide("uv", "uvx")
    path = bake(environment_manager="uv").path
    done = run("make", "install", cwd=path, env=machine.env, check=False)
    assert done.returncode == 2
    assert done.stdout.splitlines()[0] == (
        "uv is missing: 'make bootstrap' gets it, for this project alone."
    )


@slow
@on_uv_project
def test_every_target_that_needs_no_network_works_on_a_finished_project(
    uv_run: Run, machine: Machine
) -> None:
    machine.run("git", "clone", "--quiet", uv_run.project.path, "my-analysis")
    clone = machine.project()
    for words in (
        ["bootstrap"],
        ["install"],
        ["install"],
        ["lock"],
        ["kernel", "KERNEL=second"],
        ["kernel-remove", "KERNEL=second"],
        ["hooks"],
        ["repository"],
        ["lint"],
        ["format"],
        ["check"],
        ["clean"],
        ["-j2", "install", "repository"],
    ):
        clone.make(*words)
        assert clone.git("status", "--porcelain") == "", words
    assert list(machine.kernels) == ["my-analysis"]


# JupyterLab


@pytest.fixture
def laboratory(
    bake: Bake, machine: Machine
) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Run `make lab` on a machine that has nothing of JupyterLab to begin with."""
    machine.hide("jupyter", "jupyter-lab", "uv", "uvx", "pipx")
    path = bake().path
    return lambda: run(
        "make", "lab", "ARGS=--port=1", cwd=path, env=machine.env, check=False
    )


def test_lab_is_sought_on_path_then_by_uvx_then_by_pipx(
    laboratory: Callable[[], subprocess.CompletedProcess[str]], machine: Machine
) -> None:
    done = laboratory()
    assert done.returncode == 2
    assert done.stdout.startswith("JupyterLab is missing: get it once for all projects")
    assert len(done.stdout.splitlines()) == 2
    put_first_on_path(machine, "pipx", 'echo "pipx $@"')
    assert laboratory().stdout == "pipx run --spec jupyterlab jupyter-lab --port=1\n"
    put_first_on_path(machine, "uvx", 'echo "uvx $@"')
    assert re.fullmatch(
        r"uvx .*--from jupyterlab jupyter-lab --port=1\n", laboratory().stdout
    )
    put_first_on_path(machine, "jupyter-lab", 'echo "lab $@"')
    assert laboratory().stdout == "lab --port=1\n"


def test_a_jupyter_lab_on_path_that_does_not_start_is_passed_over(
    laboratory: Callable[[], subprocess.CompletedProcess[str]], machine: Machine
) -> None:
    shim = "echo 'pyenv: jupyter-lab: command not found' >&2; exit 127"
    put_first_on_path(machine, "jupyter-lab", shim)
    put_first_on_path(machine, "uvx", 'echo "uvx $@"')
    assert laboratory().stdout.startswith("uvx ")


class Lab:
    """A running JupyterLab and its API."""

    token = "loopback-only"

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return what the API answers, None where it says nothing."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"token {self.token}"}
        connection.request(method, f"/api{path}", json.dumps(body), headers)
        text = connection.getresponse().read()
        connection.close()
        return json.loads(text) if text else None

    def answers(self) -> bool:
        """Tell whether the server is there."""
        try:
            return "version" in self.ask("GET", "")
        except OSError:
            return False


@pytest.fixture
def lab(uv_run: Run) -> Iterator[Lab]:
    """JupyterLab as `make lab` starts it through uvx, with the user's kernels."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--no-browser --allow-root --ip=127.0.0.1 --port={port}"
    arguments = f"ARGS={options} --IdentityProvider.token={Lab.token}"
    log = uv_run.machine.work / "lab.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["make", "lab", arguments],
            cwd=uv_run.project.path,
            env=uv_run.machine.env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    started = Lab(port)
    try:
        wait_until(
            lambda: started.answers() or process.poll() is not None, 300, "JupyterLab"
        )
        assert process.poll() is None, log.read_text()
        yield started
    finally:
        everything = [process.pid, *children(process.pid)]
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
        wait_until(lambda: not any(map(is_running, everything)), 60, "JupyterLab ended")


@slow
@on_uv_project
def test_make_lab_opens_a_jupyterlab_that_runs_code_in_the_projects_kernel(
    uv_run: Run, lab: Lab
) -> None:
    assert "my-analysis" in lab.ask("GET", "/kernelspecs")["kernelspecs"]
    asked = {"name": "my-analysis"}
    notebook = "notebooks/01-explore.ipynb"
    body = {"path": notebook, "name": notebook, "type": "notebook", "kernel": asked}
    session = lab.ask("POST", "/sessions", body)
    kernel = session["kernel"]["id"]
    (connection,) = uv_run.machine.home.glob(f"**/kernel-{kernel}.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=60)  # what is said before one listens is lost
    said: list[str] = []
    client.execute_interactive(
        "import my_analysis, sys; print(sys.prefix)",
        timeout=60,
        output_hook=lambda message: said.append(message["content"].get("text", "")),
    )
    client.stop_channels()
    lab.ask("DELETE", f"/sessions/{session['id']}")
    assert Path("".join(said).strip()).samefile(uv_run.project / ".venv")


def test_named_command_is_the_line_after_the_title() -> None:
    assert named_command("a\n\nThe project is kept. To go on:\n  make x\n") == "make x"
