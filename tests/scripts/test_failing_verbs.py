"""A command that fails changes and removes no file of the user."""

from __future__ import annotations

import pytest

from support.machine import Machine
from support.processes import put_first_on_path

CANNOT_FAIL = {"bootstrap", "doctor", "help", "hooks", "repository"}
REMOVES_FILES = {"clean"}
# Arguments of some commands; the others fail because of broken files.
WORDS = {
    "add": ["PACKAGE=no-such-package-of-anybodys"],
    "add-app": ["NAME=bot"],
    "graduate": ["TO=no-such-starter"],
    "image-push": ["REGISTRY=127.0.0.1:9"],
    "install-production": ["VENV=production"],
    "kernel": ["KERNEL=no/name"],
    "publish": ["PUBLISH_URL=http://127.0.0.1:9/"],
    "test": ["ARGS=tests/no_such_test.py"],
    "update": ["TO=no-such-branch"],
}


@pytest.mark.ci
@pytest.mark.slow
def test_a_command_that_fails_keeps_every_file_and_the_index(machine: Machine) -> None:
    machine.cookiecutter(
        environment_manager="uv",
        starter="service",
        sample=True,
        docker=True,
        ci="gitlab",
    )
    project = machine.project()
    listed = project.make("help").stdout.splitlines()
    verbs = {line.split()[0] for line in listed} - REMOVES_FILES
    assert verbs >= {*WORDS, *CANNOT_FAIL}
    assert project.make().stdout.splitlines() == listed

    manifest = project.text("pyproject.toml")
    broken = manifest.replace("dependencies = [", 'dependencies = ["no-such-package",')
    edits = {
        "pyproject.toml": broken,  # an edit that is not staged
        "staged.txt": "staged",
        "README.md": "assumed to be unchanged",
        "CHANGELOG.md": "skipped",
        "note.txt": "untracked",
        "src/my_analysis/broken.py": "def (",
        "notebooks/broken.ipynb": "{",
        "data.toml": "[files]\na = 1",
        "data/raw/mine.csv": "ignored",
        "data/raw/penguins.csv": "not the table",
        "dist/mine.txt": "ignored",
        ".env": "MINE=ignored",
    }
    for name, text in edits.items():
        project.write(name, text)
    project.git("add", "staged.txt")
    project.git("update-index", "--assume-unchanged", "README.md")
    project.git("update-index", "--skip-worktree", "CHANGELOG.md")
    for program in ("docker", "jupyter-lab", "twine", "cruft"):
        put_first_on_path(machine, program, "exit 1")
    machine.env |= {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(machine.home / "empty")}

    def state() -> tuple[dict[str, bytes], str]:
        contents = {name: (project / name).read_bytes() for name in edits}
        contents |= {name: (project / name).read_bytes() for name in tracked}
        listed = ("ls-files", "--stage", "-v", "--others", "--exclude-standard")
        return contents, project.git(*listed)

    tracked = project.git("ls-files").splitlines()
    before = state()
    for verb in sorted(verbs):
        done = project.make(verb, *WORDS.get(verb, []), check=False)
        assert verb in CANNOT_FAIL or done.returncode != 0, (verb, done.stdout)
        assert "Traceback" not in done.stdout or verb == "notebooks", done.stdout
        assert state() == before, (verb, done.stdout)
