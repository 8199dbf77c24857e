"""GitHub, as far as the tests need it: a bare repository that refuses what it refuses.

That is pushes that are forced, that add or change a workflow file, or that go to a
protected branch (a line in its file ``protected``).
"""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from conftest import ROOT, Machine, run
from github_files import FORM_FILE, TREE, WORKFLOWS

HERE = "ada/penguin-bills"
SERVER = "https://github.com"
FIRST_COMMIT = "Initial commit"
OWN_WORKFLOW = "on: push\njobs: {}\n"
HOOK = r"""#!/bin/sh
none=0000000000000000000000000000000000000000
while read -r old new reference; do
  if grep -qsx "$reference" protected; then
    echo "error: GH006: Protected branch update failed for $reference." >&2
    exit 1
  fi
  if [ "$old" != $none ] && ! git merge-base --is-ancestor "$old" "$new"; then
    echo "error: forced" >&2
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


class Ended(NamedTuple):
    """How a run ended: exit status, log, and the summary on its page."""

    status: int
    log: str
    summary: str


class Hub:
    """A repository on GitHub, and the machine on which its workflows run.

    Attributes:
        path: the bare repository.
        name: its owner and name.
        event: what GitHub says of the repository in the description of a run.
    """

    def __init__(self, machine: Machine, path: Path) -> None:
        self.machine = machine
        self.path = path
        self.name = HERE
        self.event = {"fork": False, "is_template": False}
        self.clones = 0
        machine.env["MAKE"] = "false"  # no lock, unless a test is about it

    def git(self, *words: str) -> str:
        """Return what git prints in the bare repository."""
        return self.machine.run("git", *words, cwd=self.path).stdout.strip()

    def clone(self) -> Path:
        """Return a fresh clone."""
        self.clones += 1
        target = self.machine.work / f"clone-{self.clones}"
        self.machine.run("git", "clone", "--quiet", str(self.path), target)
        return target

    def commit(self, files: dict[str, str | None], message: str = "Mine") -> None:
        """Add a commit to main, past the hook: a file's text, or None to delete it."""
        clone = self.clone()
        for name, text in files.items():
            if text is None:
                (clone / name).unlink()
                continue
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_text(text, encoding="utf-8")
        self.machine.run("git", "add", "--all", "--force", cwd=clone)
        commit = ("git", "commit", "--quiet", "--message", message)
        self.machine.run(*commit, cwd=clone)
        pull = ("git", "fetch", "--quiet", str(clone), "+HEAD:refs/heads/main")
        self.machine.run(*pull, cwd=self.path)

    def start(
        self,
        *command: str,
        at: Path | None = None,
        reference: str = "refs/heads/main",
        **inputs: object,
    ) -> Ended:
        """Start the workflow with these answers in its form.

        Args:
            command: what the workflow runs, if not the script itself.
            at: the checkout, if it is not a fresh one.
        """
        checkout = at or self.clone()
        directory = self.machine.home.parent
        event, summary = directory / "event.json", directory / "summary.md"
        repository = {"full_name": self.name, **self.event}
        form = {key: question["default"] for key, question in form_of(ROOT).items()}
        described = {"inputs": {**form, **inputs}, "repository": repository}
        event.write_text(json.dumps(described), encoding="utf-8")
        summary.unlink(missing_ok=True)
        env = {
            **self.machine.env,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_SERVER_URL": SERVER,
            "GITHUB_REPOSITORY": self.name,
            "GITHUB_REF": reference,
            "GITHUB_ACTOR": "ada-l",
            "GITHUB_ACTOR_ID": "1815",
            "GITHUB_TOKEN": "s3cret",
        }
        words = command or (sys.executable, "tools/use_template.py")
        done = run(*words, cwd=checkout, env=env, check=False)
        said = summary.read_text("utf-8") if summary.exists() else ""
        assert "s3cret" not in done.stdout + said
        assert "Traceback" not in done.stdout + said
        return Ended(done.returncode, done.stdout, said)

    @property
    def branches(self) -> dict[str, str]:
        """Every branch and its newest commit."""
        lines = self.git("for-each-ref", "--format=%(refname:short) %(objectname)")
        return dict(line.split() for line in lines.splitlines())

    def files(self, branch: str = "main") -> dict[str, str]:
        """Return the files on a branch, and git's names for their contents."""
        lines = self.git("ls-tree", "-r", "-z", branch).split("\0")
        pairs = (line.partition("\t") for line in lines if line)
        return {path: described.split()[2] for described, _, path in pairs}

    def text(self, name: str, branch: str = "main") -> str:
        """Return the text of a file on a branch."""
        return self.machine.run("git", "show", f"{branch}:{name}", cwd=self.path).stdout

    @property
    def manifest(self) -> dict[str, Any]:
        """The pyproject.toml on main."""
        return tomllib.loads(self.text("pyproject.toml"))

    @property
    def subjects(self) -> list[str]:
        """What the commits on main say, the newest first."""
        return self.git("log", "--format=%s", "main").splitlines()


def form_of(root: Path) -> dict[str, dict[str, Any]]:
    """Return the questions of the form."""
    workflow = yaml.load((root / FORM_FILE).read_text("utf-8"), yaml.BaseLoader)
    questions: dict[str, dict[str, Any]] = workflow["on"]["workflow_dispatch"]["inputs"]
    return questions


def with_a_workflow(template: Path, source: Path) -> Path:
    """Copy a template, and give its projects a workflow, which it then has too."""
    shutil.copytree(template, source)
    for top in (source / TREE, source):
        (top / WORKFLOWS).mkdir(parents=True, exist_ok=True)
        (top / WORKFLOWS / "checks.yml").write_text(OWN_WORKFLOW, encoding="utf-8")
    return source


def bare_with(directory: Path, source: Path, machine_env: dict[str, str]) -> Path:
    """Make a bare repository that holds a directory's files in one commit."""
    work, bare = directory / "work", directory / "hub.git"
    shutil.copytree(source, work)
    quiet = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    run("git", "init", "--quiet", "--initial-branch=main", cwd=work, env=machine_env)
    run("git", "add", "--all", cwd=work, env=machine_env)
    commit = (*quiet, "commit", "--quiet", "--message", FIRST_COMMIT)
    run(*commit, cwd=work, env=machine_env)
    run("git", "clone", "--quiet", "--bare", work, bare, env=machine_env)
    shutil.rmtree(work)
    hook = bare / "hooks/pre-receive"
    hook.write_text(HOOK, encoding="utf-8", newline="\n")
    hook.chmod(0o755)
    return bare
