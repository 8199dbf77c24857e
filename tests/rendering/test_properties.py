"""cookiecutter changes nothing outside the project, and nothing if it refuses."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_cookies.plugin import Cookies  # type: ignore[import-untyped]

from support import hostile_answers as hostile
from support.machine import Machine
from support.project import OWN_PYTHON, Bake, complete, default_context, run

CONTEXT = default_context()
# Files that cookiecutter itself writes or removes: replay files and rendered hooks.
OF_COOKIECUTTER = re.compile(r"(home/\.cookiecutter|scratch/(cookiecutter|tmp))")

Snapshot = dict[str, tuple[int, bytes | None]]


def snapshot(directory: Path) -> Snapshot:
    found = {}
    for path in directory.rglob("*"):
        content = None if path.is_dir() else path.read_bytes()
        name = path.relative_to(directory).as_posix()
        found[name] = (path.stat().st_mode, content)
    return found


def machine_snapshot(machine: Machine) -> Snapshot:
    """Return what is on a machine, except cookiecutter's own files."""
    found = snapshot(machine.home.parent)
    own = {name: found[name] for name in found if not OF_COOKIECUTTER.match(name)}
    return {**own, **snapshot(machine.template)}


@pytest.fixture
def neighbours(machine: Machine, scratch: Path) -> Machine:
    """A machine with files where a careless run would write or delete."""
    for name in ("mine.txt", "x/mine.txt", "my-analysis/mine.txt"):
        path = machine.work / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    machine.env["PYTHONDONTWRITEBYTECODE"] = "1"
    return machine


def retry(output: str) -> list[str]:
    """Return the words of the command that repeats the answers."""
    lines = output.partition("Stopping generation")[0].splitlines()
    return shlex.split(next(line for line in lines[::-1] if " --no-input" in line))


def assert_refused(output: str, *keys: str) -> None:
    """Assert that the hook printed a line for exactly these questions."""
    reported = output.partition("a project:\n")[2]
    lines = itertools.takewhile(lambda line: line[:2] == "  ", reported.splitlines())
    assert sorted(line.split()[0] for line in lines) == sorted(keys)
    repeated = {word.partition("=")[0] for word in retry(output)}
    assert {*keys} <= repeated


@pytest.mark.parametrize("slug", ["", "x/..", "../x", "{work}/x"])
def test_a_refused_slug_changes_nothing(neighbours: Machine, slug: str) -> None:
    before = machine_snapshot(neighbours)
    answers = {"project_slug": slug.format(work=neighbours.work), "set_up": "no"}
    done = neighbours.cookiecutter(package_name="fine", check=False, **answers)
    assert done.returncode == 1
    assert_refused(done.stdout, "project_slug")
    assert machine_snapshot(neighbours) == before


def test_a_refused_run_ends_with_the_command_that_repeats_the_answers(
    machine: Machine,
) -> None:
    texts = {"description": 'It\'s "so" $HOME', "author_name": "Ada O'Neill"}
    bad = {"project_slug": "pandas", "package_name": "pandas"}
    bad["author_email"] = "Ada <ada@example.org>"
    answers = {"set_up": "no", "docker": "no", **texts, **bad}
    done = machine.cookiecutter(check=False, **answers)
    assert_refused(done.stdout, *bad)
    command = retry(done.stdout)
    assert command[:3] == ["cookiecutter", str(machine.template), "--no-input"]
    good = {"author_email": "ada@example.org", "package_name": "mine"}
    good |= {"project_slug": "my-project"}
    marked = {f"{key}=FIXME": f"{key}={answer}" for key, answer in good.items()}
    assert {*marked} <= {*command}
    machine.call_cookiecutter(*(marked.get(word, word) for word in command[1:]))
    project = machine.project("my-project")
    manifest = project.manifest["project"]
    assert manifest["description"] == texts["description"]
    author = {"name": texts["author_name"], "email": "ada@example.org"}
    assert manifest["authors"] == [author]
    assert not (project / "Dockerfile").exists()


def test_rendering_the_files_changes_nothing_but_the_project(
    neighbours: Machine,
) -> None:
    before = machine_snapshot(neighbours)
    neighbours.cookiecutter(project_slug="new-one", set_up="no")
    after = machine_snapshot(neighbours)
    assert "work/new-one/README.md" in after
    outside = {name for name in after if not re.match(r"work/new-one(/|$)", name)}
    assert {name: after[name] for name in outside} == before


# Answers that were not validated: typed, and from a replay file


def typed(machine: Machine, **answers: str) -> str:
    """Run cookiecutter, type the answers (or Enter) and return the output."""
    lines = [
        "n" if isinstance(default, bool) else answers.get(key, "")
        for key, default in CONTEXT.items()
        if not key.startswith("_")
    ]
    command = [sys.executable, "-m", "cookiecutter", str(machine.template)]
    stdin = "\n".join(lines) + "\n"
    done = run(*command, cwd=machine.work, env=machine.env, stdin=stdin, check=False)
    return done.stdout


def test_typed_texts_round_trip(machine: Machine) -> None:
    text = hostile.TEXTS["three quotes"] + hostile.TEXTS["backslashes"]
    names = {"project_name": "It's", "project_slug": "a-b", "package_name": "a_b"}
    typed(machine, **names, description=text, author_name=text)
    manifest = machine.project("a-b").manifest["project"]
    assert manifest["description"] == manifest["authors"][0]["name"] == text


def test_typed_template_marks_are_refused_and_not_run(machine: Machine) -> None:
    names = {"project_slug": "a-b", "package_name": "a_b"}
    texts = {
        "project_name": "{{ 7 * 191 }}",
        "description": "{% for each in range(7) %}{{ each }}{% endfor %}",
        "author_name": "{# nobody #}",
    }
    output = typed(machine, **names, **texts)
    assert_refused(output, *texts)
    assert "1337" not in output.partition("These answers")[2]
    assert [*machine.work.iterdir()] == []


def test_a_replay_file_whose_parts_do_not_fit_is_refused(machine: Machine) -> None:
    machine.cookiecutter(set_up="no")
    machine.project().path.rename(machine.home / "first")
    (file,) = machine.home.glob(".cookiecutter_replay/*.json")
    stored = json.loads(file.read_text("utf-8"))
    stored["cookiecutter"]["description"] = "Another one."
    file.write_text(json.dumps(stored), "utf-8")
    words = (str(machine.template), f"--replay-file={file}")
    done = machine.call_cookiecutter(*words, check=False)
    assert done.returncode == 1
    assert "without --replay-file" in done.stdout
    assert [*machine.work.iterdir()] == []


# Hooks, and rendering again


@pytest.mark.parametrize("starter", CONTEXT["starter"])
def test_hooks_only_remove_empty_directories(
    cookies: Cookies, bake: Bake, template: Path, starter: str
) -> None:
    manager = CONTEXT["environment_manager"][0]
    answers = {
        "starter": starter,
        "python_version": OWN_PYTHON,
        "environment_manager": manager,  # a hook would choose one that is installed
    }
    context = complete({**answers, "set_up": False})
    result = cookies.bake(extra_context=context, template=str(template))
    assert result.exception is None
    made, expected = snapshot(result.project_path), snapshot(bake(**answers).path)
    made.pop(".cruft.json", None)
    assert made == expected


def test_rendering_again_keeps_the_users_files_and_gives_the_same_bytes(
    machine: Machine,
) -> None:
    answers: dict[str, Any] = {
        "author_name": "Ada",
        "author_email": "ada@example.org",
        "starter": "service",
        "sample": True,
        "docker": True,
        "ci": "github",
        "environment_manager": "pip",
    }
    machine.cookiecutter(set_up="no", **answers)
    project = machine.project()
    for name in ("notes.txt", "data/raw/mine.csv", "scripts/mine.py", ".env"):
        project.write(name, "mine\n")
    (project / "src/empty/below").mkdir(parents=True)
    before = snapshot(project.path)
    over = ("--overwrite-if-exists", "--skip-if-file-exists")
    again = machine.cookiecutter(*over, set_up="no", **answers)
    assert snapshot(project.path) == before
    assert "nothing was committed" in again.stdout
