"""`make update` adds and removes add-ons; projects with add-ons pass their checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.machine import MachineWith
from support.project import Project, default_context

pytestmark = pytest.mark.slow
ALL = ",".join(default_context()["_addons"])


def test_addons_are_added_and_removed_later_and_edits_are_kept(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(starter="analysis", environment_manager="uv", ci="gitlab")
    project.append("src/my_analysis/config.py", "MINE = 1\n")
    project.commit("Edit")
    before = {name: project.text(name) for name in project.git("ls-files").splitlines()}

    project.make("update", "SET=addons=remote-data,dask,docs")
    project.commit("Add")
    assert "dask" in project.text("uv.lock")
    help_text = project.make("help").stdout
    for command in ("cluster", "data-push", "docs"):
        assert f"\n  {command} " in help_text
    project.run(project.bin / "python", "-c", "import my_analysis.cluster")

    project.make("update", "SET=addons=")
    project.commit("Remove")
    assert "dask" not in project.text("uv.lock")
    after = {name: project.text(name) for name in project.git("ls-files").splitlines()}
    changed = {
        name for name in {*before, *after} if before.get(name) != after.get(name)
    }
    assert changed <= {".cruft.json", "uv.lock"}  # of a shared dependency
    assert after["src/my_analysis/config.py"].endswith("MINE = 1\n")


weekly, ci = pytest.mark.weekly, pytest.mark.ci


@pytest.mark.parametrize(
    ("manager", "addons"),
    [
        *(pytest.param("uv", name, marks=weekly) for name in ALL.split(",")),
        pytest.param("uv", ALL, marks=ci),
        pytest.param("pip", ALL, marks=weekly),
    ],
)
def test_a_service_with_addons_passes_its_checks(
    machine_with: MachineWith, manager: str, addons: str
) -> None:
    machine = machine_with(manager)
    machine.cookiecutter(
        environment_manager=manager, starter="service", docker=True, addons=addons
    )
    machine.project().make("check", "test")
