"""Bring the template's own workflows in line with its projects': `make workflows`.

Two things are said in two places because GitHub wants them there. A project's workflow
files stand at the top of this repository as well: the token of a run may delete a
workflow file but not add one, so in a repository made with "Use this template" they
must be there already. And the form of "Use this template" asks questions that
cookiecutter.json asks. Both are written from the one place that a person edits.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

TEMPLATE = Path(__file__).resolve().parent.parent
TREE = "{{cookiecutter.__project_dir}}"
WORKFLOWS = ".github/workflows"
# What a person is asked who has only a form: the rest has defaults that fit GitHub.
FORM = (
    "project_name",
    "description",
    "starter",
    "sample",
    "environment_manager",
    "docker",
    "license",
)
FORM_FILE = f"{WORKFLOWS}/use-template.yml"


def question(key: str, default: Any, prompt: str | dict[str, str]) -> str:
    """Return one question of the form, a line that is indented as in the workflow."""
    asked = prompt if isinstance(prompt, str) else prompt["__prompt__"]
    about = {"type": "string", "default": default}
    if isinstance(default, list):
        about = {"type": "choice", "default": default[0], "options": default}
    elif isinstance(default, bool):
        about["type"] = "boolean"
    elif key == "project_name":
        asked, about["default"] = f"{asked} (empty: the repository's name)", ""
    about = {"description": asked, **about}
    # Every JSON text is YAML, too.
    values = {name: json.dumps(about[name], ensure_ascii=False) for name in about}
    inside = ", ".join(f"{name}: {value}" for name, value in values.items())
    return f"      {key}: {{{inside}}}\n"


def with_form(text: str, context: dict[str, Any]) -> str:
    """Return the text of the workflow with a form of the questions that it asks.

    Args:
        context: what cookiecutter.json says.
    """
    prompts = context["__prompts__"]
    asked = [
        question(key, context[key], prompts[key]) for key in FORM if key in prompts
    ]
    pattern = r"(?<=    inputs:\n)(?:      .*\n)+"
    return re.sub(pattern, lambda _: "".join(asked), text, count=1)


def write(path: Path, text: str) -> None:
    """Write a text with line ends that are the same on every platform."""
    path.write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Write the workflows and the form."""
    # They hold no variable, only marks that keep GitHub's braces from being rendered.
    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    # The form has no add-ons, whose workflows would run in every copy.
    for path in Path(TEMPLATE, TREE, WORKFLOWS).glob("*__github %}*"):
        name = re.sub(r"\{%.*?%\}", "", path.name)
        text = jinja.from_string(path.read_text("utf-8")).render()
        write(Path(TEMPLATE, WORKFLOWS, name), text)
    context = json.loads(Path(TEMPLATE, "cookiecutter.json").read_text("utf-8"))
    path = Path(TEMPLATE, FORM_FILE)
    write(path, with_form(path.read_text("utf-8"), context))


if __name__ == "__main__":
    main()
