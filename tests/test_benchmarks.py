"""The benchmark counts right, measures for real, and leaves nothing behind.

No figure is held against its aim here: a slow machine is no fault of a change.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Bake, Machine, run

sys.path.insert(0, str(ROOT / "benchmarks"))

import images
import load
from accounting import Ledger, bytes_used, can_link, ratio
from by_hand import commands
from run import (
    Comparison,
    Figures,
    Whole,
    arguments,
    as_json,
    as_markdown,
    compared,
    environment_managers,
)
from workshop import CACHES, CommandError, Workshop

KIBIBYTES_64 = 64 * 1024  # bytes: whole blocks on every file system


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A cache of one file of 64 KiB, and a project that holds it as a hard link."""
    for name in ("cache", "project"):
        (tmp_path / name).mkdir()
    (tmp_path / "cache" / "wheel").write_bytes(os.urandom(KIBIBYTES_64))
    try:
        (tmp_path / "project" / "module").hardlink_to(tmp_path / "cache" / "wheel")
    except OSError:
        pytest.skip("this file system has no hard links")
    return tmp_path


def own_size(*paths: Path) -> int:
    """Return the bytes on the disk of these files and directories themselves."""
    return sum(bytes_used(path.lstat()) for path in paths)


def test_a_hard_link_to_the_cache_takes_no_room(tree: Path) -> None:
    ledger = Ledger()
    of_cache = ledger.grow(tree / "cache")
    of_project = ledger.grow(tree / "project")
    assert of_cache == own_size(tree / "cache", tree / "cache" / "wheel")
    assert of_project == own_size(tree / "project")


def test_a_project_counted_alone_takes_the_room_of_its_links(tree: Path) -> None:
    whole = Ledger().grow(tree / "project")
    assert whole == own_size(tree / "project", tree / "cache" / "wheel")
    assert whole >= KIBIBYTES_64


def test_links_within_a_tree_are_counted_once(tree: Path) -> None:
    once = Ledger().grow(tree / "project")
    (tree / "project" / "again").hardlink_to(tree / "cache" / "wheel")
    grown = own_size(tree / "project")  # a directory may need a block for the name
    assert Ledger().grow(tree / "project") <= once + grown


def test_what_is_new_or_has_grown_since_is_counted(tree: Path) -> None:
    ledger = Ledger()
    ledger.grow(tree)
    assert ledger.grow(tree) == 0
    (tree / "project" / "new").write_bytes(os.urandom(KIBIBYTES_64))
    with (tree / "cache" / "wheel").open("ab") as file:
        file.write(os.urandom(KIBIBYTES_64))
    assert ledger.grow(tree) >= 2 * KIBIBYTES_64
    assert ledger.grow(tree) == 0


def test_directories_are_also_counted_by_themselves(tree: Path) -> None:
    ledger = Ledger()
    ledger.grow(tree)
    assert ledger.directories == own_size(tree, tree / "cache", tree / "project")


def test_symbolic_links_are_not_followed(tree: Path) -> None:
    (tree / "aside").mkdir()
    try:
        (tree / "aside" / "cache").symlink_to(tree / "cache", target_is_directory=True)
    except OSError:
        pytest.skip("symbolic links can't be made here")
    assert Ledger().grow(tree / "aside") < KIBIBYTES_64


def test_a_directory_that_does_not_exist_takes_no_room(tmp_path: Path) -> None:
    assert Ledger().grow(tmp_path / "none") == 0


def test_links_can_be_made_to_a_cache_that_is_yet_to_be_made(tmp_path: Path) -> None:
    assert can_link(tmp_path / "cache" / "uv", tmp_path)


def test_a_ratio_is_that_of_the_medians() -> None:
    assert ratio([3.0, 100.0, 2.0], [2.0, 1.0, 2.0, 50.0]) == 1.5


@pytest.mark.parametrize(
    ("values", "absolute", "met"),
    [([1.5], False, True), ([1.6], False, False), ([1.5], True, False)],
)
def test_an_aim_bounds_the_ratio_or_the_median(
    values: list[float], absolute: bool, met: bool
) -> None:
    aim = 1.4 if absolute else 1.5
    line = Comparison("ours", "s", values, "theirs", [1.0], aim, absolute)
    assert line.is_met is met
    assert Comparison("ours", "s", values, "theirs", [1.0]).is_met is None


def test_the_table_shows_medians_units_ratios_and_aims() -> None:
    line = Comparison("ours", "s", [1.0, 2.0, 9.0], "theirs", [4.0], aim=1.0)
    steps = {
        "uv": {"first": [0.1], "uv sync": [0.5, 0.7], "git add": [1.0]},
        "pip": {"first": [0.2], "pip install": [20.0], "git add": [3.0]},
    }
    figures = Figures({"cores": "2"}, [line], steps)
    table = as_markdown(figures)
    cells = ["ours", "3", "2.00 s", "theirs: 4.00 s", "0.50", "≤ 1.0: met"]
    lines = [line.strip("|").split("|") for line in table.splitlines()]
    rows = [[cell.strip() for cell in line] for line in lines]
    assert table.startswith("cores 2\n")
    assert cells in rows
    assert rows[-4:] == [
        ["first", "0.10 s", "0.20 s"],
        ["uv sync", "0.60 s", "–"],
        ["pip install", "–", "20.0 s"],
        ["git add", "1.00 s", "3.00 s"],
    ]
    assert json.loads(as_json(figures))["comparisons"][0]["values"] == [1.0, 2.0, 9.0]


def test_quick_is_shorter_and_every_number_can_be_given() -> None:
    full, quick = arguments([]), arguments(["--quick", "--pip-projects", "0"])
    assert (full.projects, full.pip_projects) == (20, 20)
    assert quick.projects < full.projects
    assert quick.renderings < full.renderings
    assert quick.pip_projects == 0
    assert (full.colds, quick.colds) == (1, 0)


def test_the_managers_are_all_or_those_that_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert arguments([]).managers == environment_managers()
    assert arguments(["--managers", "pip,uv"]).managers == ["uv", "pip"]
    with pytest.raises(SystemExit):
        arguments(["--managers", "uv,conda"])
    assert "conda is not on offer" in capsys.readouterr().err


def test_each_manager_is_held_against_its_commands_by_hand_and_the_first() -> None:
    uv = Whole([2.0], {"uv sync": [3.0], "git init": [1.0]})
    pip = Whole([30.0], {"pip install": [40.0]})
    lines = compared({"uv": uv, "pip": pip}, "warm")
    assert [(line.name, line.ratio, line.aim) for line in lines] == [
        ("warm, uv", 0.5, 1.0),
        ("warm, pip", 0.75, 1.0),
        ("    beside uv", 15.0, None),
    ]


@pytest.mark.parametrize("manager", environment_managers())
def test_what_is_typed_by_hand_is_known_for_every_manager(
    bake: Bake, manager: str
) -> None:
    project = bake(environment_manager=manager).path
    steps = commands(manager, project, "python")
    assert list(steps)[-5:] == [
        "ipykernel install",
        "git init",
        "git add",
        "git commit",
        "pre-commit install",
    ]
    needed = {file for command in steps.values() for file in command if ".in" in file}
    assert len(steps) > 5
    assert all((project / file).is_file() for file in needed)


def test_empty_caches_are_empty_for_every_manager_and_go_away(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    warm = shop.environment
    with shop.empty_caches():
        cold = {name: Path(shop.environment[name]) for name in CACHES}
        assert all(tmp_path in path.parents for path in cold.values())
        (tmp_path / "cold" / "wheel").write_text("downloaded")
    assert shop.environment == warm
    assert all(tmp_path not in Path(warm[name]).parents for name in CACHES)
    assert not (tmp_path / "cold").exists()


def test_one_project_is_no_further_project(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(["--projects", "1"])
    assert "needs a first" in capsys.readouterr().err


def test_a_load_is_compared_with_that_of_the_first_line() -> None:
    bare = [load.Load(1000, 1, 2), load.Load(3000, 1, 2), load.Load(2000, 1, 2)]
    table = load.as_markdown({"bare": bare, "ours": [load.Load(100, 10, 30)]})
    rows = [[cell.strip() for cell in row.split("|")] for row in table.splitlines()]
    assert rows[2][1:-1] == ["bare", "2000", "1.00", "1.0", "2.0", "1.0"]
    assert rows[3][1:-1] == ["ours", "100", "0.05", "10.0", "30.0", "15.0"]


def test_an_image_is_its_base_its_dependencies_and_the_rest() -> None:
    base = [(5, "RUN echo"), (200, "ADD rootfs")]
    image = [(0, "LABEL"), (2, "COPY /package/opt/venv /opt/venv # buildkit")]
    image += [(500, "COPY /opt/venv /opt/venv # buildkit"), (1, "RUN install"), *base]
    assert images.sizes(image, base) == (708, 500, 3)
    with pytest.raises(CommandError, match="one layer"):
        images.sizes(base, [])


def test_of_the_build_cache_only_the_steps_of_the_project_go_away() -> None:
    lines = [
        ("base", "known", "from local"),
        ("manager", "base", "pip install uv"),
        ("dependencies", "manager", "venv --prompt cds-bench-1"),
        ("prod", "base", "COPY --from=dependencies"),
        ("package", "prod, dependencies", "COPY --from=package"),
        ("other", "known", "venv --prompt cds-bench-2"),
        ("source", "", "local source for context"),
    ]
    heads = ("ID", "Parent", "Description")
    records = [dict(zip(heads, each, strict=True)) for each in lines]
    ours = {"base", "manager", "dependencies", "prod", "package"}
    assert images.related(records, "cds-bench-1") == ours
    assert images.related(records, "cds-bench-3") == set()


@pytest.mark.parametrize("docker", ["is missing", "has no engine"])
@pytest.mark.slow
def test_without_an_engine_one_line_says_so(
    docker: str, machine: Machine, tmp_path: Path
) -> None:
    if docker == "is missing":
        machine.hide("docker")
    machine.env["DOCKER_HOST"] = f"unix://{tmp_path}/none.sock"
    script = ROOT / "benchmarks" / "images.py"
    done = machine.run(sys.executable, script, check=False)
    assert (done.returncode, done.stdout) == (1, f"{images.NO_ENGINE}\n")


@pytest.mark.slow
@pytest.mark.usefixtures("engine")
def test_a_short_run_with_an_engine_leaves_no_image(
    machine: Machine, scratch: Path, benchmarks: Path
) -> None:
    script = benchmarks / "images.py"
    counts = ("--builds", "1", "--no-again", "--edits", "1", "--packages", "0")
    done = machine.run(sys.executable, script, *counts, "--starter", "analysis")
    assert "| after an edit in src " in done.stdout
    assert list(scratch.iterdir()) == []
    left = machine.run("docker", "images", "--filter", "reference=cds-bench-*:*")
    assert "cds-bench-" not in left.stdout


@pytest.mark.slow
def test_a_short_load_is_measured_and_cleared_up(
    machine: Machine, scratch: Path
) -> None:
    script = ROOT / "benchmarks" / "load.py"
    counts = ("--turns", "1", "--seconds", "1", "--connections", "2")
    done = machine.run(sys.executable, script, *counts)
    assert "| /predict, 1 penguin " in done.stdout
    assert list(scratch.iterdir()) == []


@pytest.mark.slow
def test_a_short_run_measures_everything_and_clears_up(
    machine: Machine, scratch: Path, tmp_path: Path, benchmarks: Path
) -> None:
    counts = ("--renderings", "1", "--wholes", "1", "--projects", "2")
    script = benchmarks / "run.py"
    done = run(
        *(sys.executable, script, *counts, "--colds", "1", "--pip-projects", "0"),
        *("--managers", "uv"),
        *("--json", tmp_path / "figures.json"),
        cwd=machine.work,
        env=machine.env,
    )
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    names = [line["name"] for line in figures["comparisons"]]
    assert len(names) == 3 + 3
    free = tmp_path.stat().st_blocks == 0  # directories take no room in memory
    for line in figures["comparisons"]:
        name = line["name"].strip()
        assert all(value > 0 for value in line["reference"]), line
        if free and name == "in directories alone":
            assert not any(line["values"]), line
        else:
            assert all(value > 0 for value in line["values"]), line
        assert name in done.stdout
    assert set(figures["seconds_by_hand"]["uv"]) > {"uv sync", "pre-commit install"}
    assert figures["machine"]["cores"].isdecimal()
    assert list(scratch.iterdir()) == []
    assert machine.kernels == {}
    assert list(machine.work.iterdir()) == []
