"""The branches `examples/…` hold what the starters make, and change only with that."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import Bake, Machine, default_context, run
from github_files import WORKFLOWS
from hub import Hub, bare_with, with_a_workflow

pytestmark = pytest.mark.slow
STARTERS = default_context()["starter"]
BRANCHES = [f"examples/{starter}" for starter in STARTERS]


@pytest.fixture
def hub(machine: Machine, template: Path, tmp_path: Path) -> Hub:
    """The template's repository; a workflow of its projects stands here too."""
    source = with_a_workflow(template, tmp_path / "source")
    return Hub(machine, bare_with(tmp_path / "made", source, machine.env))


def renew(hub: Hub, *options: str, check: bool = True) -> str:
    """Do what the workflow does, in a fresh clone, and return what was said."""
    script = (sys.executable, "tools/examples.py", *options)
    return run(*script, cwd=hub.clone(), env=hub.machine.env, check=check).stdout


def test_each_starter_has_a_branch_that_is_what_it_makes(hub: Hub, bake: Bake) -> None:
    main = hub.branches["main"]
    renew(hub)
    assert [*hub.branches] == sorted([*BRANCHES, "main"])
    assert hub.branches["main"] == main
    for starter, branch in zip(STARTERS, BRANCHES, strict=True):
        project = bake(
            project_name=f"Example {starter}",
            author_name="Ada Lovelace",
            author_email="ada@example.com",
            starter=starter,
            python_version=default_context()["python_version"][0],
            environment_manager=default_context()["environment_manager"][0],
        )
        own = f"{WORKFLOWS}/checks.yml"
        assert {*hub.files(branch)} == {*project.files, own}
        for name in project.files:
            text = (project / name).read_bytes().decode()
            assert hub.text(name, branch) == text, name


def test_a_branch_gets_a_commit_when_its_files_have_changed(hub: Hub) -> None:
    renew(hub)
    before = hub.branches
    assert "up to date" in renew(hub)
    hub.commit({"README.md": "not in the projects\n"})
    renew(hub)
    assert {branch: hub.branches[branch] for branch in BRANCHES} == {
        branch: before[branch] for branch in BRANCHES
    }
    name = next(path for path in hub.files() if "commands_model.py" in path)
    hub.commit({name: f"{hub.text(name)}# new\n"})
    renew(hub)
    after = hub.branches
    changed = [branch for branch in BRANCHES if after[branch] != before[branch]]
    assert changed == ["examples/model", "examples/service"]
    for branch in changed:
        assert hub.git("rev-parse", f"{branch}^") == before[branch]
    head = hub.git("rev-parse", "--short", "main")
    assert hub.git("log", "-1", "--format=%s", changed[0]).endswith(f"commit {head}")


def test_where_no_workflow_file_may_be_pushed_the_examples_have_none(hub: Hub) -> None:
    # Stricter than GitHub, which takes what stands on another branch.
    hook = hub.path / "hooks/pre-receive"
    strict = hook.read_text("utf-8").replace(
        "old=refs/heads/main; fi", "old=$(git hash-object -t tree /dev/null); fi"
    )
    hook.write_text(strict, encoding="utf-8", newline="\n")
    renew(hub)
    for branch in BRANCHES:
        assert not [path for path in hub.files(branch) if path.startswith(WORKFLOWS)]
    before = hub.branches
    assert renew(hub).count("up to date") == len(BRANCHES)
    assert hub.branches == before


def test_a_branch_that_takes_no_push_is_left_and_told(hub: Hub) -> None:
    (hub.path / "protected").write_text("refs/heads/examples/model\n")
    said = renew(hub, check=False)
    assert "examples/model is as it was: the repository does not take" in said
    assert "examples/model" not in hub.branches
    assert {"examples/analysis", "examples/service"} < {*hub.branches}


def test_a_dry_run_pushes_nothing(hub: Hub) -> None:
    before = hub.branches
    assert renew(hub, "--dry-run").count("would get") == len(BRANCHES)
    assert hub.branches == before
