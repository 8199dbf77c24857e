"""What the set-up decides, without one: its steps, its commands, what it says next."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import new
import pyte
import pytest
from conftest import ROOT, Bake, default_context, run
from journey import STEPS

sys.path.insert(0, str(ROOT / "hooks"))

import post_gen_project as hook

CONTEXT = default_context()
URL = "https://packages.example.com/team/simple/"
HERE = "{}.{}".format(*sys.version_info)


def answers(**changed: Any) -> dict[str, Any]:
    """Return the answers of a person who presses Enter, but for some."""
    first = {k: v[0] for k, v in CONTEXT.items() if isinstance(v, list) and k[0] != "_"}
    plain = {"project_slug": "my-analysis", "package_name": "my_analysis"}
    return {**CONTEXT, **first, **plain, **changed}


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> hook.Tools:
    """What runs programs, on a machine without credentials, away from the checkout."""
    monkeypatch.chdir(tmp_path)
    for name in ("PACKAGE_INDEX_USERNAME", "PACKAGE_INDEX_PASSWORD", "UV"):
        monkeypatch.delenv(name, raising=False)
    return hook.Tools(answers())


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of PATH, but for the shell."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def does(directory: Path, name: str, script: str) -> Path:
    """Put a program there that does this."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def says(directory: Path, name: str, text: str, status: int = 0) -> Path:
    """Put a program there that says this."""
    return does(directory, name, f"echo '{text}'\nexit {status}")


def machine(**changed: Any) -> hook.Machine:
    """Return what a look at a machine tells that lacks nothing, but for some."""
    nothing = hook.Machine("git", None, has_identity=True, workspace=None)
    return nothing._replace(**changed)


def planned(tools: hook.Tools, there: hook.Machine) -> dict[str, hook.Step]:
    """Return the steps on such a machine, by name."""
    steps = hook.plan(tools, answers(), there, Path("/nowhere/my-analysis"))
    return {step.name: step for step in steps}


# The steps


def test_every_step_waits_for_what_it_needs(tools: hook.Tools) -> None:
    steps = planned(tools, machine())
    assert [*steps] == [*STEPS]
    ready = ("repository", "environment")
    needs = {name: step.needs for name, step in steps.items()}
    assert needs == {
        "repository": (),
        "environment": (),
        "kernel": ("environment",),
        "git hooks": ready,
        "first commit": ready,
    }
    assert [step.verb for step in steps.values()] == [
        *("repository", "install", "kernel", "hooks", "repository")
    ]


def test_in_another_repository_nothing_is_committed(tools: hook.Tools) -> None:
    there = machine(outer_repository=Path("/nowhere"))
    assert [*planned(tools, there)] == [*STEPS[:3]]
    with pytest.raises(hook.Problem) as raised:
        hook.make_repository(tools, there)
    assert (raised.value.verbs, raised.value.mark) == ((), "skipped")
    assert "none: the directory lies in that of /nowhere" in raised.value.reason
    assert "'make repository'" in raised.value.reason


def test_who_git_does_not_know_is_told_so_at_once(tools: hook.Tools) -> None:
    assert planned(tools, machine(has_identity=False))["first commit"].needs == ()
    without = planned(tools, machine(git=None, has_identity=False))
    assert without["first commit"].needs == ("repository", "environment")
    given = answers(author_name="Zoë O'Neill", author_email="zoe@example.org")
    with pytest.raises(hook.Problem) as raised:
        hook.commit(tools, given, machine(has_identity=False))
    assert raised.value.first == (
        "git config --global user.name 'Zoë O'\"'\"'Neill'",
        "git config --global user.email zoe@example.org",
    )


def test_who_a_person_is_git_is_asked(
    tools: hook.Tools, programs: Path, tmp_path: Path
) -> None:
    project = tmp_path / "work" / "my-analysis"
    looked = hook.look(tools, answers(), project)
    assert looked == hook.Machine(None, None, has_identity=False, workspace=None)
    for status in (1, 0):
        git = says(programs, "git", "", status)
        looked = hook.look(tools, answers(), project)
        assert (looked.git, looked.has_identity) == (str(git), status == 0)


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGHUP")
def test_what_is_ignored_stays_ignored_while_tools_run(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under nohup, say."""
    monkeypatch.setattr(hook, "foreground_kept", contextlib.nullcontext)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    at_rest = signal.getsignal(signal.SIGTERM)
    try:
        with hook.signals_heeded(tools):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not at_rest
        assert signal.getsignal(signal.SIGTERM) is at_rest
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(os.name == "nt", reason="Windows knows two of them")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("SIGINT", "stopped by Ctrl-C"),
        ("SIGQUIT", "stopped by Ctrl-\\"),
        ("SIGTERM", "stopped: asked to end"),
        ("SIGHUP", "stopped: the terminal was closed"),
    ],
)
def test_what_would_end_the_set_up_ends_its_tools(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    monkeypatch.setattr(hook, "foreground_kept", contextlib.nullcontext)
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with hook.signals_heeded(tools):
            handler = signal.getsignal(number)
    finally:
        signal.signal(number, before)
    assert callable(handler)
    handler(number, None)
    assert tools.stopped_by == reason


def outcome(name: str, verb: str, problem: hook.Problem | None) -> hook.Outcome:
    """Return how a step ended."""
    return hook.Outcome(hook.Step(name, lambda: "", verb), "", problem, 0)


@pytest.mark.parametrize(
    ("verbs", "command"),
    [
        ([], ""),
        (["kernel"], "make kernel"),
        (["install", "kernel"], "make install"),
        (["kernel", "hooks"], "make kernel hooks"),
        (["repository", "hooks"], "make repository"),
        (["repository", "install", "kernel", "hooks"], "make install repository"),
        (["install", "bootstrap"], "make bootstrap install"),
    ],
)
def test_one_command_does_what_is_left(verbs: list[str], command: str) -> None:
    failed = [outcome(verb, verb, hook.Problem("")) for verb in verbs]
    assert hook.resuming([outcome("done", "lock", None), *failed]) == command


def test_what_must_come_first_comes_first() -> None:
    problem = hook.Problem("", first=("mv a b", "cd b"), verbs=("install",))
    ended = [outcome("environment", "kernel", problem)]
    assert hook.resuming(ended) == "mv a b && cd b && make install"
    nothing = hook.Problem("", verbs=(), mark="skipped")
    assert hook.resuming([outcome("repository", "repository", nothing)]) == ""


class Lines(hook.Report):
    """A report that is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ""

    def write(self, text: str) -> None:
        self.said += text


@pytest.mark.parametrize(
    ("encoding", "said"), [("utf-8", "  ✓ kernel        é\n"), ("ascii", "  + kernel")]
)
def test_a_terminal_without_the_signs_gets_others(
    monkeypatch: pytest.MonkeyPatch, encoding: str, said: str
) -> None:
    shown = io.BytesIO()
    stdout = io.TextIOWrapper(shown, encoding, newline="\n")
    monkeypatch.setattr(sys, "stdout", stdout)
    report = hook.Report()
    assert stdout.errors == "replace"  # so that no other letter is one too many
    report.line("done", "kernel", "é")
    assert shown.getvalue().decode(encoding).startswith(said)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert hook.Report().marks["done"] == "+"  # what it takes is not known


class Terminal(io.TextIOWrapper):
    """A terminal, which keeps what is written to it."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding, newline="\r\n")

    def isatty(self) -> bool:
        return True

    @property
    def written(self) -> str:
        """All that has arrived."""
        raw = self.buffer
        assert isinstance(raw, io.BytesIO)
        return raw.getvalue().decode(self.encoding)

    @property
    def screen(self) -> list[str]:
        """What a person sees in the end."""
        screen = pyte.Screen(80, 9)
        pyte.Stream(screen).feed(self.written)
        return [line.rstrip() for line in screen.display if line.strip()]


@pytest.mark.parametrize(
    ("encoding", "frames", "mark"),
    [("utf-8", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "✓"), ("ascii", "|/-\\", "+")],
)
def test_a_terminal_shows_what_is_at_work_until_it_is_done(
    monkeypatch: pytest.MonkeyPatch, encoding: str, frames: str, mark: str
) -> None:
    terminal = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    report = hook.Report()
    report.spin([])
    assert terminal.written == ""
    report.spin(["kernel", "git hooks"])
    (line,) = terminal.screen
    assert line.split()[0] in frames
    assert "kernel, git hooks" in line
    report.line("done", "kernel", "there", 2.5)
    assert terminal.screen == [f"  {mark} kernel        there  2.5 s"]


@pytest.mark.parametrize(
    ("name", "value", "moves", "colours"),
    [
        ("TERM", "xterm", True, True),
        ("TERM", "dumb", False, False),
        ("NO_COLOR", "1", True, False),
    ],
)
def test_a_terminal_gets_the_sequences_that_it_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, moves: bool, colours: bool
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv(name, value)
    report = hook.Report()
    report.spin(["kernel"])
    report.line("done", "kernel", "there")
    assert ("\033[K" in terminal.written) == moves
    assert bool(re.search(r"\033\[\d+m", terminal.written)) == colours
    assert ("…" in terminal.written) == moves


def test_what_is_no_terminal_gets_only_what_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    report = Lines()
    report.spin(["kernel"])
    report.spin([])
    assert report.said == ""


def test_an_output_that_nobody_reads_ends_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import post_gen_project as hook"
    )
    words = [
        sys.executable,
        "-Bc",
        f"{code}; hook.Report().write('x')",
        str(ROOT / "hooks"),
    ]
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def carried_out(tools: hook.Tools, *steps: hook.Step) -> tuple[dict[str, str], str]:
    """Carry out steps and return the mark of each, and what was said."""
    report = Lines()
    outcomes = hook.carry_out(steps, tools, report)
    marks = {e.step.name: e.problem.mark if e.problem else "done" for e in outcomes}
    return marks, report.said


def fail() -> str:
    """Be a step that can't be done."""
    raise hook.Problem("no room", output="WARNING: a\nWARNING: b\nlast words")


def break_down() -> str:
    """Be a step with a fault of its own."""
    raise ValueError("what?")


def test_a_step_is_left_out_when_what_it_needs_has_failed(tools: hook.Tools) -> None:
    marks, said = carried_out(
        tools,
        hook.Step("one", lambda: "made", "one"),
        hook.Step("two", fail, "two", ("one",)),
        hook.Step("three", lambda: "never", "three", ("two",)),
        hook.Step("four", break_down, "four"),
        hook.Step("five", lambda: "after", "five", ("one",)),
    )
    assert marks == {
        "one": "done",
        "two": "failed",
        "three": "waits",
        "four": "failed",
        "five": "done",
    }
    assert "✓ one           made" in said
    assert "✗ two           no room\n" in said
    assert "    | WARNING: b\n    | last words\n" in said
    assert "WARNING: a" not in said
    assert "· three         waits for the two\n" in said
    assert "✗ four          ValueError: what?\n" in said
    assert "never" not in said


def test_nothing_is_begun_once_the_tools_are_stopped(tools: hook.Tools) -> None:
    tools.stop("stopped by Ctrl-C")
    marks, said = carried_out(tools, hook.Step("one", lambda: "never", "one"))
    assert marks == {"one": "waits"}
    assert "· one           stopped by Ctrl-C\n" in said
    with pytest.raises(hook.Problem, match="stopped by Ctrl-C"):
        tools.start(["true"])
    with pytest.raises(hook.Problem, match="stopped by Ctrl-C"):
        hook.version_of(tools, sys.executable)
    tools.stop("stopped again")
    assert tools.stopped_by == "stopped by Ctrl-C"


@pytest.mark.skipif(os.name == "nt", reason="the program is the shell's")
def test_when_cookiecutter_has_ended_nothing_runs_on(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getppid", lambda: int(bool(tools.running)))
    marks, said = carried_out(
        tools,
        hook.Step("one", lambda: tools.run(["sleep", "9"]), "one"),
        hook.Step("two", lambda: "never", "two", ("one",)),
    )
    assert marks == {"one": "failed", "two": "waits"}
    assert "✗ one           stopped: cookiecutter has ended\n" in said
    assert "· two           stopped: cookiecutter has ended\n" in said


def test_what_is_at_work_is_told_again_and_again(tools: hook.Tools) -> None:
    told: list[list[str]] = []
    again = threading.Event()

    class Turning(Lines):
        def spin(self, names: list[str]) -> None:
            told.append(names)
            if len(told) > 1:
                again.set()

    step = hook.Step("one", lambda: str(again.wait(9)), "one")
    (ended,) = hook.carry_out([step], tools, Turning())
    assert ended.detail == "True"
    assert told[:2] == [["one"], ["one"]]


@pytest.mark.parametrize(
    ("failing", "titles"),
    [
        ((), ["Next:"]),
        (("kernel",), ["The project is kept. To go on:", "Next:"]),
        (("environment",), ["The project is kept. To go on:"]),
    ],
)
def test_it_ends_with_what_is_left_to_do_and_what_can_be_done(
    tools: hook.Tools,
    monkeypatch: pytest.MonkeyPatch,
    failing: tuple[str, ...],
    titles: list[str],
) -> None:
    steps = [
        hook.Step(name, fail if name in failing else lambda: "made", "install")
        for name in ("repository", "environment", "kernel")
    ]
    monkeypatch.setattr(hook, "look", lambda *_: machine())
    monkeypatch.setattr(hook, "plan", lambda *_: steps)
    monkeypatch.setattr(hook, "signals_heeded", contextlib.nullcontext)
    report = Lines()
    hook.set_up(tools, answers(), Path("/nowhere/mine"), report)
    assert re.findall(r"(?m)^\w.*:$", report.said) == titles
    assert ("  cd /nowhere/mine && make install\n" in report.said) == bool(failing)


def test_a_missing_make_is_told_with_the_command(
    programs: Path,
) -> None:
    report = Lines()
    hook.tell_command(report, "To go on:", "mine", "make install")
    assert report.said.splitlines() == [
        *("", "To go on:", "  cd mine && make install"),
        "  ('make' is not on this machine: install it before)",
    ]
    says(programs, "make", "")
    report = Lines()
    hook.tell_command(report, "To go on:", "mine", "make install")
    assert "is not on this machine" not in report.said


def test_who_is_ready_is_told_what_to_do_next() -> None:
    report = Lines()
    hook.tell_next_steps(report, "mine")
    assert report.said.splitlines() == [
        *("", "Next:", "  cd mine"),
        "  make lab     opens notebooks/01-explore.ipynb in the project's kernel",
        "  make test    runs the tests",
        "  make         lists everything else",
    ]


AT_A_TERMINAL = """
import os, sys
sys.path.insert(0, sys.argv[1])
import post_gen_project as hook
def alone():
    return os.getpgrp() == os.getpid() == os.tcgetpgrp(0)
group = os.getpgrp()
before = alone()
with hook.signals_heeded(None):
    meanwhile = alone()
print(before, meanwhile, os.getpgrp() == os.tcgetpgrp(0) == group)
with hook.foreground_kept():
    os.closerange(3, 99)  # as if the terminal were gone
print(True)
"""


@pytest.mark.parametrize(
    ("how", "alone"),
    [
        ("{}; exit $?", ["False", "True", "True", "True"]),
        ("set -m; {} & wait", ["False", "False", "False", "True"]),  # not its turn
    ],
    ids=["in the foreground", "in the background"],
)
def test_what_is_typed_at_a_terminal_is_for_the_set_up_alone_while_it_runs(
    how: str, alone: list[str]
) -> None:
    pexpect = pytest.importorskip("pexpect")
    if not hasattr(pexpect, "spawn"):
        pytest.skip("pseudo-terminals are not on Windows")
    hooks = str(ROOT / "hooks")
    words = shlex.join([sys.executable, "-c", AT_A_TERMINAL, hooks])
    terminal = pexpect.spawn("/bin/sh", ["-c", how.format(words)], encoding="utf-8")
    assert terminal.read().split() == alone
    terminal.close()


def test_where_there_are_no_foreground_groups_none_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On Windows."""
    monkeypatch.delattr(os, "tcsetpgrp", raising=False)
    with hook.foreground_kept():
        pass


# Programs


def test_a_program_that_fails_is_told_by_its_first_words(
    tools: hook.Tools, tmp_path: Path
) -> None:
    program = str(says(tmp_path, "uv", "no network", status=1))
    with pytest.raises(hook.Problem) as raised:
        tools.run([program, "--quiet", "sync", "all", "of", "it"])
    assert raised.value.reason == "'uv sync all' failed:"
    assert raised.value.output == "no network"
    assert not tools.succeeds([program])
    with pytest.raises(hook.Problem, match="No such file"):
        tools.run([str(tmp_path / "missing")])
    assert tools.running == []


@pytest.mark.skipif(os.name == "nt", reason="the program is the shell's")
def test_both_streams_of_a_program_are_read(tools: hook.Tools) -> None:
    assert tools.run(["sh", "-c", "echo out; echo error >&2"]) == "out\nerror"


def test_a_program_that_goes_on_is_ended_with_all_it_started(tools: hook.Tools) -> None:
    process = tools.start(["sh", "-c", "sleep 60 & wait"])
    began = time.monotonic()
    tools.stop("stopped")
    assert process.returncode == -15
    assert process.communicate()[0] == b""  # comes when nobody can write any more
    assert time.monotonic() - began < 30


def test_a_program_that_does_not_listen_is_killed(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "PATIENCE", 0.1)
    process = tools.start(["sh", "-c", "trap '' TERM; echo deaf; sleep 60"])
    assert process.stdout is not None
    assert process.stdout.readline() == b"deaf\n"
    tools.stop("stopped")
    assert process.wait(30) == -9


def test_all_programs_are_asked_to_end_before_one_is_waited_for(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, str]] = []
    monkeypatch.setattr(hook, "end", lambda *asking: asked.append(asking))
    deaf, quick = Mock(), Mock()
    deaf.wait.side_effect = subprocess.TimeoutExpired("deaf", 1)
    tools.running = [deaf, quick]
    tools.stop("stopped")
    assert asked == [(deaf, "SIGTERM"), (quick, "SIGTERM"), (deaf, "SIGKILL")]


def test_on_windows_a_program_is_ended_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = Mock()
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        hook.end(process, "SIGTERM")
    process.terminate.assert_called_once_with()


def test_what_would_mislead_the_tools_is_kept_from_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in hook.MISLEADING:
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("HTTPS_PROXY", "proxy")
    told = hook.Tools(answers()).environment
    assert {"VIRTUAL_ENV", "PYTHONPATH", "UV_INDEX"} <= {*hook.MISLEADING}
    assert not {*hook.MISLEADING} & {*told}
    assert told["HTTPS_PROXY"] == "proxy"
    assert told["PYTHONDONTWRITEBYTECODE"] == "1"
    assert told.items() >= hook.exports(answers()).items()


@pytest.mark.parametrize("root", ["PYENV_ROOT", "HOME"])
def test_the_pythons_of_pyenv_are_within_reach_after_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str
) -> None:
    pyenv = tmp_path if root == "PYENV_ROOT" else tmp_path / ".pyenv"
    for version in ("3.12.9", "3.12.1", "3.13.0"):
        (pyenv / "versions" / version / "bin").mkdir(parents=True)
    for name in ("PYENV_ROOT", "HOME", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(root, str(tmp_path))
    found = [str(pyenv / "versions" / each / "bin") for each in ("3.12.1", "3.12.9")]
    assert hook.pyenv_pythons("3.12") == found
    told = hook.Tools(answers(python_version="3.12")).environment["PATH"]
    assert told == os.pathsep.join([os.environ["PATH"], *found])


def test_git_is_led_to_no_other_repository() -> None:
    """By what git itself sets for the hooks and aliases that it runs."""
    names = {name for name in hook.MISLEADING if name.startswith("GIT_")}
    assert names == {
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE"),
        *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
        "GIT_COMMON_DIR",
    }


@pytest.mark.parametrize(
    ("version", "runner", "wanted"),
    [
        ("uv 0.10.1", None, ["uv"]),
        ("uv 0.6", None, ["uv"]),
        ("uv 0.5.9", "uvx", ["uvx", "--from", "uv>=0.6", "uv"]),
        ("", "uvx", ["uvx", "--from", "uv>=0.6", "uv"]),
        ("", "pipx", ["pipx", "run", "--spec", "uv>=0.6", "uv"]),
    ],
)
def test_a_manager_is_run_as_it_is_or_by_what_can_get_it(
    tools: hook.Tools,
    programs: Path,
    version: str,
    runner: str | None,
    wanted: list[str],
) -> None:
    if version:
        says(programs, "uv", version)
    if runner:
        says(programs, runner, "")
    found = hook.find_program(tools, "uv", "0.6")
    assert [Path(found[0]).name, *found[1:]] == wanted


def test_a_manager_that_is_nowhere_is_got_by_make(
    tools: hook.Tools, programs: Path
) -> None:
    for text, reason in (
        ("", "uv is not on this machine"),
        ("uv 0.5", "uv 0.5 is too old, 0.6 or newer is needed"),
        ("no version at all", "uv is not on this machine"),
        ("broken", "uv is not on this machine"),
    ):
        if text:
            says(programs, "uv", text, status=int(text == "broken"))
        with pytest.raises(hook.Problem) as raised:
            hook.find_program(tools, "uv", "0.6")
        assert raised.value.reason == reason
        assert raised.value.verbs == ("bootstrap", "install")


def test_the_uv_that_runs_cookiecutter_serves(
    tools: hook.Tools, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (programs / "elsewhere").mkdir()
    uv = str(says(programs / "elsewhere", "uv", "uv 0.9.0"))
    monkeypatch.setenv("UV", uv)
    assert hook.find_program(tools, "uv", "0.6") == [uv]
    poetry = hook.find_program(tools, "poetry", "2.2")
    assert poetry == [uv, "tool", "run", "--from", "poetry>=2.2", "poetry"]


def test_a_python_of_the_version_is_found_or_how_to_get_one(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = hook.find_python(tools, HERE)[0]
    said = subprocess.run([python, "--version"], capture_output=True, text=True).stdout
    assert said.startswith(f"Python {HERE}.")
    with pytest.raises(hook.Problem, match=r"Python 2\.0 is not here: 'pyenv install"):
        hook.find_python(tools, "2.0")


def test_what_a_python_lacks_that_can_make_no_environments_is_told(
    programs: Path, tools: hook.Tools
) -> None:
    """As those of Debian and Ubuntu do."""
    does(programs, "python9.9", 'case "$2" in *ensurepip*) exit 1;; esac')
    with pytest.raises(hook.Problem, match=r"9\.9 lacks ensurepip.* python9\.9-venv\)"):
        hook.find_python(tools, "9.9")


@pytest.mark.parametrize("manager", CONTEXT["_managers"])
def test_the_environment_is_made_by_its_managers_commands(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch, manager: str
) -> None:
    run: list[list[str]] = []
    monkeypatch.setattr(tools, "run", run.append)
    monkeypatch.setattr(hook, "find_python", lambda *asked: ["/python", asked[-1]])
    monkeypatch.setattr(hook, "find_program", lambda *asked: ["/program", *asked[1:]])
    monkeypatch.setattr(hook, "environment_python", lambda: "Python 3.13.0")
    monkeypatch.setattr(hook, "environment_packages", lambda: 7)
    given = answers(environment_manager=manager)
    said = hook.make_environment(tools, given, machine(), Path("/nowhere"))
    assert said == f"Python 3.13.0, 7 packages, by {manager}"
    table = CONTEXT["_managers"][manager]
    version = given["python_version"]
    known = {
        "$(PYTHON)": f"/python {version}",
        "$(MANAGER)": f"/program {manager} {table['needs'].get(manager)}",
        "$(BIN)": hook.BIN,
        "$(VENV)": hook.VENV,
        "$(PROJECT)": "my-analysis",
    }
    lines = [line for purpose in table["set_up"] for line in table[purpose]]
    for name, value in known.items():
        lines = [line.replace(name, value) for line in lines]
    assert run == [shlex.split(line) for line in lines]


def test_make_and_the_set_up_keep_the_same_things_from_the_tools(bake: Bake) -> None:
    (line,) = re.findall(r"^unexport (.*)$", bake().text("Makefile"), re.MULTILINE)
    others = {name for name in hook.MISLEADING if not name.startswith("GIT_")}
    assert {*line.split()} == others


def test_a_new_repository_is_on_branch_main(
    tools: hook.Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = hook.look(tools, answers(), tmp_path)
    assert hook.make_repository(tools, there) == "git, on branch main"
    head = (tmp_path / ".git/HEAD").read_text(encoding="utf-8")
    assert head == "ref: refs/heads/main\n"


def test_hooks_that_git_looks_for_elsewhere_are_left_to_their_owner(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(output: str) -> None:
        def run(command: list[str]) -> str:
            raise hook.Problem("failed", output=output)

        monkeypatch.setattr(tools, "run", run)

    refuse("Cowardly refusing to install hooks with `core.hooksPath` set.")
    with pytest.raises(hook.Problem, match=r"none: .*core\.hooksPath") as raised:
        hook.install_hooks(tools)
    assert (raised.value.verbs, raised.value.mark) == ((), "skipped")
    refuse("no room")
    with pytest.raises(hook.Problem, match="failed"):
        hook.install_hooks(tools)


def test_a_kernel_of_somebody_else_is_left_with_the_advice_of_the_script(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "'mine' belongs to /x and is left as it is\nor take\nanother name"
    monkeypatch.setattr(tools, "run", lambda command: said)
    with pytest.raises(hook.Problem) as raised:
        hook.register_kernel(tools)
    problem = raised.value
    assert (problem.verbs, problem.mark) == ((), "skipped")
    assert f"{problem.reason}\n{problem.output}" == said
    assert "\n" not in problem.reason


def test_what_is_missing_is_told_before_anything_is_made(
    tools: hook.Tools, tmp_path: Path
) -> None:
    with pytest.raises(hook.Problem, match="git is not on this machine"):
        hook.make_repository(tools, machine(git=None))
    inside = machine(workspace=tmp_path)
    with pytest.raises(hook.Problem, match="workspace"):
        hook.make_environment(tools, answers(), inside, tmp_path / "mine")
    assert [*tmp_path.iterdir()] == []


# The commands


@pytest.mark.parametrize("manager", CONTEXT["environment_manager"])
def test_a_private_index_and_its_credentials_reach_the_manager_quoted(
    manager: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = CONTEXT["_managers"][manager]
    given = answers(environment_manager=manager, package_index_url=URL)
    for name in ("PACKAGE_INDEX_USERNAME", "PACKAGE_INDEX_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    plain = hook.exports(given)
    assert {*plain} == {*table["exports"], *table["index"]["exports"]}
    assert all("@" not in value for value in plain.values())
    monkeypatch.setenv("PACKAGE_INDEX_USERNAME", "ada")
    monkeypatch.setenv("PACKAGE_INDEX_PASSWORD", "p@ss/")
    known = hook.exports(given)
    assert {*known} - {*plain} == {*table["index"]["credentials"]} - {*plain}
    quoted = URL.replace("://", "://ada:p%40ss%2F@")
    for name in table["index"]["exports"]:
        assert known[name] == quoted
    assert {known[name] for name in table["index"]["credentials"]} <= {
        *("ada", "p@ss/", quoted)
    }
    assert not {*hook.exports(answers(environment_manager=manager))} & {
        *table["index"]["exports"]
    }


def test_a_variable_of_the_table_can_stand_for_several_words() -> None:
    variables = {"MANAGER": ["uvx", "uv"], "BIN": [".venv/bin"]}
    assert hook.expanded("$(MANAGER)", variables) == ["uvx", "uv"]
    assert hook.expanded("$(BIN)/python", variables) == [".venv/bin/python"]
    assert hook.expanded("plain", variables) == ["plain"]
    table = {"_managers": {"uv": {"lock": ["$(MANAGER) lock 'a b'"]}}}
    given = {**table, "environment_manager": "uv"}
    assert hook.commands(given, "lock", variables) == [["uvx", "uv", "lock", "a b"]]


# Where the template came from


def committed(directory: Path, *names: str) -> Path:
    """Make a repository of templates, one in each of these directories."""
    for name in names:
        place = directory / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "cookiecutter.json").write_text("{}", encoding="utf-8")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "a"]):
        subprocess.run(["git", *identity, *words], cwd=directory, check=True)
    return directory


def test_a_template_is_found_in_its_repository(
    tools: hook.Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(hook.ORIGIN, raising=False)
    monkeypatch.setenv("PWD", str(tmp_path))
    top = committed(tmp_path / "one", "")
    given = {"_template": "one", "_repo_dir": str(top), "_checkout": "v1"}
    found = hook.origin_of(tools, given)
    assert found is not None
    assert (found.template, found.checkout, found.directory) == (str(top), "v1", None)
    assert found.commit == hook.git_says(tools, top, "rev-parse", "HEAD")
    many = committed(tmp_path / "many", "a/b", "c")
    inside = hook.origin_of(tools, {"_template": "many", "_repo_dir": "/copied/b"})
    assert inside is not None
    assert inside.directory == "a/b"
    assert hook.directory_in(tools, str(many), many, Path("/copied/d")) is None
    assert hook.origin_of(tools, {"_template": str(tmp_path)}) is None
    both = committed(tmp_path / "both", "", "sub")
    below = hook.origin_of(tools, {"_template": "both", "_repo_dir": "/copied/sub"})
    assert below is not None
    assert (below.template, below.directory) == (str(both), "sub")
    url = "https://example.com/one"
    cloned = {"_template": url, "_repo_dir": str(top)}
    assert hook.origin_of(tools, cloned) is None  # a clone that has no address
    assert hook.git_says(tools, top, "remote", "add", "origin", url) == ""
    assert hook.origin_of(tools, cloned) == hook.Origin(url, found.commit)
    assert hook.git_says(tools, tmp_path / "missing", "status") == ""


def test_cookiecutter_is_asked_where_its_clones_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (clone,) = hook.clones("https://example.com/team/one.git/")
    assert clone.name == "one"
    assert hook.clones("") == []
    monkeypatch.setitem(sys.modules, "cookiecutter.config", None)
    assert hook.clones("https://example.com/team/one") == []


def test_make_new_tells_where_the_template_came_from(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"template": "https://example.com/one", "commit": "abc"}
    monkeypatch.setenv(new.ORIGIN, json.dumps(told))
    assert hook.origin_of(tools, {}) == hook.Origin(**told)


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_link_that_cannot_be_written_is_not_left_by_halves(
    tools: hook.Tools, monkeypatch: pytest.MonkeyPatch, is_begun: bool
) -> None:
    def write(path: Path, text: str, encoding: str) -> None:
        if is_begun:
            path.touch()
        raise OSError("no room")

    told = json.dumps({"template": "one", "commit": "abc"})
    monkeypatch.setenv(hook.ORIGIN, told)
    monkeypatch.setattr(Path, "write_text", write)
    assert hook.link(tools, {"description": "Größe"}) == ""
    assert not Path(hook.LINK).exists()


def test_the_link_keeps_the_answers_in_words_that_a_person_reads(
    tools: hook.Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(hook.ORIGIN, raising=False)
    top = committed(tmp_path / "one", "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    given = {"description": "Größe", "_template": "one", "_repo_dir": str(top)}
    commit = hook.git_says(tools, top, "rev-parse", "HEAD")
    assert hook.link(tools, given) == f", of the template's commit {str(commit)[:7]}"
    own = {"_template": str(top), "_commit": commit}
    state = {
        "template": str(top),
        "commit": commit,
        "checkout": None,
        "directory": None,
        "context": {"cookiecutter": {"description": "Größe", **own}},
    }
    text = json.dumps(state, ensure_ascii=False, indent=2)
    assert Path(hook.LINK).read_text("utf-8") == f"{text}\n"
    monkeypatch.chdir(top)
    assert hook.link(tools, {**given, "_commit": commit}) == ""  # cruft writes it
    assert not Path(hook.LINK).exists()


# Where the project lies


@pytest.mark.parametrize(
    ("text", "is_member"),
    [
        ("[tool.uv.workspace]\nmembers = ['*']", True),
        ("[tool.uv.workspace]\nmembers = ['*']\nexclude = ['mine']", False),
        ("[tool.uv.workspace]\nmembers = ['other']", False),
        ("[tool.uv]\nworkspace = 3", False),
        ("[tool.uv.workspace]\nmembers = 3", False),
        ("[tool.uv]\ndev = []", False),
        ("no TOML", False),
    ],
)
def test_a_workspace_of_uv_that_would_take_the_project_in_is_seen(
    tmp_path: Path, text: str, is_member: bool
) -> None:
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    project = tmp_path / "mine"
    project.mkdir()
    assert hook.enclosing_workspace(project) == (tmp_path if is_member else None)


def test_where_there_is_no_manifest_nothing_is_loaded_to_read_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tomllib", None)
    assert hook.workspace_of(tmp_path / "pyproject.toml") is None


def test_the_way_out_of_a_workspace_is_a_move(tmp_path: Path) -> None:
    project, workspace = tmp_path / "a b/mine", tmp_path / "a b"
    problem = hook.moving_out(project, workspace, machine())
    assert problem.first == (
        f"mv '{project}' {tmp_path / 'mine'}",
        f"cd {tmp_path / 'mine'}",
    )
    assert problem.verbs == ("install", "repository")
    assert f"the workspace in {workspace}" in problem.reason
    inside = machine(outer_repository=tmp_path)
    assert hook.moving_out(project, workspace, inside).verbs == ("install",)


def test_a_work_tree_is_known_by_its_mark(tmp_path: Path) -> None:
    assert not hook.is_work_tree(tmp_path)
    (tmp_path / ".git").mkdir()
    assert not hook.is_work_tree(tmp_path)
    (tmp_path / ".git/HEAD").touch()
    assert hook.is_work_tree(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/.git").touch()
    assert hook.is_work_tree(tmp_path / "sub")


def test_the_directory_is_named_as_its_caller_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PWD", str(tmp_path))
    assert hook.shown_path(tmp_path / "a b") == "'a b'"
    assert hook.shown_path(tmp_path.parent / "mine") == str(tmp_path.parent / "mine")
    monkeypatch.delenv("PWD")
    assert hook.shown_path(tmp_path / "mine") == str(tmp_path / "mine")


def test_only_a_scratch_directory_of_crufts_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    project = tmp_path / "tmpabc123_4/my-analysis"
    assert hook.is_scratch({"_commit": "1"}, project)
    assert not hook.is_scratch({"_commit": "1", "_output_dir": "."}, project)
    assert not hook.is_scratch({}, project)
    assert not hook.is_scratch({"_commit": "1"}, tmp_path / "work/my-analysis")
    assert not hook.is_scratch({"_commit": "1"}, tmp_path / "a/tmpabc123_4/b")


def test_directories_that_are_empty_go_but_for_those_of_the_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the template that was rendered is not known any more."""
    monkeypatch.chdir(tmp_path)
    for name in (".git/refs/tags", ".venv/include", "data/raw"):
        (tmp_path / name).mkdir(parents=True)
    hook.sweep({}, tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {".git", ".venv"}
    assert (tmp_path / ".git/refs/tags").is_dir()
    assert (tmp_path / ".venv/include").is_dir()


def test_the_environment_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    site = tmp_path / ".venv" / ("Lib" if os.name == "nt" else "lib/python3.13")
    for name in ("a-1.dist-info", "b-2.dist-info", "b"):
        (site / "site-packages" / name).mkdir(parents=True)
    config = tmp_path / ".venv/pyvenv.cfg"
    for line in ("version = 3.13.1", "version_info = 3.13.1.final.0"):
        config.write_text(f"home = /usr\n{line}\n", encoding="utf-8")
        assert hook.environment_python() == "Python 3.13.1"
    assert hook.environment_packages() == 2


# As a program

AsProgram = Callable[[dict[str, Any], Path], str]
# Makes what the set-up looks for, if nobody answers and the tools are told what to do.
UV = """
case $1 in
--version) echo 'uv 9.0' ;;
sync)
    if read -r answer; then exit 1; fi
    mkdir -p .venv/bin
    echo "version_info = $UV_PYTHON.1" > .venv/pyvenv.cfg
    printf '#!/bin/sh\\necho "ran $*"\\n' > .venv/bin/python
    chmod +x .venv/bin/python
esac
"""


@pytest.fixture
def as_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsProgram:
    """Run the hook as cookiecutter runs it, and return what it says."""
    for name in ("UV", "PACKAGE_INDEX_USERNAME", hook.ORIGIN):
        monkeypatch.delenv(name, raising=False)
    for name in ("PWD", "TMPDIR", "TEMP"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    text = (ROOT / "hooks/post_gen_project.py").read_text("utf-8")

    def ran(given: dict[str, Any], project: Path) -> str:
        script = tmp_path / "hook.py"
        filled = text.replace("{{ cookiecutter | tojson }}", json.dumps(given))
        script.write_text(filled, "utf-8")
        words = (sys.executable, "-B", script)
        return run(*words, cwd=project, env=os.environ, stdin="typed\n").stdout

    return ran


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """A project that consists of a file."""
    project = tmp_path / "my-analysis"
    project.mkdir()
    (project / ".gitignore").write_text("/.venv/\n", encoding="utf-8")
    return project


def by_uv(directory: Path) -> dict[str, Any]:
    """Return the answers of who chose uv, of a template that lies there."""
    return answers(environment_manager="uv", _template=str(directory), set_up=True)


def lines_of(said: str) -> dict[str, tuple[str, str]]:
    """Return the mark and the detail of every step that was told."""
    found = re.findall(r"(?m)^  (\S) (\S.{12}) (.*)$", said)
    return {name.rstrip(): (mark, detail) for mark, name, detail in found}


@pytest.mark.skipif(os.name == "nt", reason="the programs are the shell's")
def test_a_project_is_set_up_from_its_repository_to_its_first_commit(
    as_program: AsProgram,
    rendered: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    does(tmp_path, "uv", UV)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.org")
    said = as_program(by_uv(tmp_path), rendered)
    lines = lines_of(said)
    assert {name: mark for name, (mark, _) in lines.items()} == dict.fromkeys(
        ("files", *STEPS), "✓"
    )
    details = {
        name: re.sub(r"  \d+\.\d s$", "", text) for name, (_, text) in lines.items()
    }
    head = run("git", "log", "--format=%h %s", cwd=rendered).stdout.strip()
    python = answers()["python_version"]
    assert details == {
        "files": "1 in my-analysis",
        "repository": "git, on branch main",
        "environment": f"Python {python}.1, 0 packages, by uv",
        "kernel": "ran scripts/kernel.py register",
        "git hooks": "pre-commit",
        "first commit": head,
    }
    assert head.endswith(" Start my-analysis")
    assert run("git", "status", "--porcelain", cwd=rendered).stdout == ""
    assert "\nNext:\n  cd my-analysis\n" in said


@pytest.mark.skipif(os.name == "nt", reason="programs are found otherwise")
def test_a_machine_that_has_nothing_is_told_what_to_do(
    as_program: AsProgram, rendered: Path, programs: Path
) -> None:
    said = as_program(by_uv(programs), rendered)
    assert lines_of(said) == {
        "files": ("✓", "1 in my-analysis"),
        "repository": ("✗", "git is not on this machine: install it (git-scm.com)"),
        "environment": ("✗", "uv is not on this machine"),
        "kernel": ("·", "waits for the environment"),
        "git hooks": ("·", "waits for the repository and the environment"),
        "first commit": ("·", "waits for the repository and the environment"),
    }
    assert "  cd my-analysis && make bootstrap install repository\n" in said
    assert "Next:" not in said
    assert [each.name for each in rendered.iterdir()] == [".gitignore"]


def test_a_fault_of_the_hook_itself_costs_nobody_the_project(
    as_program: AsProgram, rendered: Path
) -> None:
    said = as_program({}, rendered)  # no answer at all
    assert said.startswith("The project is kept, but its set-up ended with KeyError(")


def test_where_cruft_only_compares_nothing_is_done_and_nothing_said(
    as_program: AsProgram, tmp_path: Path
) -> None:
    project = tmp_path / "tmpabc123_4" / "my-analysis"
    project.mkdir(parents=True)
    assert as_program({**answers(), "_commit": "1"}, project) == ""
    assert [*project.iterdir()] == []
