"""A temporary HOME and work directory, with the user's package caches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from new import copy_template

BIN = Path(".venv", "Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
DIRECTORIES = {  # defaults in the user's HOME
    "PYENV_ROOT": ".pyenv",
    "UV_CACHE_DIR": ".cache/uv",
    "PIP_CACHE_DIR": ".cache/pip",
    "POETRY_CACHE_DIR": ".cache/pypoetry",
    "PIP_TOOLS_CACHE_DIR": ".cache/pip-tools",
    "PIPENV_CACHE_DIR": ".cache/pipenv",
}
# Prefixes of variables that would direct tools out of the sandbox.
UNSET = (
    *("ARGS", "COOKIECUTTER", "GIT_", "JUPYTER", "MAKE", "MFLAGS", "PYTHON"),
    *("UV_PROJECT_ENVIRONMENT", "VENV", "VIRTUAL_ENV", "XDG_"),
)


class Sandbox:
    """Run commands in a temporary directory, with a HOME in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.template = copy_template(root)
        self.empty_template = root / "empty"
        files = {
            "home/.gitconfig": "[user]\n\tname = Ada\n\temail = ada@example.org\n",
            "home/tmp/.keep": "",
            "empty/cookiecutter.json": '{"project_slug": "my-analysis"}\n',
            "empty/{{cookiecutter.project_slug}}/README.md": "# Empty\n",
        }
        for hook in ("pre_prompt", "pre_gen_project", "post_gen_project"):
            files[f"empty/hooks/{hook}.py"] = '"""Does nothing."""\n'
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        given = {k: v for k, v in os.environ.items() if not k.startswith(UNSET)}
        self.env = {k: str(Path.home() / v) for k, v in DIRECTORIES.items()} | given
        self.env |= dict.fromkeys(("HOME", "USERPROFILE"), str(self.home))
        self.env |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.home / "tmp"))
        self.env["PIPENV_VENV_IN_PROJECT"] = "1"
        tools = str(Path(sys.executable).parent)
        self.env["PATH"] = os.pathsep.join([tools, os.environ["PATH"]])

    def run(self, *command: str | Path, cwd: Path | None = None) -> None:
        """Run a command and wait for it.

        Raises:
            RuntimeError: the command failed; the message has the end of its output.
        """
        cwd = cwd or self.root
        done = subprocess.run(
            command, cwd=cwd, env=self.env, input=b"", capture_output=True
        )
        if done.returncode != 0:
            output = (done.stdout + done.stderr).decode("utf-8", "replace")
            words = " ".join(map(str, command))
            raise RuntimeError(f"failed: {words}\n{output[-1000:]}")

    def make_project(self, project: Path, manager: str = "uv", **answers: str) -> None:
        """Make a project from the template, set up unless the answers say otherwise."""
        answers = {"set_up": "yes", "environment_manager": manager} | answers
        self.render(self.template, project.parent, project_slug=project.name, **answers)

    def render(self, template: Path, parent: Path, **answers: str) -> None:
        """Make a project in a directory, without questions."""
        given = [f"{name}={value}" for name, value in answers.items()]
        command = (sys.executable, "-m", "cookiecutter", template, "--no-input")
        self.run(*command, "--output-dir", parent, *given)
