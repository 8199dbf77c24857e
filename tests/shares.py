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
    "test_workflows",
    "test_private_index",
    "test_faults",
    "test_updates",
    "test_set_up",
    "test_forking",
    "test_benchmarks",
    "test_starters",
    "test_clients",
    "test_use_template",
)


def share_of(nodeid: str) -> str:
    """Return what a test is kept together with: its file, and there its manager.

    What is made once for a file, or for a manager in it, is made by one process.
    """
    path, _, test = nodeid.partition("::")
    manager = re.search(r"\[(.*)\]$", test)
    return f"{path}[{manager[1]}]" if manager and manager[1] in MANAGERS else path


class Shares(LoadScopeScheduling):  # type: ignore[misc]
    """Give each process a share at a time, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def longest_first(items: list[pytest.Item]) -> None:
    """Put the long files first, so that no process ends long after the other."""
    places = {file: place for place, file in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
