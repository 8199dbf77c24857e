"""Commit a directory's files to a branch of the remote, without a work tree."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

WORKFLOWS = ".github/workflows/"


class GitError(Exception):
    """A git command failed; the text is git's output."""


class DeclinedError(GitError):
    """The remote rejected a push."""


class Person(NamedTuple):
    """The author of a commit."""

    name: str
    address: str


BOT = Person(
    "github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com"
)


class Repository:
    """A clone with a remote called origin; the token is for the HTTPS server."""

    def __init__(self, path: Path, token: str = "", server: str = "") -> None:
        self.path = path
        self.environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        if token:
            # Other programs can read arguments, but not the environment.
            login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            self.environment |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
                "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {login}",
            }

    def git(
        self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> str:
        """Return git's output without surrounding white space, or raise GitError."""
        done = subprocess.run(
            ["git", "-C", str(self.path), *words],
            env={**self.environment, **(env or {})},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode != 0:
            raise GitError(done.stdout + done.stderr)
        return done.stdout.strip()

    def tips(self, *branches: str) -> dict[str, str]:
        """Return the newest commits of those branches that the remote has."""
        references = [f"refs/heads/{branch}" for branch in branches]
        found = self.git("ls-remote", "origin", *references).splitlines()
        pairs = (line.split("\t") for line in found)
        return {name.removeprefix("refs/heads/"): commit for commit, name in pairs}

    def fetch(self, branch: str) -> str:
        """Fetch a branch of the remote and return its newest commit."""
        self.git("fetch", "--quiet", "--no-tags", "origin", f"refs/heads/{branch}")
        return self.git("rev-parse", "FETCH_HEAD")

    def files(self, commit: str) -> dict[str, str]:
        """Return the files of a commit: path to mode, type and hash."""
        lines = self.git("ls-tree", "-r", "-z", commit).split("\0")
        pairs = (line.split("\t", 1) for line in lines if line)
        return {path: entry for entry, path in pairs}

    def tree(
        self,
        directory: Path,
        *,
        besides: Mapping[str, str] | None = None,
        without: Iterable[str] = (),
    ) -> str:
        """Return the hash of a tree with a directory's files, except ignored ones.

        Args:
            directory: a directory with its own .gitignore.
            besides: more files, unless the directory has one at the same path.
            without: paths of the directory to leave out.
        """
        kept = "".join(f"{entry}\t{path}\0" for path, entry in (besides or {}).items())
        removed = "".join(f"{path}\0" for path in without)
        place = (f"--git-dir={self.path / '.git'}", "--work-tree=.")
        with tempfile.TemporaryDirectory(prefix="index-") as scratch:
            env = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            self.git("update-index", "-z", "--index-info", stdin=kept, env=env)
            add = ("add", "--ignore-removal", ".")
            self.git("-C", str(directory), *place, *add, env=env)
            remove = ("update-index", "-z", "--force-remove", "--stdin")
            self.git(*remove, stdin=removed, env=env)
            return self.git("write-tree", env=env)

    def commit(
        self, tree: str, parents: Iterable[str], message: str, author: Person
    ) -> str:
        """Make a commit that is on no branch and return its hash."""
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.address,
            "GIT_COMMITTER_NAME": BOT.name,
            "GIT_COMMITTER_EMAIL": BOT.address,
        }
        words = [word for parent in parents for word in ("-p", parent)]
        return self.git("commit-tree", tree, *words, "-m", message, env=env)

    def push(self, commit: str, branch: str) -> None:
        """Push a commit to a branch; raise DeclinedError if it is rejected."""
        try:
            push = ("push", "--quiet", "--porcelain", "origin")
            self.git(*push, f"{commit}:refs/heads/{branch}")
        except GitError as error:
            declined = "[remote rejected]" in str(error)
            raise (DeclinedError if declined else GitError)(str(error)) from None


def foreign_workflows(made: dict[str, str], here: dict[str, str]) -> list[str]:
    """Return the workflow files that a run can't push, as they differ from `here`."""
    workflows = sorted(path for path in made if path.startswith(WORKFLOWS))
    return [path for path in workflows if here.get(path) != made[path]]
