"""A simulated GitHub: a bare repository that rejects the pushes that GitHub rejects.

These are forced pushes, pushes that add or change a workflow file, and pushes to a
protected branch (a line in the repository's file ``protected``).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from github_files import FORM_FILE
from support.machine import Machine
from support.project import ROOT, run

NAME = "ada/penguin-bills"
SERVER = "https://github.com"
FIRST_COMMIT = "Initial commit"
HOOK = r"""#!/bin/sh
none=0000000000000000000000000000000000000000
while read -r old new reference; do
  if grep -qsx "$reference" protected; then
    echo "error: GH006: Protected branch update failed for $reference." >&2
    exit 1
  fi
  if [ "$old" = $none ]; then old=refs/heads/main; fi
  changes="git diff --name-only --no-renames --diff-filter=d"
  changed=$($changes "$old" "$new" -- .github/workflows)
  if [ -n "$changed" ]; then
    echo "refusing to allow a GitHub App to create or update workflow \`$changed\`" >&2
    exit 1
  fi
done
"""


class Result(NamedTuple):
    """The end of a workflow run: exit status, log and summary."""

    status: int
    log: str
    summary: str


class GitHub:
    """A repository that was made from the template, and the machine of its runs.

    Attributes:
        path: the bare repository.
        event: the repository in GitHub's description of a run.
    """

    def __init__(self, machine: Machine, path: Path) -> None:
        self.machine = machine
        self.path = path
        html_url, name = f"{SERVER}/{NAME}", NAME.partition("/")[2]
        self.event: dict[str, Any] = {"html_url": html_url, "name": name}
        self.event |= {"fork": False, "is_template": False}
        self.clones = 0
        machine.env["MAKE"] = "false"  # locks nothing
        machine.env["TEMPLATE"] = ""

    def git(self, *words: str) -> str:
        return self.machine.run("git", *words, cwd=self.path).stdout.strip()

    def clone(self) -> Path:
        self.clones += 1
        target = self.machine.work / f"clone-{self.clones}"
        self.machine.run("git", "clone", "--quiet", str(self.path), target)
        return target

    def commit(self, files: dict[str, str]) -> None:
        """Add a commit with these files to main, bypassing the hook."""
        clone = self.clone()
        for name, text in files.items():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_text(text, encoding="utf-8")
        self.machine.run("git", "add", "--all", "--force", cwd=clone)
        self.machine.run("git", "commit", "--quiet", "--message", "Mine", cwd=clone)
        self.git("fetch", "--quiet", str(clone), "+HEAD:refs/heads/main")

    def start(
        self, *command: str, checkout: Path | None = None, **inputs: object
    ) -> Result:
        """Start the workflow with these answers in its form.

        Args:
            command: the command to run; by default the script.
            checkout: the clone in which it runs; by default a new one.
            inputs: answers that differ from the defaults of the form.
        """
        directory = self.machine.home.parent
        event, summary = directory / "event.json", directory / "summary.md"
        form = {key: question["default"] for key, question in read_form(ROOT).items()}
        described = {
            "inputs": {**form, **inputs},
            "ref": "refs/heads/main",
            "repository": self.event,
            "sender": {"login": "ada-l", "id": 1815},
        }
        event.write_text(json.dumps(described), encoding="utf-8")
        summary.write_text("", encoding="utf-8")
        env = {
            **self.machine.env,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_SERVER_URL": SERVER,
            "GITHUB_TOKEN": "s3cret",
        }
        words = command or (sys.executable, "tools/use_template.py")
        done = run(*words, cwd=checkout or self.clone(), env=env, check=False)
        text = summary.read_text("utf-8")
        assert "s3cret" not in done.stdout + text
        assert "Traceback" not in done.stdout + text
        return Result(done.returncode, done.stdout, text)

    @property
    def branches(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname:short) %(objectname)")
        return dict(line.split() for line in lines.splitlines())

    def files(self, branch: str = "main") -> list[str]:
        names = self.git("ls-tree", "-r", "-z", "--name-only", branch)
        return [name for name in names.split("\0") if name]

    def text(self, name: str, branch: str = "main") -> str:
        return self.machine.run("git", "show", f"{branch}:{name}", cwd=self.path).stdout


def read_form(root: Path) -> dict[str, dict[str, Any]]:
    """Return the questions of the form of "Use this template"."""
    workflow = yaml.load((root / FORM_FILE).read_text("utf-8"), yaml.BaseLoader)
    questions: dict[str, dict[str, Any]] = workflow["on"]["workflow_dispatch"]["inputs"]
    return questions


def make_bare_repository(directory: Path, source: Path, machine: Machine) -> Path:
    """Make a bare repository with a directory's files in one commit."""
    work, bare = directory / "work", directory / "hub.git"
    shutil.copytree(source, work)
    for words in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", FIRST_COMMIT),
        ("clone", "--quiet", "--bare", ".", str(bare)),
    ):
        machine.run("git", *words, cwd=work)
    shutil.rmtree(work)
    config = ("config", "receive.denyNonFastForwards", "true")
    machine.run("git", *config, cwd=bare)
    hook = bare / "hooks/pre-receive"
    hook.write_text(HOOK, encoding="utf-8", newline="\n")
    hook.chmod(0o755)
    return bare
