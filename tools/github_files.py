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


def project_workflows(template: Path = TEMPLATE) -> dict[str, str]:
    """Return the workflow files of projects by the names that they have there."""
    # They hold no variable, only marks that keep GitHub's braces from being rendered.
    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    return {
        re.sub(r"\{%.*?%\}", "", path.name): jinja.from_string(
            path.read_text(encoding="utf-8")
        ).render()
        for path in sorted(Path(template, TREE, WORKFLOWS).glob("*"))
    }


def form(context: dict[str, Any]) -> str:
    """Return the form's questions as YAML, for the questions that the template asks.

    Args:
        context: what cookiecutter.json says.
    """
    return "".join(
        question(key, context[key], context["__prompts__"][key])
        for key in FORM
        if key in context
    )


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
    inside = ", ".join(f"{name}: {yaml_of(value)}" for name, value in about.items())
    return f"      {key}: {{{inside}}}\n"


def yaml_of(value: str | bool | list[str]) -> str:
    """Return a value as YAML; every JSON text is one."""
    return json.dumps(value, ensure_ascii=False)


def with_form(text: str, context: dict[str, Any]) -> str:
    """Return the text of the workflow with the form that belongs to the questions."""
    pattern = r"(?<=    inputs:\n)(?:      .*\n)+"
    return re.sub(pattern, lambda _: form(context), text, count=1)


def main() -> None:
    """Write the workflows and the form."""
    for name, content in project_workflows().items():
        Path(TEMPLATE, WORKFLOWS, name).write_text(
            content, encoding="utf-8", newline="\n"
        )
    text = Path(TEMPLATE, "cookiecutter.json").read_text(encoding="utf-8")
    path = Path(TEMPLATE, FORM_FILE)
    former = path.read_text(encoding="utf-8")
    path.write_text(with_form(former, json.loads(text)), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
