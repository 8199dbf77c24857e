"""The error messages of hooks, make and the command line, on one page.

To write the page, `messages.txt`, after a change of a message, run `python
tests/rendering/test_messages.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path(__file__).with_name("messages.txt")
TREE = "{{cookiecutter.__project_dir}}"
PLACES = (
    "hooks/*.py",
    "tools/new.py",
    "tools/update.py",
    "tools/use_template.py",
    f"{TREE}/Makefile",
    f"{TREE}/make/*",
    f"{TREE}/src/*/*.py*",
    "templates/*/*/recipes.mk",
)
RULES = ("TEXT", "LENGTH", "SLUG", "PACKAGE", "ADDRESS", "WEB")  # of answers


def text_of(node: ast.expr) -> str:
    """Return the text of a string, with … for inserted values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(value) for value in node.values)
    return "…" if isinstance(node, ast.FormattedValue) else ""


def in_python(source: str) -> Iterator[str]:
    """Yield the texts of errors that are raised, or printed before an exit."""
    tree = ast.parse(re.sub(r"\{%.*?%\}", "", source).replace("{{", "{ {"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from map(text_of, node.exc.args)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "sys.exit",
            "typer.echo",
        ):
            yield from map(text_of, node.args[:1])
        elif isinstance(node, ast.Return) and node.value is not None:
            yield text_of(node.value)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in RULES:
            assert isinstance(node.value, ast.Dict)
            yield from map(text_of, node.value.values)


def in_shell(source: str) -> Iterator[str]:
    """Yield the texts that are written to standard error."""
    joined = re.sub(r'"?\s*\\\n\s*"?', " ", source)
    for text in re.findall(r"echo ((?:[^;&|\n]|&(?!2))*?) >&2", joined):
        yield re.sub(r"\$\([^()]*\)|\$\$?\w+", "…", text).strip('"')


def collected() -> str:
    lines = []
    for path in sorted(path for place in PLACES for path in ROOT.glob(place)):
        read = in_python if ".py" in path.name else in_shell
        texts = {" ".join(each.split()) for each in read(path.read_text("utf-8"))}
        if found := sorted(text for text in texts if " " in text):
            name = re.sub(r"\{%.*?%\}", "", path.relative_to(ROOT).as_posix())
            lines += [
                "",
                name.replace(f"{TREE}/", ""),
                *(f"  {each}" for each in found),
            ]
    return "\n".join(lines[1:]) + "\n"


def test_the_page_of_messages_is_current() -> None:
    assert collected() == PAGE.read_text("utf-8")


if __name__ == "__main__":
    PAGE.write_text(collected(), encoding="utf-8")
