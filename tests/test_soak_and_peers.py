"""The soak notices what is left or grows; peers come to a kernel that runs, or do not.

What is made up here are figures and small programs; the short runs are real ones.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT, Machine, need_little, run

sys.path.insert(0, str(ROOT / "benchmarks"))

import peers
import soak
from leavings import BY_DESCENT, Watch, adopting_orphans, kind, temporary_files
from peers import Goal, NotReached, Peer, Result
from soak import Growth, Soak, faults, growth
from workshop import CommandError, Workshop

LEAVES_A_PROCESS = (
    "import subprocess, sys;"
    "sleeper = [sys.executable, '-c', 'import time; time.sleep(600)'];"
    "print(subprocess.Popen(sleeper, start_new_session=True).pid)"
)
BY_TOOLS = Counter({"cookiecutter*/": 1, "tmp*.py": 2})
needs_descent = pytest.mark.skipif(
    sys.platform != "linux",
    reason="only Linux hands a process its orphaned descendants",
)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """A workshop that nobody has worked in."""
    return Workshop(tmp_path)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """A watch on what is left; whatever it still finds at the end, it ends."""
    with adopting_orphans() as adopts:
        watching = Watch(tmp_path, adopts=adopts)
        yield watching
        watching.end(*watching.processes(0))


@pytest.fixture
def made_up() -> Callable[..., Soak]:
    """Return figures of 100 further projects that leave nothing.

    Args:
        project: by how much their time grows over the run, as a share.
        machine: by how much everything slows down meanwhile.
        disk: by how much the room of each grows.
    """

    def figures(project: float = 0, machine: float = 0, disk: float = 0) -> Soak:
        chance = random.Random(1)

        def series(value: float, *shares: float) -> list[float]:
            found = []
            for turn in range(100):
                grown = value * chance.gauss(1, 0.05)
                for share in shares:
                    grown *= 1 + share * turn / 99
                found.append(grown)
            return found

        return Soak(
            seconds=series(3, project, machine),
            control=series(0.25, machine),
            processor=series(1.5, project),
            room=series(13, disk),
            method=BY_DESCENT,
            temporary=Counter({"cookiecutter*/": 101, "tmp*.py": 202}),
            by_tools=BY_TOOLS,
        )

    return figures


# Growth


def test_growth_is_told_as_a_share_of_the_median_over_the_whole_run() -> None:
    assert growth([1.0 + turn / 100 for turn in range(101)]) == pytest.approx(
        Growth(2 / 3, 2 / 3, 2 / 3)
    )
    assert growth([2.0] * 30) == Growth(0, 0, 0)


def test_a_few_slow_projects_are_no_growth() -> None:
    values = [3.0] * 90 + [30.0] * 10
    assert growth(values).share == 0
    assert not growth(values).is_growth


def test_the_interval_of_a_series_without_growth_holds_zero() -> None:
    held = 0
    for seed in range(50):
        chance = random.Random(seed)
        found = growth([chance.gauss(3, 0.3) for _ in range(60)])
        assert found.low <= found.share <= found.high
        held += found.low <= 0 <= found.high
    assert 42 <= held <= 50  # 95 % of 50, and room for chance


def test_projects_that_stay_the_same_and_leave_nothing_have_no_faults(
    made_up: Callable[..., Soak],
) -> None:
    assert faults(made_up()) == []
    assert "Nothing wrong in 101 projects." in soak.as_markdown(made_up(), {})


def test_growing_times_are_a_fault(made_up: Callable[..., Soak]) -> None:
    found = faults(made_up(project=0.3))
    assert [line.split(":")[0] for line in found] == [
        "time beside the control grows",
        "processor time grows",
    ]


def test_a_machine_that_slows_down_is_no_fault(made_up: Callable[..., Soak]) -> None:
    slowed = made_up(machine=0.5)
    assert growth(slowed.seconds).is_growth
    assert faults(slowed) == []


def test_growing_room_on_the_disk_is_a_fault(made_up: Callable[..., Soak]) -> None:
    (found,) = faults(made_up(disk=0.2))
    assert found.startswith("disk grows: ")


def test_of_few_projects_nothing_is_said_about_growth(
    made_up: Callable[..., Soak],
) -> None:
    whole = made_up(project=5.0)
    few = replace(
        whole, seconds=whole.seconds[::10], control=whole.control[::10], room=[13] * 10
    )
    assert soak.judged(few) == {}
    assert "10 further projects are too few" in soak.as_markdown(few, {})


def test_the_table_shows_both_ends_of_the_run_and_what_was_left(
    made_up: Callable[..., Soak],
) -> None:
    shown = soak.as_markdown(made_up(project=0.3), {"cores": "2"})
    lines = [line.strip("|").split("|") for line in shown.splitlines() if "|" in line]
    cells = {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}
    assert cells["time"][0] == "100"
    assert cells["time"][1].endswith(" s")
    assert cells["time"][-1] == "–"
    assert cells["time beside the control"][-1] == "yes"
    assert cells["disk"][-1] == "no"
    assert "- processes left: 0 (every descendant, orphans adopted)" in shown
    assert "- temporary files left: 0, beside 303 by the tools themselves" in shown


# What is left


@pytest.mark.parametrize(
    ("left", "line"),
    [
        ({"processes": ["sleep 600 (soak-3)"]}, "left a process: sleep 600 (soak-3)"),
        ({"temporary": Counter({"mine*/": 1})}, "left 1 temporary: mine*/"),
        ({"temporary": Counter({"tmp*.py": 205})}, "left 3 temporary: tmp*.py"),
        ({"home": [".my-cache"]}, "left in HOME: .my-cache"),
        ({"kernels": ["soak-7"]}, "left a kernel: soak-7"),
        ({"amiss": ["not one kernel"]}, "not one kernel"),
    ],
)
def test_each_thing_that_is_left_is_a_fault(
    made_up: Callable[..., Soak], left: dict[str, list[str]], line: str
) -> None:
    assert faults(replace(made_up(), **left)) == [line]  # type: ignore[arg-type]


def test_temporary_names_are_counted_without_what_is_random(tmp_path: Path) -> None:
    for name in ("tmp1a2b3c4d.py", "tmpx_y_z_w_.py", "uv-b6538259b783822d.lock"):
        (tmp_path / name).touch()
    for name in ("cookiecutter9mn8hs24", "cookiecutterabcdefgh"):
        (tmp_path / name).mkdir()
    (tmp_path / "cookiecutterabcdefgh" / "template").touch()
    assert temporary_files(tmp_path) == {
        "tmp*.py": 2,
        "uv-*.lock": 1,
        "cookiecutter*/": 1,
        "cookiecutter*/…": 1,
    }
    assert kind(tmp_path / "uv-b6538259b783822d.lock") == "uv-*.lock"


@needs_descent
def test_a_process_in_a_session_of_its_own_is_found_and_ended(
    shop: Workshop, watch: Watch
) -> None:
    assert watch.method == BY_DESCENT
    pid = int(shop.run(sys.executable, "-c", LEAVES_A_PROCESS))
    left = watch.processes(0)
    assert list(left) == [pid]
    assert "time.sleep(600)" in left[pid]
    watch.end(pid)
    assert watch.processes(0) == {}
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@needs_descent
@pytest.mark.slow
def test_a_process_that_is_about_to_end_is_not_left(
    shop: Workshop, watch: Watch
) -> None:
    shop.run(sys.executable, "-c", LEAVES_A_PROCESS.replace("600", "0.3"))
    assert watch.processes() == {}


@needs_descent
def test_what_ran_before_the_watch_is_not_held_against_a_project(
    shop: Workshop, tmp_path: Path
) -> None:
    with adopting_orphans() as adopts:
        pid = int(shop.run(sys.executable, "-c", LEAVES_A_PROCESS))
        later = Watch(tmp_path, adopts=adopts)
        assert later.processes(0) == {}
        os.kill(pid, signal.SIGKILL)
        assert later.processes(0) == {}


@needs_descent
def test_without_descent_processes_are_found_by_the_workshop_in_their_command(
    shop: Workshop, watch: Watch
) -> None:
    by_name = Watch(shop.root, adopts=False)
    named = LEAVES_A_PROCESS.replace("600)'", f"600) # {shop.root}'")
    pid = int(shop.run(sys.executable, "-c", named))
    assert list(by_name.processes(0)) == [pid]
    by_name.end(pid)


@needs_descent
def test_a_program_that_leaves_a_process_is_not_waited_for(
    shop: Workshop, watch: Watch
) -> None:
    assert shop.seconds(sys.executable, "-c", LEAVES_A_PROCESS) < 300


def test_a_soak_needs_a_second_project(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        soak.arguments(["--projects", "1"])
    assert "2 or more" in capsys.readouterr().err
    assert soak.arguments([]).projects == 200


def test_a_soak_does_not_begin_where_the_disk_is_too_small(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="MB of free room"):
        soak.check_room(tmp_path, 10**9)


# Peers

TINY = """\
package = "tiny"
commands = [
    'uv venv --quiet --python "$BASE_PYTHON"',
    'uv pip install --quiet --requirements "$REQUIREMENTS" --editable .',
    ".venv/bin/python -m ipykernel install --user --name tiny",
]

[answers]
slug = "tiny-thing"
"""
MANIFEST = """\
[project]
name = "{{ cookiecutter.slug }}"
version = "0.1.0"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["src/tiny"]
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A template that sets nothing up, with a file beside it of what is typed."""
    template = tmp_path / "peers" / "tiny"
    package = template / "{{cookiecutter.slug}}" / "src" / "tiny"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent.parent / "pyproject.toml").write_text(MANIFEST, "utf-8")
    (template / "cookiecutter.json").write_text('{"slug": "none"}', "utf-8")
    template.with_suffix(".toml").write_text(TINY, "utf-8")
    return template


@pytest.fixture
def nothing_needed(tmp_path: Path) -> Goal:
    """A goal that a project without dependencies comes to, with this Python."""
    return Goal(sys.executable, tmp_path / "requirements.txt", (), {})


def test_a_peer_is_what_its_file_says_and_the_command_line_adds(tiny: Path) -> None:
    words = [f"tiny={tiny}/", "--answer", "tiny.slug=other", "--answer", "tiny.a=b=c"]
    (found,) = peers.chosen_peers(peers.arguments(words))
    assert (found.name, found.template, found.package) == ("tiny", tiny, "tiny")
    assert found.answers == {"slug": "other", "a": "b=c"}
    assert len(found.commands) == 3


def test_ours_stands_alone_by_default_and_takes_answers(tmp_path: Path) -> None:
    assert peers.chosen_peers(peers.arguments([])) == []
    options = peers.arguments(["--answer", "ours.environment_manager=pip"])
    assert peers.answers_of("ours", options) == {"environment_manager": "pip"}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ('colour = "red"', "colour is unknown"),
        ('commands = "uv sync"', "commands is unknown, or of another type"),
        ("commands = [", "tiny.toml: "),
        ("commands = []", "package is missing"),
    ],
)
def test_a_file_that_is_no_description_is_refused_in_one_line(
    tiny: Path, change: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.with_suffix(".toml").write_text(change, "utf-8")
    assert peers.main([f"tiny={tiny}"]) == 2
    told = capsys.readouterr().err
    assert line in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("remove", "line"),
    [("tiny.toml", "it says what is typed"), ("tiny/cookiecutter.json", "no render")],
)
def test_a_peer_without_a_file_or_a_way_to_render_is_refused(
    tiny: Path, remove: str, line: str
) -> None:
    (tiny.parent / remove).unlink()
    with pytest.raises(ValueError, match=line):
        peers.chosen_peers(peers.arguments([f"tiny={tiny}"]))


@pytest.mark.parametrize(
    "words",
    [
        ["ours=/x"],
        ["a.b=/x"],
        ["nothing"],
        ["--answer", "who.key=1"],
        ["--rounds", "0"],
    ],
)
def test_options_that_mean_nothing_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        peers.arguments(words)
    assert refused.value.code == 2


@pytest.mark.slow
def test_a_failing_command_is_named_with_its_last_line(
    shop: Workshop, tiny: Path, nothing_needed: Goal
) -> None:
    line = "echo before; echo 'no such package' >&2; exit 3"
    failing = Peer("tiny", tiny, "tiny", commands=("true", line))
    with pytest.raises(NotReached) as reason:
        peers.take_turn(shop, failing, nothing_needed, 1)
    assert str(reason.value) == f"{line}: no such package"
    assert not (shop.root / "tiny-1").exists()


@pytest.mark.slow
def test_without_a_kernel_the_goal_is_not_reached(
    shop: Workshop, tiny: Path, nothing_needed: Goal
) -> None:
    idle = Peer("tiny", tiny, "tiny", commands=("true",))
    with pytest.raises(NotReached, match="no kernels are registered"):
        peers.take_turn(shop, idle, nothing_needed, 1)


@pytest.mark.slow
def test_a_kernel_that_can_not_start_is_not_reached_and_does_not_stay(
    shop: Workshop, tiny: Path, nothing_needed: Goal
) -> None:
    spec = json.dumps({"argv": [sys.executable, "-c", "pass"], "display_name": "x"})
    kernels = "$HOME/.local/share/jupyter/kernels/x"
    line = f"mkdir -p {kernels} && echo '{spec}' >{kernels}/kernel.json"
    broken = Peer("tiny", tiny, "tiny", commands=(line,))
    with pytest.raises(NotReached, match="the kernel does not run"):
        peers.take_turn(shop, broken, nothing_needed, 1)
    assert soak.kernels(shop) == []


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({}, ""),
        ({"package": "no_such_package"}, "No module named 'no_such_package'"),
        ({"distributions": ["no-such-thing"]}, "No module named 'no-such-thing'"),
        ({"versions": {"pytest": "0.1"}}, f"pytest is {pytest.__version__}, locked is"),
        ({"versions": {"no-such-thing": "1"}}, "No package metadata was found"),
    ],
)
@pytest.mark.slow
def test_the_kernel_must_import_everything_in_the_locked_versions(
    wanted: dict[str, object], line: str
) -> None:
    usual = {"distributions": ["pyyaml"], "package": "pytest", "versions": {}}
    code = peers.LOOK.format(**{**usual, **wanted})
    done = run(sys.executable, "-c", code, check=False)
    assert (done.returncode == 0) is (not line)
    assert line in done.stdout


def test_a_tool_of_its_own_renders_in_an_empty_directory(
    shop: Workshop, tiny: Path, nothing_needed: Goal
) -> None:
    line = 'mkdir made && cp "$TEMPLATE/cookiecutter.json" made'
    other = Peer("other", tiny, "tiny", commands=("test -f *.json",), render=line)
    with pytest.raises(NotReached, match="no kernels"):
        peers.take_turn(shop, other, nothing_needed, 1)


def test_a_peer_that_is_not_reached_drops_out_and_the_others_go_on(
    shop: Workshop,
    tiny: Path,
    nothing_needed: Goal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns: list[str] = []

    def take_turn(_: Workshop, peer: Peer, __: Goal, turn: int) -> dict[str, float]:
        turns.append(f"{peer.name}{turn}")
        if peer.name == "bad":
            raise NotReached("because")
        return {"prompts": float(turn)}

    monkeypatch.setattr(peers, "take_turn", take_turn)
    three = [Peer(name, tiny, "tiny") for name in ("ours", "bad", "good")]
    found = peers.measure(shop, three, nothing_needed, 2, lambda line: None)
    assert turns == ["ours0", "bad0", "good0", "good1", "ours1", "good2", "ours2"]
    assert found["good"].seconds == [1.0, 2.0]
    assert (found["bad"].seconds, found["bad"].missed) == ([], "because")


def test_the_table_of_peers_shows_ratios_to_ours_and_who_was_not_reached() -> None:
    three = [Peer(name, ROOT, "x", commands=("a",)) for name in ("ours", "slow", "bad")]
    results = {
        "ours": Result({"prompts": [2.0, 4.0]}),
        "slow": Result({"prompts": [1.0, 2.0], "a": [5.0, 7.0]}),
        "bad": Result(missed="a: no such thing"),
    }
    shown = peers.as_markdown(three, results, {"cores": "2"})
    rows = [[each.strip() for each in line.split("|")] for line in shown.splitlines()]
    assert ["", "slow", "2", "7.50 s", "2.50", "2", ""] in rows
    assert ["", "bad", "–", "not reached", "–", "2", ""] in rows
    assert ["", "a", "–", "6.00 s", ""] in rows
    assert shown.endswith("\nbad: not reached: a: no such thing")


# Short runs


@pytest.mark.slow
def test_a_short_soak_finds_nothing_and_clears_up(
    machine: Machine, scratch: Path, tmp_path: Path, benchmarks: Path
) -> None:
    script = benchmarks / "soak.py"
    file = tmp_path / "figures.json"
    done = machine.run(sys.executable, script, "--projects", "3", "--json", file)
    assert "Nothing wrong in 3 projects." in done.stdout
    figures = json.loads(file.read_text("utf-8"))
    for name in ("seconds", "control", "processor", "room"):
        assert len(figures[name]) == 2
        assert min(figures[name]) > 0
    assert figures["processes"] == figures["kernels"] == figures["home"] == []
    assert list(scratch.iterdir()) == []
    assert machine.kernels == {}


HOOK_LEAVES = f"""
import tempfile
{LEAVES_A_PROCESS}
tempfile.mkdtemp(prefix="mine-")
"""


@pytest.mark.slow
@needs_descent
def test_a_soak_finds_out_a_hook_that_leaves_a_process_and_a_directory(
    shop: Workshop,
) -> None:
    need_little(shop.template)
    hook = shop.template / "hooks" / "post_gen_project.py"
    text = hook.read_text("utf-8")
    head = "from __future__ import annotations\n"
    hook.write_text(text.replace(head, head + HOOK_LEAVES, 1), "utf-8")
    found = faults(soak.make_all(shop, 2, lambda line: None))
    assert [line.partition(" (")[2] for line in found[:2]] == ["soak-1)", "soak-2)"]
    assert all(line.startswith("left a process: ") for line in found[:2])
    assert found[2:] == ["left 2 temporary: mine-*/"]


@pytest.mark.slow
def test_a_short_run_with_two_peers_measures_one_and_tells_why_not_the_other(
    machine: Machine, scratch: Path, tiny: Path, benchmarks: Path
) -> None:
    without = TINY.replace('--requirements "$REQUIREMENTS"', "ipykernel")
    other = tiny.parent / "other.toml"
    other.write_text(without, "utf-8")
    script = benchmarks / "peers.py"
    words = (f"tiny={tiny}", f"other={tiny}", "--file", f"other={other}")
    done = machine.run(sys.executable, script, *words, "--rounds", "1", check=False)
    assert done.returncode == 1, done.stdout
    rows = [
        [each.strip() for each in row.split("|")] for row in done.stdout.split("\n")
    ]
    reached = {row[1]: row for row in rows if len(row) == 7 and row[2] == "1"}
    assert set(reached) == {"ours", "tiny"}
    assert reached["ours"][4:6] == ["1.00", "1"]
    assert float(reached["tiny"][4]) > 0
    assert "other: not reached: the kernel does not run: ModuleNotFound" in done.stdout
    assert list(scratch.iterdir()) == []
    assert machine.kernels == {}
