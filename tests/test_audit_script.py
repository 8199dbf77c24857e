"""What the script behind `make audit` asks of pip-audit, and how it takes an answer.

Which versions it asks about, test_supply_chain.py shows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Bake, Machine, Project, run
from journey import put_first_on_path

HOLE = {"id": "PYSEC-1", "fix_versions": []}

Audit = Callable[..., subprocess.CompletedProcess[str]]


def answer(name: str, version: str) -> str:
    """Return what pip-audit prints of a version with a hole that nobody has mended."""
    found = {"name": name, "version": version, "vulns": [HOLE]}
    return f"echo '{json.dumps({'dependencies': [found]})}'"


@pytest.fixture
def audit(bake: Bake, copy: Callable[[Project], Project], machine: Machine) -> Audit:
    """Audit a project with one pin, by a pip-audit that runs these lines of shell."""
    project = copy(bake())
    (project / "requirements.txt").write_text("alpha==1.0\n")

    def done(script: str) -> subprocess.CompletedProcess[str]:
        program = put_first_on_path(machine, "pip-audit", script)
        command = (sys.executable, "scripts/audit.py", str(program))
        here: dict[str, Any] = {"cwd": project.path, "env": machine.env}
        return run(*command, **here, check=False, stdin="typed\n")

    return done


def test_pip_audit_looks_at_the_pins_alone_and_answers_as_json(
    audit: Audit, machine: Machine
) -> None:
    asked = machine.home / "asked"
    audit(f'echo "$@" >{asked}')
    options = argparse.ArgumentParser()
    for name in ("vulnerability-service", "progress-spinner", "format", "desc"):
        options.add_argument(f"--{name}")
    for name in ("no-deps", "disable-pip"):
        options.add_argument(f"--{name}", action="store_true")
    options.add_argument("--requirement", action="append")
    told = vars(options.parse_args(asked.read_text().split()))
    assert len(told.pop("requirement")) == 1
    assert told == {
        **{"vulnerability_service": "osv", "format": "json", "desc": "off"},
        **{"progress_spinner": "off", "no_deps": True, "disable_pip": True},
    }


def test_a_hole_that_nobody_has_mended_is_told_as_such(audit: Audit) -> None:
    canary, pin = answer("jinja2", "2.4.1"), answer("alpha", "1.0")
    about = 'for last; do :; done; grep -q alpha "$last"'
    done = audit(f"if {about}; then {pin}; else {canary}; fi; exit 1")
    assert done.returncode == 1
    hole, advice = done.stdout.splitlines()
    assert hole == "alpha 1.0: PYSEC-1 (no other name), mended in no version yet"
    assert advice.endswith(" lets one pass that does not concern this project.")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("cat >&2; exit 1", "pip-audit failed: it said nothing"),
        ("echo '[]'; echo >&2; echo ' E: no ' >&2", "pip-audit failed: E: no"),
        ("printf 'no: \\377\\n' >&2; exit 1", "pip-audit failed: no: \ufffd"),
        (
            "echo '{\"dependencies\": []}'",
            "pip-audit looked at some versions only, not at 1 of 1",
        ),
    ],
)
def test_what_is_no_answer_is_told_in_one_line(
    audit: Audit, script: str, told: str
) -> None:
    done = audit(script)
    said = f"No audit, so nothing is known to be safe: {told}.\n"
    assert (done.returncode, done.stdout) == (1, said)
