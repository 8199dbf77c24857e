"""Set-up without make, and no set-up."""

from __future__ import annotations

import re

import pytest

from support.machine import Machine


def test_without_set_up_only_files_are_written(machine: Machine) -> None:
    """Without a terminal, the output is plain text."""
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


@pytest.mark.slow
def test_without_make_the_managers_own_commands_are_shown(machine: Machine) -> None:
    machine.hide("make")
    output = machine.cookiecutter(environment_manager="uv").stdout
    commands = output.partition("Install make, or run:\n")[2].splitlines()
    assert [line.strip() for line in commands[:2]] == ["cd my-analysis", "uv sync"]
    machine.run("sh", "-ec", "\n".join(commands))
    assert "my-analysis" in machine.kernels
