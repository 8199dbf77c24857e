"""Write the workflow files that repeat other files: `make workflows`.

The workflows of projects are also in this repository. A repository made with "Use this
template" needs them from the start, as a run's token can delete a workflow file but not
add one. The form of "Use this template" repeats questions of cookiecutter.json.
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
# The questions of the form. The defaults of the others fit GitHub.
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
    """Return one question of the form, as a line of the workflow."""
    asked = prompt if isinstance(prompt, str) else prompt["__prompt__"]
    about = {"type": "string", "default": default}
    if isinstance(default, list):
        about = {"type": "choice", "default": default[0], "options": default}
    elif isinstance(default, bool):
        about["type"] = "boolean"
    elif key == "project_name":
        asked, about["default"] = f"{asked} (empty: the repository's name)", ""
    about = {"description": asked, **about}
    # JSON is also YAML.
    values = {name: json.dumps(about[name], ensure_ascii=False) for name in about}
    inside = ", ".join(f"{name}: {value}" for name, value in values.items())
    return f"      {key}: {{{inside}}}\n"


def with_form(text: str, context: dict[str, Any]) -> str:
    """Return the text of the workflow with the questions of the form.

    Args:
        context: the content of cookiecutter.json.
    """
    prompts = context["__prompts__"]
    asked = [
        question(key, context[key], prompts[key]) for key in FORM if key in prompts
    ]
    pattern = r"(?<=    inputs:\n)(?:      .*\n)+"
    return re.sub(pattern, lambda _: "".join(asked), text, count=1)


def main() -> None:
    """Write the workflows and the form."""
    # The files have no variables, only `raw` blocks around GitHub's expressions.
    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    # Without those of add-ons, which the form does not offer.
    for path in Path(TEMPLATE, TREE, WORKFLOWS).glob("*__github %}*"):
        name = re.sub(r"\{%.*?%\}", "", path.name)
        text = jinja.from_string(path.read_text("utf-8")).render()
        Path(TEMPLATE, WORKFLOWS, name).write_text(text, "utf-8", newline="\n")
    context = json.loads(Path(TEMPLATE, "cookiecutter.json").read_text("utf-8"))
    path = Path(TEMPLATE, FORM_FILE)
    text = with_form(path.read_text("utf-8"), context)
    path.write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
