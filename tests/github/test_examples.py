"""The branches `examples/…` have current projects of each starter and all add-ons."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from examples import answers_for, names
from support.github import GitHub, make_bare_repository
from support.machine import Machine
from support.project import Bake, default_context, run

pytestmark = pytest.mark.slow
CONTEXT = default_context()
BRANCHES = [f"examples/{name}" for name in names()]


@pytest.fixture
def github(machine: Machine, template: Path, tmp_path: Path) -> GitHub:
    return GitHub(machine, make_bare_repository(tmp_path / "made", template, machine))


def update_examples(github: GitHub) -> None:
    script = (sys.executable, "tools/examples.py")
    run(*script, cwd=github.clone(), env=github.machine.env)


def test_each_example_has_a_branch_with_a_project(github: GitHub, bake: Bake) -> None:
    main = github.branches["main"]
    update_examples(github)
    assert [*github.branches] == sorted([*BRANCHES, "main"])
    assert github.branches["main"] == main
    for example, branch in zip(names(), BRANCHES, strict=True):
        addresses = {key: CONTEXT[key] for key in CONTEXT if key.endswith("_url")}
        project = bake(**addresses, **answers_for(example))
        # A run's token can't add a workflow file that the template does not have.
        files = [name for name in project.files if not name.endswith("/docs.yml")]
        assert github.files(branch) == files
        for name in files:
            text = (project / name).read_bytes().decode()
            assert github.text(name, branch) == text, name


def test_a_branch_gets_a_commit_only_when_its_project_has_changed(
    github: GitHub,
) -> None:
    update_examples(github)
    before = github.branches
    (name,) = (path for path in github.files() if "api.py" in path and "/src/" in path)
    github.commit({name: f"{github.text(name)}# new\n", "README.md": "new\n"})
    update_examples(github)
    after = github.branches
    changed = [branch for branch in BRANCHES if after[branch] != before[branch]]
    assert changed == ["examples/service", "examples/addons"]
    for branch in changed:
        assert github.git("rev-parse", f"{branch}^") == before[branch]
