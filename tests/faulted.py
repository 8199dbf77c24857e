"""Run a project's own tests, each time with a fault in its source, from one process.

A program for the environment of the project, and a plugin of pytest. It imports once
what is heavy, and forgets the project's own modules. Then it forks for each file of
tests, where functions get the code of a fault one after the other. What is outside of
functions is seen only as a module is imported: such a fault has a fork of its own.

It reads JSON from standard input, `[file, text, test]` of each fault, where the text
stands for that of the file. To standard output it writes, for each in turn, how many
cases of the test failed, and what they said.
"""

import gc
import inspect
import io
import json
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from importlib.machinery import SourceFileLoader
from itertools import groupby, zip_longest
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import pytest

PATIENCE = 60  # seconds for the test of one fault
OPTIONS = ("-q", "--tb=native", "-pno:cacheprovider")


class Fault(NamedTuple):
    """What stands in a file, and the test that is to notice it."""

    file: str
    text: str
    test: str

    @property
    def tests(self) -> str:
        """The file of the test."""
        return self.test.partition("::")[0]

    @property
    def code(self) -> CodeType:
        """The module."""
        return compile(self.text, str(Path(self.file).absolute()), "exec")

    @property
    def is_in_functions(self) -> bool:
        """Whether what is outside of functions is as it was."""
        was = compile(Path(self.file).read_text("utf-8"), self.file, "exec")
        return outside(was) == outside(self.code)


Outcome = tuple[int, str]  # how many cases failed, -1 if none could, and what was said


# Code


def is_function(code: object) -> bool:
    """Tell whether this is the code of a function, and not of a class."""
    return isinstance(code, CodeType) and bool(code.co_flags & inspect.CO_OPTIMIZED)


def outside(code: CodeType) -> tuple[object, ...]:
    """Return what runs as a module is imported."""
    held = [
        each.co_qualname if is_function(each) else outside(each)
        for each in code.co_consts
        if isinstance(each, CodeType)
    ]
    values = [each for each in code.co_consts if not isinstance(each, CodeType)]
    return code.co_code, code.co_names, repr(values), held


def functions(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a module's functions, and of its classes' ones."""
    for each in code.co_consts:
        if is_function(each):
            yield each
        elif isinstance(each, CodeType):
            yield from functions(each)


def in_use(path: str) -> Iterator[FunctionType]:
    """Yield the functions of a module that has been imported."""
    modules = [*sys.modules.values()]
    (module,) = (each for each in modules if getattr(each, "__file__", "") == path)
    for value in vars(module).values():
        names = [*vars(value)] if isinstance(value, type) else []
        for each in (value, *(getattr(value, name, None) for name in names)):
            function = getattr(each, "__func__", each)
            is_one = isinstance(function, FunctionType)
            if is_one and function.__code__.co_filename == path:
                yield function


@contextmanager
def swapped(code: CodeType) -> Iterator[None]:
    """Give the functions of a module other code."""
    new = {each.co_qualname: each for each in functions(code)}
    old = {each: each.__code__ for each in in_use(code.co_filename)}
    for function in old:
        function.__code__ = new[function.__qualname__]
    yield
    for function, before in old.items():
        function.__code__ = before


def put_in(code: CodeType) -> None:
    """Have a module that nobody has imported run other code."""
    from_the_file = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, name: str) -> CodeType | None:
        return code if self.path == code.co_filename else from_the_file(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore


def forget_the_project() -> None:
    """Let its modules be imported anew."""
    here = f"{Path.cwd()}{os.sep}"
    for name, module in [*sys.modules.items()]:
        if (getattr(module, "__file__", None) or "").startswith(here):
            del sys.modules[name]


# Processes


def in_a_copy(work: Callable[[], list[Outcome]]) -> list[Outcome]:
    """Do work in a copy of this process; return what comes of it, nothing if it ends.

    Raises:
        RuntimeError: what went wrong in the copy.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of other threads
            pid = os.fork()
        if not pid:
            try:
                json.dump(work(), answer)
            except BaseException:
                json.dump(traceback.format_exc(), answer)
            finally:
                answer.flush()
                os._exit(0)
        os.waitpid(pid, 0)
        answer.seek(0)
        found = json.loads(answer.read() or "[]")
    if isinstance(found, str):
        raise RuntimeError(found)
    return [*map(tuple, found)]


class Faulted:
    """Runs the test of each fault."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        self.outcomes: dict[Fault, Outcome] = {}
        self.said: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.said.append(f"{report.nodeid}, {report.when}:\n{report.longrepr}")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.collect()
        gc.freeze()  # what is there is not looked through in each copy,
        gc.disable()  # nor what a copy adds, which soon ends
        for file, together in groupby(self.faults, lambda fault: fault.tests):
            faults = [*together]
            inside = [each for each in faults if each.is_in_functions]
            self.note(inside, partial(self.swapping, session, file, inside))
            for fault in faults:
                if fault not in inside:
                    self.note([fault], partial(self.importing, session, fault))
        return True

    def note(self, faults: list[Fault], work: Callable[[], list[Outcome]]) -> None:
        """Keep what comes of faults in a copy of this process."""
        found = in_a_copy(work) or [(-1, "it took too long")] * len(faults)
        self.outcomes |= zip(faults, found, strict=True)

    def swapping(
        self, session: pytest.Session, file: str, faults: list[Fault]
    ) -> list[Outcome]:
        """Run tests of a file with the functions of each fault."""
        session.perform_collect([file])
        cases: dict[str, list[pytest.Item]] = {}
        for item in session.items:
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
        found = []
        for fault in faults:
            with swapped(fault.code):
                found.append(self.examine(session, cases.get(fault.test, [])))
        return found

    def importing(self, session: pytest.Session, fault: Fault) -> list[Outcome]:
        """Run a test with a fault in a module that is imported with it."""
        put_in(fault.code)
        session.perform_collect([fault.test])
        return [self.examine(session, session.items)]

    def examine(self, session: pytest.Session, cases: list[pytest.Item]) -> Outcome:
        """Run the cases of a test until one fails."""
        signal.alarm(PATIENCE)
        self.said.clear()
        before = session.testsfailed
        for item, following in zip_longest(cases, cases[1:]):
            run = item.config.hook.pytest_runtest_protocol
            run(item=item, nextitem=following)
            if session.testsfailed > before:
                # What the cases share was made with the fault.
                session._setupstate.teardown_exact(None)
                return 1, "\n".join(self.said)
        return (0 if cases else -1), f"{len(cases)} cases passed"


def main() -> None:
    """Run the tests, and write what became of each fault."""
    asked: list[Any] = json.load(sys.stdin)
    faulted = Faulted([Fault(*each) for each in asked])
    with redirect_stdout(io.StringIO()) as said:
        status = pytest.main([*OPTIONS, "--collect-only", "tests"])
        forget_the_project()
        if not status:
            with tempfile.TemporaryDirectory() as scratch:
                # What is below src is no test, and asks for no conftest.py.
                words = [*OPTIONS, f"--basetemp={scratch}/of-a-test", "src"]
                pytest.main(words, plugins=[faulted])
    if len(faulted.outcomes) < len({*faulted.faults}):
        sys.exit(said.getvalue())
    json.dump([faulted.outcomes[each] for each in faulted.faults], sys.stdout)


if __name__ == "__main__":
    main()
