"""Set-up without what it usually has: a wish for it, make, and an open output."""

from __future__ import annotations

import os
import re
import subprocess

from conftest import Machine


def test_without_set_up_only_files_are_written(machine: Machine) -> None:
    """Without a terminal, the output is plain text too."""
    output = machine.cookiecutter(set_up="no").stdout
    project = machine.project()
    names = {each.name for each in project.path.iterdir()}
    assert not {".git", ".venv", "uv.lock"} & names
    assert machine.kernels == {}
    assert output.splitlines()[-2:] == [
        "To set it up:",
        "  cd my-analysis && make install repository",
    ]
    assert not re.search(r"[\x1b\r]", output)


def test_where_make_is_not_installed_the_files_are_written_and_make_is_named(
    machine: Machine,
) -> None:
    machine.hide("make")
    output = machine.cookiecutter(set_up="no").stdout
    assert (machine.project() / "Makefile").is_file()
    assert "'make' is not on this machine" in output


def test_a_closed_output_still_makes_the_project(machine: Machine) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = machine.command(set_up="no")
    done = subprocess.run(command, cwd=machine.work, env=machine.env, stdout=writing)
    os.close(writing)
    assert done.returncode == 0
    assert (machine.project() / "pyproject.toml").is_file()
