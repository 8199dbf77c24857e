"""Damage the template one line at a time and see whether a fast test notices.

What `make mutate` runs. A line of the hooks, of cookiecutter.json or of the project
tree is deleted, or a condition in it is turned round; a file is taken away, or the
condition in its name is turned round. Then the fast tests run in a copy of the
repository until one fails; with --own, where none does, a project's own tests. Every
outcome is written down at once: an interrupted run goes on where it was.

Left out is what no test could be asked to notice: blank lines, comments, docstrings,
prose (the lines of a Markdown file or cell, but for those in a box and those that hold
a template mark), the postponed evaluation of annotations, and the texts that a test
holds by their checksum. Damage that no parser accepts is left out as well: it would be
noticed by anything, and flatter the tests.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import io
import json
import math
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import tokenize
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from jinja2 import Environment, TemplateSyntaxError

ROOT = Path(__file__).resolve().parent.parent
TREE = "{{cookiecutter.__project_dir}}"
PLACES = ("cookiecutter.json", "hooks", TREE)
RECORD = ROOT / "dist/mutations.jsonl"
NOT_COPIED = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist")
BY_CHECKSUM = re.compile(r"\.csv$|'(Apache-2\.0|GPL-3\.0-or-later)' %\}LICENSE")
PATIENCE = 1200  # seconds for the fast tests, once
# Tests of a starter's own code, which name none of its files.
OF_A_STARTER, OWN = "of_the_largest_starter", ("project/src", "project/tests")
# What the plugin reads and writes.
ORDER, SEEN, WITHIN = "MUTATE_ORDER", "MUTATE_SEEN", "MUTATE_WITHIN"
PIPES = "MUTATE_PIPES"  # two numbers: to read requests from, and to answer
STARTED = [time.monotonic()]

MARK = re.compile(r"\{\{|\{%")
STATEMENT = re.compile(
    r"\{%-? *(?:if|elif|else|endif|for|endfor|set|raw|endraw)\b.*?%\}"
)
EXPRESSION = re.compile(r"\{\{.*?\}\}")
# In every file that is rendered. What stands between the marks has no mark in it.
JINJA = (
    (re.compile(r"(\{%-? *(?:el)?if )((?:(?!%\}).)+?)( *-?%\})"), r"\1not (\2)\3"),
    (re.compile(r"(\{\{(?:(?!\}\}).)* if )((?:(?!\}\}).)+?)( else )"), r"\1not (\2)\3"),
)
SHELL = (
    (re.compile(r" && "), " || "),
    (re.compile(r" \|\| "), " && "),
    (re.compile(r"\btest ! "), "test "),
    (re.compile(r"\btest (?!! )(?=[-\"$])"), "test ! "),
    (re.compile(r"^(\s*@?(?:el)?if )(?!! )"), r"\1! "),
)
MAKE = (
    (re.compile(r"^ifdef "), "ifndef "),
    (re.compile(r"^ifeq "), "ifneq "),
    (re.compile(r"^ifneq "), "ifeq "),
    (re.compile(r"\$\(if ([^,]+),:,"), r"$(if \1,,"),
)
SWITCHES = (
    (re.compile(r"\btrue\b"), "false"),
    (re.compile(r"\bfalse\b"), "true"),
)
YAML = ((re.compile(r"^(\s*(?:- )?if: )(.+)$"), r"\1${{ !(\2) }}"),)
WORDS = {"==": "!=", "!=": "==", "and": "or", "or": "and", "True": "False"}
WORDS |= {"False": "True", "<": ">=", ">": "<=", "<=": ">", ">=": "<", "not": ""}
CONDITION = re.compile(r"^(\s*(?:if|elif|while) )(?!__name__)(.+)(:)$")


class Damage(NamedTuple):
    """One change of one file.

    Attributes:
        path: the file, as a POSIX path in the repository.
        line: number of the line, from 1; 0 if the file itself is changed.
        was: the line, or the file's name.
        becomes: what takes its place, None if nothing does.
        text: the text of the whole file after it.
        name: the path of the file after it, empty if there is none.
    """

    path: str
    line: int
    was: str
    becomes: str | None
    text: str
    name: str

    @property
    def key(self) -> str:
        """What tells it from all others, also from the same in another text."""
        facts = (self.path, self.line, self.becomes, self.text, self.name)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        how = "deleted" if self.becomes is None else f"→ {self.becomes.strip()}"
        return f"{self.path}:{self.line}: {self.was.strip()}  [{how}]"


# What can be damaged


def files(only: str = "") -> list[str]:
    """Return the files that are damaged, as POSIX paths in the repository.

    Args:
        only: the beginning of the paths that are wanted.
    """
    found = []
    for place in PLACES:
        top = ROOT / place
        below = sorted(top.rglob("*")) if top.is_dir() else [top]
        found += [path for path in below if path.is_file()]
    names = (path.relative_to(ROOT).as_posix() for path in found)
    return [
        name
        for name in names
        if name.startswith(only)
        and "__pycache__" not in name
        and not BY_CHECKSUM.search(name)
    ]


def damages(path: str, text: str) -> Iterator[Damage]:
    """Yield everything that can be done to a file and that a parser lets pass.

    Args:
        path: the file, as a POSIX path in the repository.
        text: what it holds.
    """
    found = map(damaged, candidates(path, text))
    yield from (damage for damage in found if damage is not None)


class Candidate(NamedTuple):
    """A damage before anybody has asked a parser, which takes its time.

    Attributes:
        path: the file, as a POSIX path in the repository.
        line: number of the line, from 1; 0 if the file itself is changed.
        becomes: what takes the place of the line or the name, None if nothing does.
    """

    path: str
    line: int
    becomes: str | None


def candidates(path: str, text: str) -> Iterator[tuple[Candidate, str]]:
    """Yield what might be done to a file, with its text."""
    yield from ((each, text) for each in candidates_of_name(path))
    left_out = unimportant(path, text)
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if number not in left_out:
            for becomes in [None, *dict.fromkeys(flipped(path, line))]:
                yield Candidate(path, number, becomes), text


def candidates_of_name(path: str) -> Iterator[Candidate]:
    """Yield that a file is not there, and that it is there when it should not be."""
    if path.startswith(TREE):
        directory, _, name = path.rpartition("/")
        yield Candidate(path, 0, None)
        pattern, replacement = JINJA[0]
        if pattern.search(name):
            yield Candidate(path, 0, f"{directory}/{pattern.sub(replacement, name)}")


def damaged(candidate: tuple[Candidate, str]) -> Damage | None:
    """Return the damage, None if no parser accepts what it leaves."""
    (path, number, becomes), text = candidate
    if number == 0:
        return Damage(path, 0, path.rpartition("/")[2], becomes, text, becomes or "")
    lines = text.splitlines(keepends=True)
    before, after = "".join(lines[: number - 1]), "".join(lines[number:])
    new = mended(path, before, lines[number - 1], becomes, after)
    if new is None:
        return None
    return Damage(path, number, lines[number - 1], becomes, new, path)


def kind(path: str) -> str:
    """Return which syntax a file has: its ending, or what stands for one."""
    name = re.sub(r"\{%.*?%\}", "", path.rpartition("/")[2])
    if name == "Makefile" or name.endswith(".mk"):
        return "make"
    if name in ("Pipfile", "poetry.toml"):
        return "toml"
    if name in ("find", "tool"):
        return "sh"
    if name.endswith((".ipynb", ".baseline")):
        return "json"
    return name.rpartition(".")[2].lower()


def unimportant(path: str, text: str) -> set[int]:
    """Return the numbers of the lines that no test is asked about."""
    lines = text.splitlines()
    found = {number for number, line in enumerate(lines, 1) if not line.strip()}
    of_kind = kind(path)
    if of_kind == "md":
        return found | prose(lines)
    if path.endswith(("ipynb", "ipynb{% endif %}")):
        return found | cells_of_prose(lines)
    if of_kind == "py":
        found |= docstrings(text) | last_returns(text)
    if of_kind not in ("license", "json"):
        comment = re.compile(r"\s*(#(?!!)|from __future__ import annotations)")
        found |= {
            number
            for number, line in enumerate(lines, 1)
            if comment.match(line) and not MARK.search(line)
        }
    return found


def prose(lines: list[str]) -> set[int]:
    """Return the lines of a Markdown file that are in no box and hold no mark."""
    found, in_box = set(), False
    for number, line in enumerate(lines, 1):
        fence = line.startswith("```")
        in_box ^= fence
        if not (in_box or fence or MARK.search(line)):
            found.add(number)
    return found


def cells_of_prose(lines: list[str]) -> set[int]:
    """Return the lines of a notebook that are Markdown."""
    found, is_prose, in_source = set(), False, False
    for number, line in enumerate(lines, 1):
        if '"cell_type"' in line:
            is_prose = "markdown" in line
        if in_source and line.strip() == "]":
            in_source = False
        if in_source and is_prose:
            found.add(number)
        in_source |= line.strip() == '"source": ['
    return found


def docstrings(text: str) -> set[int]:
    """Return the lines of a Python file that are docstrings."""
    found: set[int] = set()
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(syntax(text)):
        if isinstance(node, holders) and ast.get_docstring(node) is not None:
            first = node.body[0]
            found |= {*range(first.lineno, (first.end_lineno or first.lineno) + 1)}
    return found


def last_returns(text: str) -> set[int]:
    """Return the lines in which a function ends by returning None, as it would."""
    ends = (
        node.body[-1]
        for node in ast.walk(syntax(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return {
        end.lineno
        for end in ends
        if isinstance(end, ast.Return)
        and (end.value is None or ast.unparse(end.value) == "None")
    }


def syntax(text: str) -> ast.Module:
    """Return a Python file's syntax, nothing if the template's marks break it."""
    try:
        return ast.parse(without_marks(text))
    except SyntaxError:
        return ast.Module([], [])


def without_marks(text: str) -> str:
    """Return a text in which a name stands for every expression of the template."""
    return EXPRESSION.sub("rendered", STATEMENT.sub("", text))


# What is done to a line


def flipped(path: str, line: str) -> Iterator[str]:
    """Yield the line with one condition in it turned round, in each way there is."""
    of_kind = kind(path)
    rules = {
        "make": (*MAKE, *SHELL),
        "sh": SHELL,
        "yml": (*YAML, *SHELL, *SWITCHES),
        "yaml": (*YAML, *SHELL, *SWITCHES),
        "toml": SWITCHES,
        "json": SWITCHES,
        "dockerfile": SHELL,
    }
    for pattern, replacement in (*JINJA, *rules.get(of_kind, ())):
        if pattern.search(line):
            yield pattern.sub(replacement, line, count=1)
    if of_kind == "py":
        yield from flipped_python(line)


def flipped_python(line: str) -> Iterator[str]:
    """Yield a line of Python with one of its conditions turned round."""
    body = line.rstrip("\n")
    if match := CONDITION.match(body):
        yield f"{match[1]}not ({match[2]}){match[3]}\n"
    try:
        tokens = [*tokenize.generate_tokens(io.StringIO(line.lstrip()).readline)]
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return
    indent = len(line) - len(line.lstrip())
    for token in tokens:
        if token.string in WORDS and token.type in (tokenize.NAME, tokenize.OP):
            start, end = indent + token.start[1], indent + token.end[1]
            if token.string == "not" and line[end:].startswith(" in "):
                end += 1
            if token.string == "not" and line[:start].endswith(" is "):
                end += 1
            yield line[:start] + WORDS[token.string] + line[end:]


def mended(
    path: str, before: str, line: str, becomes: str | None, after: str
) -> str | None:
    """Return the text with the damage, None if no parser accepts it.

    Args:
        before: the text above the line.
        becomes: what takes the place of the line, None if nothing does.
        after: the text below it.
    """
    if becomes is not None:
        text = before + becomes + after
        return text if is_accepted(path, text) else None
    tried = [before + after]
    if kind(path) == "json" and after.lstrip()[:1] in ("]", "}"):
        tried.append(re.sub(r",\s*\Z", "\n", before) + after)
    if kind(path) == "py":
        indent = line[: len(line) - len(line.lstrip())]
        tried.append(f"{before}{indent}pass\n{after}")
    return next((text for text in tried if is_accepted(path, text)), None)


def is_accepted(path: str, text: str) -> bool:
    """Tell whether the parsers of the template and of the file's syntax accept it."""
    try:
        if path.startswith(TREE):
            Environment().parse(text)
        if kind(path) == "py":
            ast.parse(without_marks(text))
        elif kind(path) == "json" and (
            not path.startswith(TREE) or not STATEMENT.search(text)
        ):
            json.loads(text)
        elif kind(path) == "toml" and not MARK.search(text):
            tomllib.loads(text)
    except (SyntaxError, ValueError, TemplateSyntaxError):
        return False
    return True


# Whether it is noticed


class Outcome(NamedTuple):
    """What became of a damage.

    Attributes:
        key: of the damage.
        shown: the damage, for a person.
        path: of the damaged file.
        by: the fast test that failed first, empty if none did.
        later: what of the project's own noticed it when no fast test did.
        seconds: what it took.
    """

    key: str
    shown: str
    path: str
    by: str
    later: str
    seconds: float


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Put the tests in the order that this run wants."""
    if ORDER in os.environ:
        wanted = json.loads(Path(os.environ[ORDER]).read_text("utf-8"))
        place = {name: number for number, name in enumerate(wanted)}
        items.sort(key=lambda item: place.get(item.nodeid, len(place)))


def pytest_runtestloop(session: Any) -> bool | None:
    """Run the tests once for each request, each time in a copy of this process.

    What is in the project tree no test has read when the tests are collected, so for
    damages there a collection serves many times, and so do the compiled templates.
    """
    if PIPES not in os.environ:
        return None
    asked, answers = map(int, os.environ[PIPES].split())
    warm_up()
    os.write(answers, b"ready\n")
    with os.fdopen(asked) as requests:
        for _ in requests:
            pid = os.fork()
            if not pid:
                run_collected(session)
            os.waitpid(pid, 0)
            os.write(answers, b"done\n")
    return True


def warm_up() -> None:
    """Render what the tests of combinations will, so that Jinja has compiled it."""
    with contextlib.suppress(ImportError), tempfile.TemporaryDirectory() as scratch:
        from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]
        from test_combinations import COVERING, answers_of

        for number, row in enumerate(COVERING):
            cookiecutter(
                str(ROOT),
                no_input=True,
                extra_context=answers_of(row),
                output_dir=f"{scratch}/{number}",
                accept_hooks=False,
            )


def run_collected(session: Any) -> NoReturn:
    """Run the tests of a session in this order of its own, and end the process."""
    from _pytest.main import pytest_runtestloop as loop

    STARTED[0] = time.monotonic()
    try:
        pytest_collection_modifyitems(session.items)
        loop(session)
    except BaseException:  # the end at the first failure is one of these
        os._exit(1)
    os._exit(0)


def pytest_runtest_setup(item: Any) -> None:
    """Begin no test when the time of this run is over."""
    within = float(os.environ.get(WITHIN, "inf"))
    if time.monotonic() - STARTED[0] > within:
        item.session.shouldstop = "the time is over"


def pytest_runtest_logreport(report: Any) -> None:
    """Note what a test took and whether it failed."""
    note(report.nodeid, report.duration, report.failed)


def pytest_collectreport(report: Any) -> None:
    """Note that tests could not even be collected."""
    if report.failed:
        note(report.nodeid, 0.0, True)


def note(test: str, seconds: float, failed: bool) -> None:
    """Add a line to what the run has seen."""
    if SEEN in os.environ:
        with Path(os.environ[SEEN]).open("a", encoding="utf-8") as file:
            file.write(json.dumps([test, seconds, failed]) + "\n")


class Copy:
    """A copy of the repository in which things are damaged and tests are run.

    Attributes:
        top: where the copy is.
        within: the seconds in which the tests have to notice a damage.
    """

    def __init__(self, scratch: Path, within: float = math.inf) -> None:
        ignore = shutil.ignore_patterns(*NOT_COPIED)
        self.top = scratch / "cookiecutter-ds-package"
        self.scratch = scratch
        self.within = within
        self.server: Server | None = None
        shutil.copytree(ROOT, self.top, ignore=ignore, symlinks=True)
        (self.top / ".venv").symlink_to(Path(sys.prefix))

    def damage(self, damage: Damage) -> None:
        """Change the file."""
        (self.top / damage.path).unlink()
        if damage.name:
            (self.top / damage.name).write_text(damage.text, "utf-8", newline="")

    def mend(self, damage: Damage) -> None:
        """Make the file what it was."""
        if damage.name:
            (self.top / damage.name).unlink()
        shutil.copy2(ROOT / damage.path, self.top / damage.path)

    def test(
        self, *words: str, order: Iterable[str] = (), within: float = math.inf
    ) -> dict[str, list[Any]]:
        """Run fast tests and return what each took, in seconds, and whether it failed.

        Args:
            words: further options of pytest.
            order: the tests to begin with.
            within: the seconds after which no further test is begun.
        """
        self.prepare(order)
        run(self.command(*words), self.top, self.env(within))
        return self.seen()

    def test_tree(self, order: Iterable[str]) -> dict[str, list[Any]]:
        """Do the same, with tests that are collected once, before the first damage."""
        self.prepare(order)
        assert self.server is not None
        self.server.ask()
        return self.seen()

    def serve(self, *words: str) -> None:
        """Collect the tests, if they are not."""
        if self.server is None:
            self.prepare(())
            command, env = self.command(*words), self.env(self.within)
            self.server = Server(command, self.top, env)

    def command(self, *words: str) -> list[str]:
        """Return the command that runs the fast tests."""
        plain = ("-n0", "-q", "-m", "not slow", "-p", "no:cacheprovider")
        plugin = ("-p", "mutate", "--timeout=600", "--tb=no")
        return [sys.executable, "-m", "pytest", *plain, *plugin, *words]

    def env(self, within: float) -> dict[str, str]:
        """Return the environment of the tests."""
        env = {**os.environ, "PYTHONPATH": "tools", "PYTHONDONTWRITEBYTECODE": "1"}
        env |= {ORDER: str(self.scratch / "order"), SEEN: str(self.scratch / "seen")}
        return env | {"TMPDIR": str(self.scratch), WITHIN: str(within)}

    def prepare(self, order: Iterable[str]) -> None:
        """Write down what the tests are to begin with, and forget what they took."""
        (self.scratch / "seen").write_text("")
        (self.scratch / "order").write_text(json.dumps([*order]), "utf-8")

    def seen(self) -> dict[str, list[Any]]:
        """Return what each test took and whether it failed, and tidy up."""
        found: dict[str, list[Any]] = {}
        for line in (self.scratch / "seen").read_text("utf-8").splitlines():
            test, seconds, failed = json.loads(line)
            before = found.setdefault(test, [0.0, False])
            found[test] = [before[0] + seconds, before[1] or failed]
        for leftover in self.scratch.glob("pytest-of-*/pytest-*/*"):
            shutil.rmtree(leftover, ignore_errors=True)
        return found


class Server:
    """A run of pytest that has collected the tests, and runs them when it is asked."""

    def __init__(self, command: list[str], top: Path, env: dict[str, str]) -> None:
        asked, self.requests = os.pipe()
        self.answers, answering = os.pipe()
        self.process = subprocess.Popen(
            command,
            cwd=top,
            env={**env, PIPES: f"{asked} {answering}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(asked, answering),
        )
        os.close(asked)
        os.close(answering)
        self.wait()

    def ask(self) -> None:
        """Have the tests run, and wait until they have."""
        os.write(self.requests, b"run\n")
        self.wait()

    def wait(self) -> None:
        """Wait for an answer.

        Raises:
            SystemExit: if there will be none.
        """
        if not os.read(self.answers, 16):
            raise SystemExit("The tests could not be collected.")

    def stop(self) -> None:
        """End it, and what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def run(command: list[str], top: Path, env: dict[str, str]) -> int | None:
    """Run a program and return its status, None where it took too long."""
    process = subprocess.Popen(
        command,
        cwd=top,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(PATIENCE)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
    return None


class OwnTests:
    """The tests that a project brings for itself, and its type checker.

    The fast tests of the template can't run them, for they want an environment. Here it
    is made once, from the undamaged template, and serves every damaged rendering.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.project: Path | None = None

    def environment(self, copy: Copy) -> Path:
        """Return the Python of the environment, which is made if it is not there."""
        with self.lock:
            if self.project is None:
                self.project = rendered(copy, copy.scratch / "own")
                env = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
                uv = str(Path(sys.executable).with_name("uv"))
                if run([uv, "sync", "--quiet"], self.project, env) != 0:
                    raise SystemExit("No environment could be made for a project.")
        return self.project / ".venv/bin/python"

    def notice(self, copy: Copy, damage: Damage) -> str:
        """Return which of them notices a damage, empty if none does or can."""
        if not damage.path.startswith(TREE) or os.name == "nt":
            return ""
        copy.mend(damage)
        python = str(self.environment(copy))
        copy.damage(damage)
        place = copy.scratch / "damaged"
        shutil.rmtree(place, ignore_errors=True)
        project = rendered(copy, place)
        env = {**os.environ, "PYTHONPATH": str(project / "src")}
        checks = {
            "make test": ["pytest", "-q", "-x", "-p", "no:cacheprovider"],
            "make lint": ["mypy"],
        }
        if damage.path.endswith(("ipynb", "ipynb{% endif %}")):
            checks["make notebooks"] = ["pytest", "-q", "--nbmake", "notebooks"]
        for name, words in checks.items():
            if run([python, "-m", *words], project, env) != 0:
                return name
        return ""


def rendered(copy: Copy, place: Path) -> Path:
    """Render the files of the largest starter, without the hooks."""
    words = ["--no-input", "--accept-hooks", "no", "-o", str(place), "starter=service"]
    command = [sys.executable, "-m", "cookiecutter", str(copy.top), *words]
    run(command, copy.scratch, {**os.environ, "HOME": str(copy.scratch)})
    return place / "my-analysis"


class Suite:
    """The fast tests: what each takes, which are sound, which noticed what before."""

    def __init__(self, seen: dict[str, list[Any]]) -> None:
        self.seconds = {test: took for test, (took, failed) in seen.items()}
        self.unsound = sorted(test for test, (_, failed) in seen.items() if failed)
        self.noticed: dict[str, dict[str, int]] = {}
        self.texts = {
            path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
            for path in (ROOT / "tests").glob("test_*.py")
        }

    def learn(self, path: str, test: str) -> None:
        """Remember which test noticed a damage to this file."""
        counts = self.noticed.setdefault(path, {})
        counts[test] = counts.get(test, 0) + 1

    def near(self, path: str) -> list[str]:
        """Return the files of tests that name this file, or have noticed it before."""
        name = named(path)
        noticed = {test.partition("::")[0] for test in self.noticed.get(path, ())}
        return sorted(file for file in self.texts if name in self.texts[file]) + sorted(
            file for file in noticed if name not in self.texts.get(file, "")
        )

    def order(self, path: str) -> list[str]:
        """Return all tests, those first that tell soonest of this file.

        Those are the cheap ones, those that noticed something of it before, and those
        whose source names it.
        """
        name, counts = named(path), self.noticed.get(path, {})

        def price(test: str) -> float:
            names_it = name in self.texts.get(test.partition("::")[0], "")
            names_it |= OF_A_STARTER in test and place_of(path) in OWN
            likely = (20 if names_it else 1) * (1 + 20 * counts.get(test, 0))
            return float(self.seconds[test] + 0.01) / likely

        return sorted(self.seconds, key=price)


def named(path: str) -> str:
    """Return how a test would name a file: a module without its ending."""
    return re.sub(r"\{%.*?%\}", "", path.rpartition("/")[2]).removesuffix(".py")


def examine(copy: Copy, suite: Suite, own: OwnTests | None, damage: Damage) -> Outcome:
    """Damage the copy, run the tests until one fails, and mend it."""
    began = time.monotonic()
    without = [f"--deselect={test}" for test in suite.unsound]
    order = suite.order(damage.path)
    in_tree = damage.path.startswith(TREE)
    if in_tree:
        copy.serve("-x", *without)
    copy.damage(damage)
    try:
        if in_tree:
            seen = copy.test_tree(order)
        else:  # to collect a few files takes a second, and all a minute
            near = suite.near(damage.path)
            seen = copy.test("-x", *without, *near, order=order, within=copy.within)
            if near and not any(failed for _, failed in seen.values()):
                seen = copy.test("-x", *without, order=order, within=copy.within)
        by = next((test for test, (_, failed) in seen.items() if failed), "")
        by = by if seen else "collection"
        later = own.notice(copy, damage) if own and not by else ""
    finally:
        copy.mend(damage)
    took = round(time.monotonic() - began, 1)
    return Outcome(damage.key, str(damage), damage.path, by, later, took)


# Writing it down


class Record:
    """What is known of earlier runs, in a file of one JSON text a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.outcomes: dict[str, Outcome] = {}
        self.seen: dict[str, list[Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            entry = json.loads(line)
            if "tests" in entry:
                self.seen = entry["tests"]
            else:
                self.outcomes[entry["key"]] = Outcome(**entry)

    def write(self, entry: dict[str, Any]) -> None:
        """Add a line."""
        with self.lock, self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def add(self, outcome: Outcome) -> None:
        """Write an outcome down."""
        self.outcomes[outcome.key] = outcome
        self.write(outcome._asdict())


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share, by Wilson (1927), as shares.

    Args:
        hits: how many of the sample.
        total: the size of the sample, at least 1.
    """
    z = 1.959964
    centre = (hits + z * z / 2) / (total + z * z)
    spread = z / (total + z * z) * math.sqrt(hits * (total - hits) / total + z * z / 4)
    return max(0.0, centre - spread), min(1.0, centre + spread)


def place_of(path: str) -> str:
    """Return which part of the template a file belongs to."""
    if not path.startswith(TREE):
        return path.partition("/")[0]
    below = path.removeprefix(f"{TREE}/").partition("/")
    return (
        f"project/{below[0]}" if below[0] in ("src", "tests") else "project, the rest"
    )


def told(outcomes: list[Outcome]) -> str:
    """Return the report: the score, in all and by place, and the survivors."""
    places: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        places.setdefault(place_of(outcome.path), []).append(outcome)
    lines = [f"{len(outcomes)} damages:"]
    for place, group in [("in all", outcomes), *sorted(places.items())]:
        hits = sum(bool(each.by) for each in group)
        low, high = wilson(hits, len(group))
        share = f"{hits / len(group):6.1%} ({low:.1%} to {high:.1%})"
        late = sum(bool(each.later) for each in group)
        lines.append(
            f"  {place:<20} {hits:>5} of {len(group):>5} noticed, {share};"
            f" {late} more by the project's own tests"
        )
    for late, title in ((True, "By the project's own tests alone:"), (False, "Never:")):
        shown = [e.shown for e in outcomes if not e.by and bool(e.later) == late]
        lines += ["", title, *sorted(shown)]
    return "\n".join(lines)


# The command


def chosen(arguments: argparse.Namespace) -> list[Damage]:
    """Return the damages of this run, in an order that is the same for a seed.

    It is that of checksums: where a line changes, the others keep their places.
    """
    everything = [
        candidate
        for path in files(arguments.only)
        for candidate in candidates(path, (ROOT / path).read_text("utf-8"))
    ]
    met: Counter[str] = Counter()

    def place(found: tuple[Candidate, str]) -> str:
        """Return the checksum of what is done to which line of which file."""
        (path, number, becomes), text = found
        was = text.splitlines()[number - 1] if number else ""
        facts = repr((arguments.seed, path, was, becomes))
        met[facts] += 1  # a line may occur many times
        return hashlib.sha256(f"{facts} {met[facts]}".encode()).hexdigest()

    accepted = (each for each in map(damaged, sorted(everything, key=place)) if each)
    return [*islice(accepted, None if arguments.all else arguments.sample)]


def parsed(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=textwrap.dedent(__doc__ or ""))
    parser.add_argument("--sample", type=int, default=100, help="how many damages")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--all", action="store_true", help="every damage there is")
    parser.add_argument("--only", default="", metavar="PATH", help="below this path")
    parser.add_argument("--processes", type=int, default=2, metavar="N")
    parser.add_argument("--within", type=float, default=math.inf, metavar="SECONDS")
    parser.add_argument("--again", action="store_true", help="repeat what survived")
    parser.add_argument("--own", action="store_true", help="then a project's own tests")
    parser.add_argument("--list", action="store_true", help="damage nothing, show")
    parser.add_argument("--record", type=Path, default=RECORD, metavar="FILE")
    return parser.parse_args(words)


def measured(copy: Copy, record: Record) -> Suite:
    """Return the fast tests, run once where nothing is damaged."""
    if not record.seen:
        print("Running the fast tests on the undamaged template …", flush=True)
        record.seen = copy.test()
        record.write({"tests": record.seen})
    suite = Suite(record.seen)
    for test in suite.unsound:
        print(f"left out, for it fails without a damage: {test}")
    for outcome in record.outcomes.values():
        if outcome.by in suite.seconds:
            suite.learn(outcome.path, outcome.by)
    return suite


def work(left: list[Damage], record: Record, arguments: argparse.Namespace) -> None:
    """Examine what is left, in as many copies as there are processes."""
    copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
    own = OwnTests() if arguments.own else None
    with tempfile.TemporaryDirectory(prefix="mutate-") as scratch:
        for number in range(arguments.processes):
            place = Path(scratch, str(number))
            place.mkdir()
            copies.put(Copy(place, arguments.within))
        first = copies.get()
        suite = measured(first, record)
        copies.put(first)

        def one(damage: Damage) -> None:
            copy = copies.get()
            try:
                outcome = examine(copy, suite, own, damage)
            finally:
                copies.put(copy)
            record.add(outcome)
            if outcome.by in suite.seconds:
                suite.learn(damage.path, outcome.by)
            mark = "·" if outcome.by else "○" if outcome.later else "✗"
            print(f"{mark} {outcome.seconds:6.1f} s  {outcome.shown}", flush=True)

        each: Callable[[Damage], None] = one
        with ThreadPoolExecutor(arguments.processes) as pool:
            try:
                for _ in pool.map(each, left):
                    pass
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            finally:
                stop_servers(copies)


def stop_servers(copies: queue.SimpleQueue[Copy]) -> None:
    """End what runs for the copies that nobody uses any more."""
    while not copies.empty():
        copy = copies.get()
        if copy.server is not None:
            copy.server.stop()


def main(words: list[str]) -> int:
    """Run the command and return its exit status: 130 when it is interrupted."""
    arguments = parsed(words)
    wanted = chosen(arguments)
    if arguments.list:
        print(*wanted, sep="\n")
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell ignores the first of jobs
        signal.signal(number, signal.default_int_handler)
    record = Record(arguments.record)
    known = record.outcomes
    left = [
        each
        for each in wanted
        if each.key not in known or (arguments.again and not known[each.key].by)
    ]
    status = 0
    try:
        work(left, record, arguments)
    except KeyboardInterrupt:
        status = 130
    done = [known[each.key] for each in wanted if each.key in known]
    if done:
        print("", told(done), sep="\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
