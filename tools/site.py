"""Collect the pages of the documentation site and write its reference: `make docs`.

The pages keep their paths in the repository, so that links also work on GitHub.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]

from new import TEMPLATE, questions

PAGES = ("*.md", "docs/*.md", "docs/*.[sp][vn]g", "*/README.md", "*/data/README.md")
LARGEST = {"ci": "gitlab", "package_index_url": "https://packages.example.com/simple/"}
MAKEFILES = ("Makefile", "make/*.mk")


def table(header: str, rows: list[list[str]]) -> str:
    """Return a table in Markdown; the columns of the header are separated by commas."""
    names = header.split(", ")
    lines = [names, ["---"] * len(names)]
    lines += [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def question_table() -> str:
    """Return a table of the questions with their labels, defaults and choices."""
    context = questions()
    rows = []
    for name, prompt in context["__prompts__"].items():
        default = context[name]
        label = prompt if isinstance(prompt, str) else prompt["__prompt__"]
        choices = default if isinstance(default, list) else []
        if isinstance(default, bool):
            default, choices = ("yes" if default else "no"), ["yes", "no"]
        first = default[0] if isinstance(default, list) else str(default)
        first = "derived from other answers" if "{" in first else first
        rows.append([f"`{name}`", label, first, ", ".join(choices)])
    return table("question, meaning, default, choices", rows)


def render(directory: Path, **answers: object) -> Path:
    """Render the largest project with these answers, and return its path."""
    context = {**LARGEST, "docker": True, **answers}
    options = {"no_input": True, "accept_hooks": False, "extra_context": context}
    path = cookiecutter(str(TEMPLATE), output_dir=str(directory), **options)
    return Path(path)


def command_table(project: Path) -> str:
    """Return a table of a project's commands with their help."""
    found: list[list[str]] = []
    for path in (path for pattern in MAKEFILES for path in project.glob(pattern)):
        lines = path.read_text("utf-8")
        for name, text in re.findall(r"^([a-z-]+):.*?## (.*)$", lines, re.M):
            found.append([f"`make {name}`", text])
    return table("command, what it does", found)


def file_table(projects: dict[str, Path]) -> str:
    """Return a table of all files, and which projects have them."""
    has = {
        name: {
            path.relative_to(root).as_posix()
            for path in root.rglob("*")
            if path.is_file()
        }
        for name, root in projects.items()
    }
    rows = [
        [f"`{path}`", *("✓" if path in has[name] else "" for name in projects)]
        for path in sorted(set.union(*has.values()))
    ]
    return table(", ".join(["file", *projects]), rows)


def setting_table(project: Path) -> str:
    """Return a table of a project's settings with their defaults."""
    text = (project / ".env.example").read_text("utf-8")
    found = re.findall(r"^# ([A-Z_]+)=(.*)$", text, re.M)
    return table("setting, default", [[f"`{name}`", value] for name, value in found])


def reference() -> str:
    """Return the reference."""
    context = questions()
    addons = ",".join(context["_addons"])
    with tempfile.TemporaryDirectory() as directory:
        made = {
            starter: render(Path(directory, starter), starter=starter)
            for starter in context["starter"]
        }
        service = render(Path(directory, "all"), starter="service", addons=addons)
        sections = {
            "Questions": question_table(),
            "Commands": "Of a service with all add-ons.\n\n" + command_table(service),
            "Settings": setting_table(service),
            "Files": "With uv, containers and GitLab.\n\n" + file_table(made),
        }
    text = "".join(f"\n## {name}\n\n{each}" for name, each in sections.items())
    return f"# Reference\n{text}"


def main() -> None:
    """Write the pages into the directory given on the command line."""
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    for path in (path for pattern in PAGES for path in TEMPLATE.glob(pattern)):
        copy = target / path.relative_to(TEMPLATE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    (target / "docs/reference.md").write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
