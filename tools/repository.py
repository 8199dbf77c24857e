"""Commit a directory's files to a branch of a remote repository, beside the work tree.

Nothing here touches what is checked out, and nothing is ever forced: a commit is made
from an index of its own, and the remote takes it or says why not.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

BOT = "github-actions[bot]"
BOT_ADDRESS = "41898282+github-actions[bot]@users.noreply.github.com"
WORKFLOWS = ".github/workflows/"
# A person's settings that would change which files are committed, and how.
OWN_SETTINGS = ("-c", "core.autocrlf=false", "-c", "core.excludesFile=")


class GitError(Exception):
    """A git command failed; the text is what git said last."""


class DeclinedError(GitError):
    """The remote could be reached and does not want this push."""


class Entry(NamedTuple):
    """A file in a commit: its mode and the name of its content, as git writes them."""

    mode: str
    content: str


class Person(NamedTuple):
    """Whose name a commit carries."""

    name: str
    address: str


class Repository:
    """A clone with a remote called origin.

    Args:
        path: the work tree.
        token: lets git read from and write to the server, if the remote is there.
        server: address of that server, such as ``https://github.com``.
    """

    def __init__(self, path: Path, token: str = "", server: str = "") -> None:
        self.path = path
        self.environment = {
            name: value for name, value in os.environ.items() if name[:4] != "GIT_"
        }
        self.environment["GIT_TERMINAL_PROMPT"] = "0"
        if token:
            # In the environment nobody sees it: an argument every program could read.
            login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            self.environment |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
                "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {login}",
            }

    def git(
        self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> str:
        """Return what git prints, without blanks at the ends.

        Raises:
            GitError: if git fails or is missing.
        """
        try:
            done = subprocess.run(
                ["git", "-C", str(self.path), *words],
                env={**self.environment, **(env or {})},
                input=stdin,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise GitError(f"git: {error.strerror}") from None
        if done.returncode != 0:
            raise GitError(done.stdout + done.stderr)
        return done.stdout.strip()

    def tips(self, *branches: str) -> dict[str, str]:
        """Return the remote's newest commit of those of these branches that it has.

        Raises:
            GitError: if the remote can't be reached.
        """
        references = [f"refs/heads/{branch}" for branch in branches]
        found = self.git("ls-remote", "origin", *references).splitlines()
        pairs = (line.split("\t") for line in found)
        return {name.removeprefix("refs/heads/"): commit for commit, name in pairs}

    def fetch(self, branch: str) -> str:
        """Fetch a branch of the remote and return its newest commit."""
        self.git("fetch", "--quiet", "--no-tags", "origin", f"refs/heads/{branch}")
        return self.git("rev-parse", "FETCH_HEAD")

    def files(self, commit: str) -> dict[str, Entry]:
        """Return the files of a commit by their paths."""
        listed = self.git("ls-tree", "-r", "-z", commit).split("\0")
        entries = {}
        for line in filter(None, listed):
            described, _, path = line.partition("\t")
            mode, _, content = described.split()
            entries[path] = Entry(mode, content)
        return entries

    def tree(
        self,
        directory: Path,
        *,
        besides: Mapping[str, Entry] | None = None,
        without: Iterable[str] = (),
    ) -> str:
        """Return git's name for a directory's files, but for what they ignore.

        Args:
            directory: where the files are, with their own .gitignore.
            besides: files of other commits that are to stand beside them.
            without: paths that are to be left out.
        """
        with tempfile.TemporaryDirectory(prefix="index-") as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            place = f"--work-tree={directory}"
            top = f"--git-dir={self.git('rev-parse', '--absolute-git-dir')}"
            add = ("-C", str(directory), *OWN_SETTINGS, top, place, "add", "--all")
            self.git(*add, env=index)
            gone = [f"0 {'0' * 40}\t{path}" for path in without]
            kept = [
                f"{entry.mode} {entry.content}\t{path}"
                for path, entry in (besides or {}).items()
            ]
            lines = "".join(f"{line}\0" for line in gone + kept)
            self.git("update-index", "-z", "--index-info", stdin=lines, env=index)
            return self.git("write-tree", env=index)

    def commit(
        self, tree: str, parents: Iterable[str], message: str, author: Person
    ) -> str:
        """Make a commit of a tree, by the author and committed by GitHub's bot.

        Returns:
            The commit, which no branch points to yet.
        """
        who = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.address,
            "GIT_COMMITTER_NAME": BOT,
            "GIT_COMMITTER_EMAIL": BOT_ADDRESS,
        }
        above = [word for parent in parents for word in ("-p", parent)]
        return self.git("commit-tree", tree, *above, "-F", "-", stdin=message, env=who)

    def push(self, commit: str, branch: str) -> None:
        """Let a branch of the remote go on to a commit.

        Raises:
            DeclinedError: if the remote does not take it.
            GitError: if it can't be reached, or if the branch has gone on elsewhere.
        """
        push = ("push", "--quiet", "--porcelain", "origin")
        try:
            self.git(*push, f"{commit}:refs/heads/{branch}")
        except GitError as error:
            declined = "[remote rejected]" in str(error)
            raise (DeclinedError if declined else GitError)(str(error)) from None


def last_lines(text: str, count: int = 6) -> list[str]:
    """Return the last lines of what a program said that hold something."""
    lines = [re.sub(r"[^\x20-\U0010ffff]", " ", each) for each in text.splitlines()]
    return [line.rstrip() for line in lines if line.strip()][-count:]
