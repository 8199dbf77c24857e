"""What holds for every answer: refused or back again, same bytes, nothing elsewhere.

That nothing is written elsewhere is told by the operating system: it is asked to report
every change below the home, the temporary directory, the template and the directory in
which the project is made, while cookiecutter runs.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from conftest import ROOT, Bake, Machine, Project, default_context
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_cookies.plugin import Result  # type: ignore[import-untyped]
from test_answers import accepted_texts, assert_round_trip, names
from test_combinations import (
    COVERING,
    answers_of,
    assert_no_directory_is_empty,
    hostile_answers,
    sentence,
    tree,
)
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

sys.path.insert(0, str(ROOT / "hooks"))

import pre_gen_project as gate

slow = pytest.mark.slow
each_row = pytest.mark.parametrize("row", COVERING, ids=sentence)
needs_inotify = pytest.mark.skipif(
    not sys.platform.startswith("linux"),
    reason="only Linux tells of every change that is made, attributes included",
)
FEW = settings(
    deadline=None,
    database=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
READING = ("opened", "closed_no_write")
# Cookiecutter's own: its replay file, a copy of the template, the rendered hooks; and
# with a name of eight letters, the file by which Python's tempfile tries a directory.
ITS_OWN = (
    r"home/\.cookiecutter(s|_replay)(/.*)?",
    r"scratch/(cookiecutter[^/]*|tmp[^/]*)(/.*)?",
    r"scratch/[a-z0-9_]{8}",
)


class Watch(FileSystemEventHandler):
    """Every change below some directories, as the operating system reports it.

    A directory that is watched changes whenever an entry of its own does: of such a
    directory, only owner and permissions are compared.

    Attributes:
        changes: what happened, as words such as ``created /home/ada/x``.
    """

    def __init__(self, *directories: Path) -> None:
        self.directories = directories
        self.changes: list[str] = []
        self.ends = {str(each / ".end-of-watch") for each in directories}
        self.over = threading.Event()
        self.modes = self.seen_modes()
        self.observer = Observer()
        for each in directories:
            self.observer.schedule(self, str(each), recursive=True)

    def seen_modes(self) -> list[tuple[int, int, int]]:
        """Return permissions and owners of the directories themselves."""
        found = [each.stat() for each in self.directories]
        return [(each.st_mode, each.st_uid, each.st_gid) for each in found]

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Keep what is no mere reading."""
        path = os.fsdecode(event.src_path)
        if path in self.ends:
            self.ends.discard(path)
            if not self.ends:
                self.over.set()
        elif path.endswith("/.end-of-watch") or event.event_type in READING:
            return
        elif not (event.is_directory and Path(path) in self.directories):
            self.changes.append(f"{event.event_type} {path}")
            if event.dest_path:
                self.changes.append(f"moved {os.fsdecode(event.dest_path)}")

    def __enter__(self) -> Watch:
        # A directory that is made and filled at once is found in two ways.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
        self.observer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Reports come in order: after that of the last change, none is left.
        for path in sorted(self.ends):
            Path(path).touch()
        told = self.over.wait(60)
        self.observer.stop()
        self.observer.join()
        for each in self.directories:
            (each / ".end-of-watch").unlink()
        if kind is None:
            assert told, "the operating system did not tell of the last change"
            assert self.modes == self.seen_modes()


def outside(watch: Watch, machine: Machine, output: str) -> list[str]:
    """Return the changes that are neither in the project nor cookiecutter's own.

    Args:
        output: the project's directory, as it is called in the working directory.
    """
    theirs = "|".join((*ITS_OWN, rf"work/{re.escape(output)}(/.*)?"))
    top = f"{machine.home.parent}/"
    return [
        change
        for change in watch.changes
        if not re.fullmatch(rf"\w+ {re.escape(top)}({theirs})", change)
    ]


@pytest.fixture
def watched(machine: Machine, scratch: Path) -> Watch:
    """A watch on all that a run could reach, which is not yet begun."""
    # Bytecode of cookiecutter itself is no doing of the template's.
    machine.env["PYTHONDONTWRITEBYTECODE"] = "1"
    return Watch(machine.home, scratch, machine.template, machine.work)


@needs_inotify
def test_without_set_up_nothing_is_touched_outside_of_the_project(
    machine: Machine, watched: Watch
) -> None:
    with watched:  # the program itself, and no copy of the tests' process
        machine.run(*machine.command(set_up="no"))
    assert any(change.endswith("my-analysis/README.md") for change in watched.changes)
    assert outside(watched, machine, "my-analysis") == []


@needs_inotify
def test_a_refused_run_touches_nothing_at_all(machine: Machine, watched: Watch) -> None:
    with watched:
        answers = {"project_slug": "con", "package_name": "fine", "set_up": "no"}
        done = machine.run(*machine.command(**answers), check=False)
    assert done.returncode == 1
    # Cookiecutter has made a directory of a name that is nobody's, and removed it.
    changes = outside(watched, machine, "refused-")
    own = rf"\w+ {re.escape(str(machine.work))}/refused-\w+"
    assert [change for change in changes if not re.fullmatch(own, change)] == []
    assert [*machine.work.iterdir()] == []


@slow
@needs_inotify
@each_row
def test_whatever_is_chosen_nothing_is_touched_outside_of_the_project(
    machine: Machine, watched: Watch, row: dict[str, Any]
) -> None:
    with watched:
        machine.cookiecutter(set_up="no", **answers_of(row))
    (project,) = machine.work.iterdir()
    assert outside(watched, machine, project.name) == []


@needs_inotify
def test_the_watch_would_notice(machine: Machine, watched: Watch) -> None:
    home, template = machine.home, machine.template
    passing, permissions = home / "passing", (home / ".gitconfig").stat().st_mode
    with watched:
        passing.touch()
        passing.unlink()
        (home / ".gitconfig").chmod(permissions ^ stat.S_IRGRP)
        (machine.work / "new/below").mkdir(parents=True)
        os.utime(template / "README.md")
        (home.parent / "scratch/kept").write_text("mine", encoding="utf-8")
    noticed = {*outside(watched, machine, "my-analysis")}
    assert {
        f"created {passing}",
        f"deleted {passing}",
        f"attrib {home / '.gitconfig'}",
        f"created {machine.work / 'new'}",
        f"attrib {template / 'README.md'}",
        f"modified {home.parent / 'scratch/kept'}",
    } <= noticed


# The same bytes

Render = Callable[..., Result]


@slow
@each_row
def test_rendering_twice_and_over_itself_gives_the_same_bytes(
    bake: Bake, render: Render, machine: Machine, row: dict[str, Any]
) -> None:
    answers = {**hostile_answers(COVERING.index(row)), **answers_of(row)}
    first, without_hooks = render(**answers), bake(**answers)
    assert first.exception is None
    assert_no_directory_is_empty(first.project_path)
    before = tree(first.project_path)
    assert before == tree(without_hooks.path)
    machine.cookiecutter(
        *("--overwrite-if-exists", "--output-dir", str(first.project_path.parent)),
        **{**answers, "set_up": "no"},
    )
    assert tree(first.project_path) == before


# Refused, or back again


@slow
@FEW
@given(slug=names, package=names, text=accepted_texts | st.text(max_size=40))
def test_any_answer_is_refused_with_nothing_written_or_comes_back(
    render: Render, slug: str, package: str, text: str
) -> None:
    answers = {
        "project_slug": slug,
        "package_name": package,
        "description": text,
        "author_name": text,
    }
    # Of cookiecutter's command line come no halves of characters, and no NUL.
    answers = {key: value.replace("\0", "") for key, value in answers.items()}
    context = {**default_context(), "project_name": "My Analysis", **answers}
    refused = [each.key for each in gate.refusals(context) if each.key in answers]
    result = render(**answers)
    if refused:
        assert result.exit_code != 0
        assert result.project_path is None or not result.project_path.exists()
    else:
        assert result.exception is None, result.exception
        assert result.project_path.name == slug
        project = Project(result.project_path, os.environ)
        assert [path.name for path in (project / "src").iterdir()] == [package]
        assert_round_trip(project, text)
