"""How tests are shared out to processes: the longest first, projects kept together."""

from __future__ import annotations

import re

import pytest
from journey import MANAGERS
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# The files that take minutes, the longest first.
LONG = (
    "test_containers",
    "test_managers_journey",
    "test_faults",
    "test_updates",
    "test_workflows",
    "test_private_index",
    "test_starters",
    "test_own_tests",
    "test_managers",
    "test_benchmarks",
    "test_combinations",
    "test_soak_and_peers",
    "test_use_template",
    "test_forking",
    "test_set_up",
    "test_clients",
)


# The tests for which images are built, whatever their file: one process has them all,
# as two builds at a time may bring an engine down (BuildKit has faults of that kind).
ENGINE = "engine"
WITH_ENGINE = (
    "test_containers.py",
    "with_an_engine",
    "the_build_of_an_image",
    "test_every_manager_installs_from_the_index",  # with the same projects
    "test_a_new_project_passes_from_the_first_step",
    "test_what_is_broken_goes_red",
    "test_the_second_run_is_on_the_other_python",
)
GIVE_ENGINE = {"engine", "left_out"}  # fixtures


def share_of(nodeid: str) -> str:
    """Return what a test is kept together with: its file, and there its manager.

    What is made once for a file, or for a manager in it, is made by one process.
    """
    path, _, test = nodeid.partition("::")
    if any(name in nodeid for name in WITH_ENGINE):
        return ENGINE
    manager = re.search(r"\[(.*)\]$", test)
    return f"{path}[{manager[1]}]" if manager and manager[1] in MANAGERS else path


def outside(items: list[pytest.Item]) -> list[str]:
    """Return the tests that have the engine and are in no share with the others."""
    return [
        item.nodeid
        for item in items
        if GIVE_ENGINE & {*getattr(item, "fixturenames", ())}
        and share_of(item.nodeid) != ENGINE
    ]


class Shares(LoadScopeScheduling):  # type: ignore[misc]
    """Give each process a share at a time, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def longest_first(items: list[pytest.Item]) -> None:
    """Put the long files first, so that no process ends long after the other."""
    places = {file: place for place, file in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
