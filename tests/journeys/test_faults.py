"""After a fault, the project exists and the command in the output resumes.

Every fault is real. It happens in a HOME, a PATH and, if necessary, a Linux namespace
of the test. Then the test runs the command that the output names.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from support.finished_project import has_environment, is_finished, resume, run_notebook
from support.machine import Machine
from support.processes import (
    children,
    is_running,
    needs_linux,
    needs_unshare,
    other_python,
    put_first_on_path,
    wait_until,
)
from support.project import Project

pytestmark = pytest.mark.slow
INSTALL = "cd my-analysis && make bootstrap install repository"
# Packages are copied one at a time, which leaves time to interrupt.
SLOW_INSTALLATION = {"UV_LINK_MODE": "copy", "UV_CONCURRENT_INSTALLS": "1"}


def reported(output: str, step: str) -> str:
    (line,) = re.findall(rf"^  (\S) {step} +(.*)$", output, re.MULTILINE)
    return " ".join(line)


# Missing programs, network, identity


def test_no_network_and_no_git_identity(machine: Machine) -> None:
    offline = needs_unshare("--net")
    (machine.home / ".gitconfig").unlink()
    name, email = "Zoë O'Neill", "zoe@example.org"
    command = machine.command(
        environment_manager="uv", author_name=name, author_email=email
    )
    env = machine.env
    machine.env = env | {"UV_CACHE_DIR": str(machine.home.parent / "empty")}
    output = machine.run(*offline, *command).stdout
    assert reported(output, "environment").startswith("✗ ")
    machine.env = env
    resume(machine, output)
    is_finished(machine, machine.project())
    assert machine.project().git("log", "--format=%an <%ae>") == f"{name} <{email}>"


def test_no_git_and_no_uv(machine: Machine) -> None:
    machine.hide("uv", "uvx")
    path_with_git = machine.env["PATH"]
    machine.hide("git")
    output = machine.cookiecutter(environment_manager="uv").stdout
    assert reported(output, "environment").startswith("✓")
    assert reported(output, "repository").startswith("✗")
    assert "git is missing" in output
    machine.env["PATH"] = path_with_git
    assert resume(machine, output) == "cd my-analysis && make repository"
    is_finished(machine, machine.project())


def test_a_missing_python(machine: Machine) -> None:
    version, python = other_python()
    machine.hide("python3", "python", *(f"python3.{minor}" for minor in range(10, 20)))
    machine.env["PYENV_ROOT"] = str(machine.home / "no-pyenv")
    machine.env["UV_PYTHON_DOWNLOADS"] = "never"
    output = machine.cookiecutter(
        environment_manager="uv", python_version=version
    ).stdout
    assert reported(output, "environment").startswith("✗ ")
    assert re.search(rf"Python {version}|=={version}|>={version}", output)
    put_first_on_path(machine, f"python{version}", f'exec {python} "$@"')
    assert resume(machine, output) == INSTALL
    is_finished(machine, machine.project())


# The project's directory


def test_inside_another_repository_and_uv_workspace_neither_is_changed(
    machine: Machine,
) -> None:
    outer = machine.work / "workspace"
    outer.mkdir()
    (outer / "pyproject.toml").write_text(
        '[project]\nname = "outer"\nversion = "1"\nrequires-python = ">=3.11"\n'
        '[tool.uv.workspace]\nmembers = ["*"]\n'
    )
    machine.run("uv", "lock", "--quiet", cwd=outer)
    machine.run("git", "init", "--quiet", cwd=outer)
    machine.run("git", "add", "--all", cwd=outer)
    machine.run("git", "commit", "--quiet", "--message", "Outer", cwd=outer)
    machine.env["PWD"] = str(outer)
    output = machine.run(*machine.command(environment_manager="uv"), cwd=outer).stdout
    assert reported(output, "repository").startswith(f"– none: part of {outer}")
    project = Project(outer / "my-analysis", machine.env)
    assert not (project / ".git").exists()
    has_environment(machine, project)
    assert machine.run("git", "diff", "HEAD", cwd=outer).stdout == ""
    project.make("repository")
    is_finished(machine, project)


def test_a_path_with_blanks_signs_and_other_alphabets(machine: Machine) -> None:
    machine.work = machine.work / "Données d'été 分析 a#b $c \"50%&(d)"
    machine.work.mkdir()  # virtualenv#1154
    machine.env["PWD"] = str(machine.work)
    output = machine.cookiecutter(environment_manager="uv", starter="notebook").stdout
    project = machine.project()
    assert "To resume:" not in output
    is_finished(machine, project)
    assert Path(run_notebook(machine, project)).samefile(project / ".venv")
    project.make("install", "lock", "check", "test", "notebooks", "build", "clean")


def test_the_commands_without_make_register_the_kernel(machine: Machine) -> None:
    machine.cookiecutter(environment_manager="uv", set_up="no")
    project = machine.project()
    without_make = r"## Without make\n+```bash\n(.*?)```"
    (commands,) = re.findall(without_make, project.text("README.md"), re.DOTALL)
    project.run("sh", "-ec", commands)
    assert machine.kernels["my-analysis"]["argv"][0] == str(project.bin / "python")


# Files that can't be written


def test_a_full_disk(machine: Machine) -> None:
    mounting = needs_unshare("--mount")
    words = machine.command(environment_manager="uv")
    script = """
    mount -t tmpfs -o size=60m tmpfs . && cd "$PWD" || exit 3
    output=$("$@") || exit 4
    printf '%s\\n' "$output"
    mount -o remount,size=2g . || exit 5
    sh -c "$(printf '%s\\n' "$output" | sed -n '/To resume:$/{n;p}')" || exit 6
    cd my-analysis && git status --porcelain && git log --format='commits: %s'
    .venv/bin/python -c 'import my_analysis, pandas; print("works")'
    """
    done = machine.run(*mounting, "sh", "-c", script, "sh", *words, check=False)
    output = done.stdout
    assert done.returncode == 0, output
    assert reported(output, "environment").startswith("✗ ")
    assert re.search("No space left|ENOSPC", output)
    assert "Traceback" not in output
    assert "\ncommits: Start my-analysis\nworks\n" in output


# Interruptions


def installed(project: Project) -> int:
    return len([*project.path.glob(".venv/lib/python*/site-packages/*")])


@contextlib.contextmanager
def halfway(project: Project, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command that installs packages, and wait until some are installed."""
    needs_linux()
    process = subprocess.Popen(
        command,
        cwd=project.path if project.path.exists() else project.path.parent,
        env={**project.env, **SLOW_INSTALLATION},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        wait_until(
            lambda: installed(project) > 20 or process.poll(), 120, "some packages"
        )
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.kill()
        process.wait()


def test_ctrl_c_stops_the_installation_and_keeps_the_project(machine: Machine) -> None:
    """Press Ctrl-C at a pseudo-terminal: only the hook gets it, not cookiecutter."""
    needs_linux()
    program, *words = machine.command(environment_manager="uv")
    terminal = pexpect.spawn(
        program,
        words,
        cwd=str(machine.work),
        env=machine.env | SLOW_INSTALLATION | {"TERM": "xterm"},
        encoding="utf-8",
        timeout=120,
    )
    wait_until(lambda: installed(machine.project()) > 20, 120, "some packages")
    pids = children(int(terminal.pid or 0))
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    output = re.sub(r"\x1b\[[\d;]*[mK]", "", str(terminal.before))
    output = re.sub(r"\r\n?", "\n", output)
    assert terminal.exitstatus == 0, output
    assert "stopped by Ctrl-C" in output
    all_end(pids)
    assert resume(machine, output) == INSTALL
    is_finished(machine, machine.project())


def all_end(pids: list[int]) -> None:
    """Assert that all of these processes end; an installation may finish first."""
    wait_until(lambda: not any(map(is_running, pids)), 120, "the tools have ended")


def test_killed_set_up_leaves_nothing_running_and_make_repairs_the_environment(
    machine: Machine,
) -> None:
    project = machine.project()
    command = machine.command(environment_manager="uv")
    with halfway(project, *command) as process:
        pids = children(process.pid)
        process.kill()
        all_end(pids)
    shutil.rmtree(project / ".venv")
    with halfway(project, "make", "install") as process:
        os.killpg(process.pid, signal.SIGKILL)
    machine.run("sh", "-c", INSTALL)
    is_finished(machine, project)
    for python in (project / ".venv/bin").glob("python*"):
        python.unlink()
    project.make("install", "check")
    has_environment(machine, project)
