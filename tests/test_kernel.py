"""The script that registers a project's kernel, in an environment that is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Machine, Project, programs_of, run

Kernel = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def kernel(largest: Project, stack: Path, machine: Machine) -> Kernel:
    """Run the script with these words, in its project, by the environment's Python."""
    python = programs_of(stack) / "python"

    def told(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        script = ("-B", "scripts/kernel.py", *words)
        return run(python, *script, cwd=largest.path, env=machine.env, check=check)

    return told


def spec_of(machine: Machine, name: str = "my-analysis") -> Path:
    """Return the file of a registered kernel."""
    return machine.home / ".local/share/jupyter/kernels" / name / "kernel.json"


def belongs_to(machine: Machine, python: str) -> dict[str, Any]:
    """Let the kernel of the project's name be one of this Python."""
    spec = {"argv": [python, "-m", "ipykernel"], "display_name": "x", "language": "x"}
    spec_of(machine).parent.mkdir(parents=True, exist_ok=True)
    spec_of(machine).write_text(json.dumps(spec))
    return spec


pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="where kernels are is Linux's place here"
)


def test_a_kernel_is_registered_and_removed(
    kernel: Kernel, machine: Machine, stack: Path
) -> None:
    version = "{}.{}".format(*sys.version_info)
    assert kernel("register").stdout == f"Python {version} (my-analysis)\n"
    assert machine.kernels["my-analysis"]["argv"] == [
        str(stack / "bin" / "python"),
        *("-Xfrozen_modules=off", "-m", "ipykernel_launcher"),
        *("-f", "{connection_file}"),
    ]
    assert machine.kernels["my-analysis"]["display_name"].endswith(" (my-analysis)")
    again = kernel("register", "my-analysis")
    assert again.stdout == f"Python {version} (my-analysis)\n"
    assert kernel("register", "second").stdout == f"Python {version} (second)\n"
    assert kernel("remove").stdout == "'my-analysis' removed\n"
    assert {*machine.kernels} == {"second"}
    assert not spec_of(machine).parent.exists()
    assert kernel("remove").stdout == "there is no kernel 'my-analysis'\n"


def test_the_kernel_of_another_python_that_lives_is_left(
    kernel: Kernel, machine: Machine
) -> None:
    spec = belongs_to(machine, "/bin/sh")
    assert kernel("register").stdout.splitlines() == [
        "'my-analysis' belongs to /bin/sh and is left as it is.",
        "'make kernel KERNEL=my-analysis-2' registers this one under another name.",
    ]
    left = "'my-analysis' belongs to /bin/sh and is left as it is\n"
    assert kernel("remove").stdout == left
    assert json.loads(spec_of(machine).read_text()) == spec


def test_the_kernel_of_a_python_that_is_gone_is_replaced(
    kernel: Kernel, machine: Machine, stack: Path
) -> None:
    belongs_to(machine, "/nowhere/python")
    kernel("register")
    python = str(stack / "bin" / "python")
    assert machine.kernels["my-analysis"]["argv"][0] == python


@pytest.mark.parametrize("text", ["", "{", "[]", '{"argv": []}', '{"argv": 1}'])
def test_what_is_no_kernelspec_is_one_line(
    kernel: Kernel, machine: Machine, text: str
) -> None:
    belongs_to(machine, "/bin/sh")
    spec_of(machine).write_text(text)
    done = kernel("register", check=False)
    said = f"no kernel: {spec_of(machine)} is no kernelspec: remove it\n"
    assert (done.returncode, done.stdout) == (1, said)
    assert spec_of(machine).read_text() == text


def test_a_place_that_cannot_be_written_is_one_line(
    kernel: Kernel, machine: Machine
) -> None:
    (machine.home / ".local").write_text("mine")
    done = kernel("register", check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("no kernel: Not a directory: ")
    assert len(done.stdout.splitlines()) == 1
