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
import time
from pathlib import Path
from typing import Any

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
def tools(monkeypatch: pytest.MonkeyPatch) -> hook.Tools:
    """What runs programs, on a machine without credentials."""
    for name in ("PACKAGE_INDEX_USERNAME", "PACKAGE_INDEX_PASSWORD", "UV"):
        monkeypatch.delenv(name, raising=False)
    return hook.Tools(answers())


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of PATH, but for the shell."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def says(directory: Path, name: str, text: str, status: int = 0) -> Path:
    """Put a program there that says this."""
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{text}'\nexit {status}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


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
    stdout = io.TextIOWrapper(shown, encoding, newline="\n", write_through=True)
    monkeypatch.setattr(sys, "stdout", stdout)
    report = hook.Report()
    assert stdout.errors == "replace"  # so that no other letter is one too many
    report.line("done", "kernel", "é")
    assert shown.getvalue().decode(encoding).startswith(said)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert hook.Report().marks["done"] == "+"  # what it takes is not known


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
        tools.run(["true"])
    tools.stop("stopped again")
    assert tools.stopped_by == "stopped by Ctrl-C"


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
with hook.foreground_kept():
    meanwhile = alone()
print(before, meanwhile, os.getpgrp() == os.tcgetpgrp(0) == group)
"""


def test_what_is_typed_at_a_terminal_is_for_the_set_up_alone_while_it_runs() -> None:
    pexpect = pytest.importorskip("pexpect")
    if not hasattr(pexpect, "spawn"):
        pytest.skip("pseudo-terminals are not on Windows")
    hooks = str(ROOT / "hooks")
    words = shlex.join([sys.executable, "-c", AT_A_TERMINAL, hooks])
    terminal = pexpect.spawn("/bin/sh", ["-c", f"{words}; exit $?"], encoding="utf-8")
    assert terminal.read().split() == ["False", "True", "True"]
    terminal.close()


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
    ):
        if text:
            says(programs, "uv", text)
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
    nowhere = {"_template": "https://example.com/one", "_repo_dir": str(top)}
    assert hook.origin_of(tools, nowhere) is None  # a clone that has no address


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


def test_the_way_out_of_a_workspace_is_a_move(tmp_path: Path) -> None:
    project, workspace = tmp_path / "a b/mine", tmp_path / "a b"
    problem = hook.moving_out(project, workspace, machine())
    assert problem.first == (
        f"mv '{project}' {tmp_path / 'mine'}",
        f"cd {tmp_path / 'mine'}",
    )
    assert problem.verbs == ("install", "repository")
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


def test_where_cruft_only_compares_nothing_is_done_and_nothing_said(
    tmp_path: Path,
) -> None:
    given = json.dumps({**answers(), "_commit": "1"})
    text = (ROOT / "hooks/post_gen_project.py").read_text("utf-8")
    script = tmp_path / "hook.py"
    script.write_text(text.replace("{{ cookiecutter | tojson }}", given), "utf-8")
    project = tmp_path / "tmpabc123_4" / "my-analysis"
    project.mkdir(parents=True)
    env = {**os.environ, "TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    done = run(sys.executable, "-B", script, cwd=project, env=env)
    assert done.stdout == ""
    assert [*project.iterdir()] == []


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
