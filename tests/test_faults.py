"""What goes wrong on a machine costs no project, and the command named mends it.

Every fault is caused for real, in a HOME, a PATH and where it takes one a namespace of
the test's own; then the command that the output names is run as it stands there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Machine, Project, run
from journey import (
    children,
    go_on,
    has_environment,
    has_repository,
    is_finished,
    is_running,
    named_command,
    needs_linux,
    needs_unshare,
    other_python,
    put_first_on_path,
    run_notebook,
    wait_until,
)

pytestmark = pytest.mark.slow
INSTALL = "cd my-analysis && make install repository"
# Copies instead of links, one at a time: so that there is a time to interrupt.
SLOWLY = {"UV_LINK_MODE": "copy", "UV_CONCURRENT_INSTALLS": "1", "TERM": "xterm"}


def said(output: str, step: str) -> str:
    """Return the mark and the text of a step's line."""
    (line,) = re.findall(rf"^  (\S) {step} +(.*)$", output, re.MULTILINE)
    return " ".join(line)


# What the machine lacks


@pytest.mark.parametrize("manager", ["uv", "pip"])
def test_no_network_is_told_and_made_up_for(
    machine: Machine,
    manager: str,
    index_settings: dict[str, dict[str, str]],
    little: Path,
) -> None:
    machine.env |= index_settings.get(manager, {})
    if manager == "pip":
        machine.template = little
    offline = needs_unshare("--net")
    empty = str(machine.home.parent / "empty")
    env = machine.env | {"UV_CACHE_DIR": empty, "PIP_CACHE_DIR": empty}
    env |= {"PIP_RETRIES": "1", "PIP_FIND_LINKS": ""}
    command = [*offline, *machine.command(environment_manager=manager)]
    output = run(*command, cwd=machine.work, env=env).stdout
    assert said(output, "environment").startswith("✗ ")
    assert said(output, "kernel") == "· waits for the environment"
    assert re.search("resol|connection", output.partition("environment")[2])
    assert named_command(output) == INSTALL
    if manager == "pip":
        interrupt_make(
            machine, ["lock"], lambda: (machine.project() / ".venv").exists()
        )
        interrupt_make(machine, ["install"], lambda: installed(machine.project()) > 40)
    go_on(machine, output)
    is_finished(machine, machine.project())


def test_no_git_is_told_and_made_up_for(machine: Machine) -> None:
    path = machine.env["PATH"]
    machine.hide("git")
    output = machine.cookiecutter(environment_manager="uv").stdout
    assert said(output, "repository").startswith("✗ git is not on this machine")
    assert said(output, "environment").startswith("✓ ")
    assert said(output, "kernel").startswith("✓ ")
    assert named_command(output) == "cd my-analysis && make repository"
    done = machine.run("sh", "-c", named_command(output), check=False)
    assert done.stdout.splitlines()[0] == "git is missing: get it from git-scm.com."
    machine.env["PATH"] = path
    go_on(machine, output)
    is_finished(machine, machine.project())


def test_no_git_identity_is_told_and_made_up_for(machine: Machine) -> None:
    (machine.home / ".gitconfig").unlink()
    name, email = "Zoë O'Neill", "zoe@example.org"
    output = machine.cookiecutter(
        environment_manager="uv", author_name=name, author_email=email
    ).stdout
    assert said(output, "first commit") == "✗ git does not know who you are"
    assert go_on(machine, output).endswith("make repository")
    is_finished(machine, machine.project())
    assert machine.project().git("log", "--format=%an <%ae>") == f"{name} <{email}>"


def test_git_older_than_init_b_serves(machine: Machine) -> None:
    git = shutil.which("git", path=machine.env["PATH"])
    refuse = "echo \"error: unknown switch 'b'\" >&2; exit 129"
    script = f"for word; do case $word in -b|--initial-branch*) {refuse};; esac; done"
    put_first_on_path(machine, "git", f'{script}\nexec {git} "$@"')
    assert machine.run("git", "init", "-b", "main", check=False).returncode == 129
    output = machine.cookiecutter(environment_manager="uv").stdout
    assert "To go on:" not in output
    is_finished(machine, machine.project())


def test_no_uv_is_told_and_the_command_gets_it(machine: Machine) -> None:
    machine.hide("uv", "uvx")
    output = machine.cookiecutter(environment_manager="uv").stdout
    assert said(output, "environment") == "✗ uv is not on this machine"
    go_on(machine, output)
    assert "make bootstrap install" in named_command(output)
    is_finished(machine, machine.project())
    machine.project().make("bootstrap", "install", "lock")


@pytest.fixture
def hidden_python(machine: Machine) -> tuple[str, Path]:
    """A Python that the machine does not find: its version and where it is."""
    version, python = other_python()
    machine.hide("python3", "python", *(f"python3.{minor}" for minor in range(10, 20)))
    machine.env["PYENV_ROOT"] = str(machine.home / "no-pyenv")
    machine.env["UV_PYTHON_DOWNLOADS"] = "never"
    return version, python


def test_a_missing_python_is_told_by_uv_and_found_when_it_is_there(
    machine: Machine, hidden_python: tuple[str, Path]
) -> None:
    version, python = hidden_python
    output = machine.cookiecutter(
        environment_manager="uv", python_version=version
    ).stdout
    assert said(output, "environment").startswith("✗ ")
    assert re.search(rf"Python {version}|=={version}|>={version}", output)
    assert named_command(output) == INSTALL
    put_first_on_path(machine, f"python{version}", f'exec {python} "$@"')
    go_on(machine, output)
    is_finished(machine, machine.project())


def test_a_missing_python_or_ensurepip_is_told_by_pip_and_found_when_it_is_there(
    machine: Machine,
    hidden_python: tuple[str, Path],
    index_settings: dict[str, dict[str, str]],
    little: Path,
) -> None:
    machine.env |= index_settings.get("pip", {})
    machine.template = little
    version, python = hidden_python
    answers: dict[str, Any] = {"environment_manager": "pip", "python_version": version}
    output = machine.cookiecutter(**answers).stdout
    assert said(output, "environment").startswith(f"✗ Python {version} is not here")
    assert named_command(output) == INSTALL

    debian = debian_python(machine, version, python)
    put_first_on_path(machine, f"python{version}", f'exec {debian} "$@"')
    done = machine.run("sh", "-c", INSTALL, check=False)
    assert done.stdout.startswith(f"Python {version} with ensurepip is missing")
    second = machine.cookiecutter(project_name="Second", **answers).stdout
    assert said(second, "environment").startswith(f"✗ Python {version} lacks ensurepip")

    name = f"python{version}"
    libraries = debian.parent.parent / "lib" / name
    (libraries / "ensurepip").symlink_to(
        python.parent.parent / "lib" / name / "ensurepip"
    )
    go_on(machine, output)
    is_finished(machine, machine.project())


def debian_python(machine: Machine, version: str, python: Path) -> Path:
    """Copy a Python as Debian has it without python3-venv: there is no ensurepip."""
    prefix, name = machine.home.parent / "debian", f"python{version}"
    (prefix / "bin").mkdir(parents=True)
    shutil.copy(python, prefix / "bin" / name)
    for library in (python.parent.parent / "lib").glob("libpython*"):
        (prefix / "lib").mkdir(exist_ok=True)
        (prefix / "lib" / library.name).symlink_to(library)
    (prefix / "lib" / name).mkdir(parents=True)
    for each in (python.parent.parent / "lib" / name).iterdir():
        if each.name not in ("ensurepip", "site-packages"):
            (prefix / "lib" / name / each.name).symlink_to(each)
    found = prefix / "bin" / name
    assert run(found, "-c", "import ensurepip", check=False).returncode == 1
    run(found, "-c", "import venv, json, ssl")
    return found


# Where the project lies


def test_inside_another_work_tree_no_repository_is_made_unasked(
    machine: Machine,
) -> None:
    machine.run("git", "init", "--quiet")
    output = machine.cookiecutter(environment_manager="uv").stdout
    project = machine.project()
    assert said(output, "repository").startswith(
        "– none: the directory lies in that of"
    )
    assert "'make repository'" in output
    assert "To go on:" not in output
    assert not (project / ".git").exists()
    assert machine.run("git", "status", "--porcelain").stdout == "?? my-analysis/\n"
    has_environment(machine, project)
    project.make("install", "repository")
    is_finished(machine, project)


@pytest.mark.parametrize("has_outer_repository", [False, True])
def test_another_uv_workspace_takes_no_part_of_the_project(
    machine: Machine, has_outer_repository: bool
) -> None:
    workspace = machine.work / "workspace"
    workspace.mkdir()
    manifest = workspace / "pyproject.toml"
    manifest.write_text(
        '[project]\nname = "outer"\nversion = "1"\nrequires-python = ">=3.11"\n'
        '[tool.uv.workspace]\nmembers = ["*"]\n'
    )
    machine.run("uv", "lock", "--quiet", cwd=workspace)
    if has_outer_repository:
        machine.run("git", "init", "--quiet", cwd=workspace)
    before = {path.name: path.read_bytes() for path in workspace.glob("*.[lt]o*")}
    machine.env["PWD"] = str(workspace)
    command = machine.command(environment_manager="uv")
    output = machine.run(*command, cwd=workspace).stdout
    assert f"the workspace in {workspace}" in said(output, "environment")
    machine.run("sh", "-c", named_command(output), cwd=workspace)
    assert not (workspace / "my-analysis").exists()
    is_finished(machine, machine.project())
    after = {path.name: path.read_bytes() for path in workspace.glob("*.[lt]o*")}
    assert after == before
    assert not (workspace / ".venv").exists()


def test_a_workspace_that_excludes_the_project_is_no_hindrance(
    machine: Machine,
) -> None:
    (machine.work / "pyproject.toml").write_text(
        '[tool.uv.workspace]\nmembers = ["*"]\nexclude = ["my-*"]\n'
    )
    output = machine.cookiecutter(environment_manager="uv").stdout
    assert "To go on:" not in output
    is_finished(machine, machine.project())
    assert not (machine.work / "uv.lock").exists()


def test_a_path_with_blanks_and_other_alphabets_serves_throughout(
    machine: Machine,
) -> None:
    machine.work = machine.work / "Données d'été 分析"
    machine.work.mkdir()
    machine.env["PWD"] = str(machine.work)
    output = machine.cookiecutter(environment_manager="uv").stdout
    project = machine.project()
    assert "To go on:" not in output
    is_finished(machine, project)
    assert Path(run_notebook(machine, project)).samefile(project / ".venv")
    project.make("install", "lock", "check", "test", "notebooks", "build", "clean")
    (project / "src/my_analysis/more.py").write_text('"""More."""\n')
    project.git("add", "--all")
    assert "ruff" in project.run("git", "commit", "-m", "More").stdout
    shutil.rmtree(project / ".venv")
    (project / "uv.lock").unlink()
    machine.run("sh", "-c", f"cd {project.path.name} && make install")
    has_environment(machine, project)


@pytest.mark.parametrize("manager", ["uv"])
def test_an_activated_environment_stays_as_it_was(
    machine: Machine, manager: str
) -> None:
    machine.run(sys.executable, "-m", "venv", "--without-pip", "activated")
    activated = machine.work / "activated"
    before = sorted(activated.rglob("*"))
    machine.env["VIRTUAL_ENV"] = str(activated)
    machine.env["PATH"] = os.pathsep.join([str(activated / "bin"), machine.env["PATH"]])
    output = machine.cookiecutter(environment_manager=manager).stdout
    assert "To go on:" not in output
    is_finished(machine, machine.project())
    machine.project().make("install")
    assert sorted(activated.rglob("*")) == before


# What can't be written


def test_a_home_that_cannot_be_written_is_told_and_made_up_for(
    machine: Machine,
) -> None:
    mounting = needs_unshare("--mount")
    config = machine.work / "cookiecutter.yaml"
    config.write_text(
        f"cookiecutters_dir: {machine.work}/templates\n"
        f"replay_dir: {machine.work}/replay\n"
    )
    machine.env["XDG_CACHE_HOME"] = str(machine.home / ".cache")
    words = machine.command("--config-file", str(config), environment_manager="uv")
    mount = 'mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro "$HOME"'
    script = f'{mount} && ! touch "$HOME/x" 2>/dev/null && exec "$@"'
    output = machine.run(*mounting, "sh", "-c", script, "sh", *words).stdout
    assert said(output, "environment").startswith("✓ ")
    assert said(output, "kernel").startswith("✗ ")
    assert "Read-only file system" in output
    assert "Traceback" not in output
    assert machine.kernels == {}
    go_on(machine, output)
    is_finished(machine, machine.project())


@pytest.mark.parametrize("room", ["400k", "700k", "60m"])
def test_a_full_disk_is_told_and_made_up_for(machine: Machine, room: str) -> None:
    mounting = needs_unshare("--mount")
    words = machine.command(environment_manager="uv")
    script = f"""
    mount -t tmpfs -o size={room} tmpfs . && cd "$PWD" || exit 3
    output=$("$@") || exit 4
    printf '%s\\n' "$output"
    mount -o remount,size=2g . || exit 5
    sh -c "$(printf '%s\\n' "$output" | sed -n '/To go on:$/{{n;p}}')" || exit 6
    cd my-analysis && git status --porcelain && git log --format='commits: %s'
    .venv/bin/python -c 'import my_analysis, pandas, pyarrow; print("works")'
    """
    done = machine.run(*mounting, "sh", "-c", script, "sh", *words, check=False)
    output = done.stdout
    assert done.returncode == 0, output
    assert said(output, "environment").startswith("✗ ")
    assert re.search("No space left|ENOSPC", output)
    assert "Traceback" not in output
    assert "\ncommits: Start my-analysis\nworks\n" in output


# What interrupts


class Setting:
    """cookiecutter at work on a terminal, with its hook and the hook's tools.

    The terminal is a pseudo-terminal; links are slowed down to copies, one at a time,
    so that there is a time in which packages are being installed.
    """

    def __init__(self, machine: Machine, manager: str) -> None:
        pexpect = pytest.importorskip("pexpect")
        program, *words = machine.command(environment_manager=manager)
        self.machine = machine
        self.terminal = pexpect.spawn(
            program,
            words,
            cwd=str(machine.work),
            env=machine.env | SLOWLY,
            dimensions=(50, 120),
            encoding="utf-8",
            timeout=120,
        )

    def wait_for(self, moment: str) -> list[int]:
        """Wait for a moment of the set-up and return all processes at work then."""
        self.terminal.expect("repository +git")
        project = self.machine.project()
        least = {"resolving": 0, "installing": 21}[moment]  # things that are installed
        found: list[int] = []

        def at_work() -> bool:
            found[:] = children(self.terminal.pid)
            return len(found) > 1 and installed(project) >= least

        wait_until(at_work, 120, moment)
        return found

    def ended(self) -> str:
        """Wait for cookiecutter to end well and return what was shown, undecorated."""
        import pexpect

        self.terminal.expect(pexpect.EOF)
        self.terminal.close()
        assert self.terminal.exitstatus == 0, self.terminal.before
        undecorated = re.sub(r"\x1b\[[\d;]*[mK]", "", str(self.terminal.before))
        return re.sub(r"\r\n?", "\n", undecorated)


def installed(project: Project) -> int:
    """Return how many things are in the environment's site-packages."""
    return len(list((project / ".venv").glob("lib/python*/site-packages/*")))


def is_quiet(pids: list[int]) -> None:
    """Assert that all of these processes end, by themselves and soon."""
    wait_until(lambda: not any(map(is_running, pids)), 15, "the tools have ended")


@pytest.fixture
def at_work(machine: Machine) -> Iterator[Callable[[str], Setting]]:
    """Start a set-up that is ended with the test, whatever comes."""
    needs_linux()
    settings: list[Setting] = []

    def start(manager: str) -> Setting:
        settings.append(Setting(machine, manager))
        return settings[-1]

    yield start
    for setting in settings:
        with contextlib.suppress(OSError):
            setting.terminal.close(force=True)


def interrupt_make(
    machine: Machine, words: list[str], moment: Callable[[], object]
) -> None:
    """Kill make, and all that it has started, at this moment."""
    needs_linux()
    process = subprocess.Popen(
        ["make", *words],
        cwd=machine.project().path,
        env=machine.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_until(lambda: moment() or process.poll() is not None, 120, "the moment")
    everything = [process.pid, *children(process.pid)]
    assert process.poll() is None, "make was over before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    is_quiet(everything)


@pytest.mark.parametrize("moment", ["resolving", "installing"])
def test_ctrl_c_stops_the_installation_and_keeps_the_project(
    machine: Machine, at_work: Callable[[str], Setting], moment: str
) -> None:
    setting = at_work("uv")
    pids = setting.wait_for(moment)
    setting.terminal.sendintr()
    output = setting.ended()
    assert "stopped by Ctrl-C" in output
    is_quiet(pids)
    assert go_on(machine, output) == INSTALL
    is_finished(machine, machine.project())


def test_ctrl_c_stops_pip_too(
    machine: Machine, at_work: Callable[[str], Setting]
) -> None:
    setting = at_work("pip")
    pids = setting.wait_for("resolving")
    setting.terminal.sendintr()
    output = setting.ended()
    assert "stopped by Ctrl-C" in output
    assert named_command(output) == INSTALL
    is_quiet(pids)


def test_termination_of_the_hook_keeps_the_project(
    machine: Machine, at_work: Callable[[str], Setting]
) -> None:
    setting = at_work("uv")
    pids = setting.wait_for("installing")
    os.kill(pids[0], signal.SIGTERM)
    output = setting.ended()
    assert "stopped: asked to end" in output
    is_quiet(pids)
    go_on(machine, output)
    is_finished(machine, machine.project())


def test_the_death_of_cookiecutter_leaves_nothing_running(
    machine: Machine, at_work: Callable[[str], Setting]
) -> None:
    setting = at_work("uv")
    pids = setting.wait_for("installing")
    os.kill(setting.terminal.pid, signal.SIGKILL)
    is_quiet(pids)
    machine.run("sh", "-c", INSTALL)
    is_finished(machine, machine.project())


def test_a_closed_terminal_leaves_nothing_running(
    machine: Machine, at_work: Callable[[str], Setting]
) -> None:
    setting = at_work("uv")
    pids = setting.wait_for("installing")
    setting.terminal.ptyproc.fileobj.close()
    is_quiet(pids)
    machine.run("sh", "-c", INSTALL)
    is_finished(machine, machine.project())


def test_an_environment_cut_off_at_any_moment_is_healed_by_make(
    machine: Machine,
) -> None:
    machine.cookiecutter(environment_manager="uv", set_up="no")
    project = machine.project()
    quickly = dict(machine.env)
    machine.env |= SLOWLY
    for count in (1, 10, 60, 120):

        def is_moment(count: int = count) -> bool:
            return installed(project) >= count

        interrupt_make(machine, ["install"], is_moment)
    machine.env.clear()
    machine.env |= quickly
    # What an interruption between two files of a package leaves, and one of its Python.
    (black,) = (project / ".venv").glob("lib/python*/site-packages/black-*.dist-info")
    (black / "INSTALLER").unlink()
    shutil.rmtree(black.parent / "black")
    # What uv leaves of a package with files for elsewhere, and then takes offence at.
    (kernel,) = black.parent.glob("ipykernel-*.dist-info")
    shutil.rmtree(kernel)
    data = kernel.with_suffix(".data") / "data/share"
    data.mkdir(parents=True)
    (data / ".tmp").touch()
    machine.run("sh", "-c", INSTALL)
    is_finished(machine, project)
    (project / ".venv/pyvenv.cfg").unlink()
    project.make("install", "check")
    has_environment(machine, project)
    project.run(project.bin / "python", "-c", "import pandas, pyarrow, matplotlib")


# What was there before


def test_rendering_over_a_project_deletes_and_commits_nothing(machine: Machine) -> None:
    machine.cookiecutter(environment_manager="uv")
    project = machine.project()
    (project / "src/my_analysis/mine.py").write_text('"""Mine."""\n')
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "Mine")
    (project / "untracked.txt").write_text("untracked")
    (project / "README.md").write_text("edited")
    (project / "empty").mkdir()
    kept = sorted(path for path in project.path.rglob("*") if ".git" not in path.parts)
    log, index = project.git("log"), project.git("ls-files", "--stage")
    output = machine.cookiecutter(
        "--overwrite-if-exists", environment_manager="uv"
    ).stdout
    assert said(output, "files").endswith("nothing deleted, nothing committed")
    assert set(kept) <= set(project.path.rglob("*"))
    assert project.git("log") == log
    assert project.git("ls-files", "--stage") == index
    assert (project / "untracked.txt").read_text() == "untracked"
    assert not (project / ".rendered-over").exists()
    assert go_on(machine, output) == "cd my-analysis && make install"
    assert project.git("log") == log
    has_environment(machine, project)


def test_a_kernel_of_a_living_environment_is_left_and_a_dead_one_replaced(
    machine: Machine,
) -> None:
    data = machine.run(
        sys.executable, "-m", "jupyter_core", "--data-dir"
    ).stdout.strip()
    spec = Path(data, "kernels/my-analysis/kernel.json")
    spec.parent.mkdir(parents=True)
    theirs = {"argv": [sys.executable, "-m", "x"], "display_name": "x", "language": "x"}
    spec.write_text(json.dumps(theirs))
    output = machine.cookiecutter(environment_manager="uv").stdout
    project = machine.project()
    assert said(output, "kernel").startswith("– 'my-analysis' belongs to")
    assert "To go on:" not in output
    has_repository(project)
    (command,) = re.findall(r"'(make kernel KERNEL=\S+)'", output)
    project.run("sh", "-c", command)
    assert machine.kernels["my-analysis"] == theirs
    assert machine.kernels["my-analysis-2"]["argv"][0] == str(project.bin / "python")
    assert "is left as it is" in project.make("kernel-remove").stdout
    spec.write_text(json.dumps(theirs | {"argv": ["/gone/bin/python"]}))
    project.make("install")
    has_environment(machine, project)
