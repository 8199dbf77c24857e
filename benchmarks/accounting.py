"""What a project costs: room on the disk, each file counted once, and middle values."""

from __future__ import annotations

import os
import stat
import statistics
from collections.abc import Sequence
from pathlib import Path

BLOCK = 512  # bytes: the unit of st_blocks, whatever the file system's own blocks are


def bytes_used(status: os.stat_result) -> int:
    """Return the bytes that a file takes on the disk; its length where that isn't told.

    Args:
        status: of the file itself, not of what a symbolic link leads to.
    """
    blocks: int | None = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else blocks * BLOCK


class Ledger:
    """The room that directories take, with every name of a file counted as that file.

    A file that the cache and a project share as a hard link is one file, so what a
    project adds is what was not on the disk before. Clones (APFS, btrfs, XFS) share
    blocks without being one file, and are counted as copies.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], int] = {}
        self.directories = 0  # bytes that directories themselves take, without contents

    def grow(self, *tops: Path) -> int:
        """Return the bytes by which these trees have grown since they were last seen.

        Args:
            tops: files or directories; one that does not exist takes no room.
        """
        growth = 0
        for top in tops:
            if top.exists():
                growth += self._record(top.lstat())
                growth += self._grow_below(top) if top.is_dir() else 0
        return growth

    def _grow_below(self, top: Path) -> int:
        growth = 0
        waiting = [str(top)]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        growth += self._record(os.lstat(entry.path))
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
            except FileNotFoundError:
                continue  # caches are shared: somebody else has cleaned up
        return growth

    def _record(self, status: os.stat_result) -> int:
        key = (status.st_dev, status.st_ino)
        before = self.known.get(key, 0)
        self.known[key] = bytes_used(status)
        growth = self.known[key] - before
        self.directories += growth if stat.S_ISDIR(status.st_mode) else 0
        return growth


def can_link(cache: Path, projects: Path) -> bool:
    """Tell whether files of the cache can be hard links in the projects.

    Args:
        cache: need not exist yet; its nearest existing parent decides.
        projects: an existing directory.
    """
    existing = next(path for path in (cache, *cache.parents) if path.exists())
    return existing.stat().st_dev == projects.stat().st_dev


def ratio(measured: Sequence[float], reference: Sequence[float]) -> float:
    """Return the quotient of two medians, of values in the same unit."""
    return statistics.median(measured) / statistics.median(reference)
