"""What programs leave behind when they have ended: processes and temporary files."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 2.0  # seconds in which a process may end after the program that started it
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, of linux/prctl.h
RANDOM = re.compile(r"([0-9a-f]{16}|[a-z0-9_]{8})(?=\.|$)")  # of a temporary name
BY_DESCENT = "every descendant, orphans adopted"
BY_NAME = "those whose command line names the workshop; others are not seen"
NOT_AT_ALL = "not looked for on this system"


@contextlib.contextmanager
def adopting_orphans() -> Iterator[bool]:
    """Be the parent of every descendant that has lost its own; Linux alone can do that.

    A process can leave its session and its group, but not its descent. Yields whether
    it is done.
    """
    done = sys.platform == "linux" and _prctl(1)
    try:
        yield done
    finally:
        if done:
            _prctl(0)


def _prctl(value: int) -> bool:
    status: int = ctypes.CDLL(None).prctl(SUBREAPER, value, 0, 0, 0)
    return status == 0


class Watch:
    """Looks for what has been left since it was made; the start is not held against it.

    Attributes:
        root: the directory in which all that is watched works.
        method: how processes are looked for, for a person.
    """

    def __init__(self, root: Path, *, adopts: bool) -> None:
        self.root = root
        self.adopts = adopts
        has_ps = os.name == "posix" and shutil.which("ps") is not None
        self.method = BY_DESCENT if adopts else BY_NAME if has_ps else NOT_AT_ALL
        self.before = set(self._living())

    def processes(self, patience: float = PATIENCE) -> dict[int, str]:
        """Return those that live on: their ids and command lines.

        Args:
            patience: seconds to wait for those that are about to end.
        """
        until = time.monotonic() + patience
        while True:
            found = self._living()
            left = {pid: found[pid] for pid in found if pid not in self.before}
            if not left or time.monotonic() > until:
                return left
            time.sleep(0.05)

    def end(self, *pids: int) -> None:
        """Kill processes by their ids; one that has ended by now is none."""
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self.processes()

    def _living(self) -> dict[int, str]:
        if self.adopts:
            return descendants(os.getpid())
        if self.method == NOT_AT_ALL:
            return {}
        words = ["ps", "-A", "-ww", "-o", "pid=", "-o", "command="]
        lines = subprocess.run(words, capture_output=True, text=True).stdout
        rows = (line.split(maxsplit=1) for line in lines.splitlines())
        return {int(row[0]): row[1] for row in rows if str(self.root) in row[-1]}


def temporary_files(directory: Path) -> Counter[str]:
    """Return how many there are of each kind of what lies in a directory."""
    return Counter(kind(path) for path in directory.iterdir())


def kind(path: Path) -> str:
    """Return a name without its random part, so that equal things count as equal.

    A directory ends in a slash, and in ``/…`` if it holds anything.
    """
    name = RANDOM.sub("*", path.name)
    if path.is_symlink() or not path.is_dir():
        return name
    return f"{name}/…" if any(path.iterdir()) else f"{name}/"


def descendants(top: int) -> dict[int, str]:
    """Return the living processes below one, on Linux: ids and command lines.

    Those of the process's own children that have ended are buried.
    """
    parents: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            text = (process / "stat").read_text("utf-8", "replace")
            state, parent = text.rpartition(")")[2].split()[:2]
            pid = int(process.name)
            if state == "Z" and int(parent) == top == os.getpid():
                os.waitpid(pid, os.WNOHANG)
            elif state not in "ZX":
                parents[pid] = int(parent)
    below = {top}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return {pid: command_line(pid) for pid in below - {top}}


def command_line(pid: int) -> str:
    """Return what a process was started as, on Linux; its id if it has just ended."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        words = []
    return b" ".join(words).decode("utf-8", "replace").strip() or str(pid)
