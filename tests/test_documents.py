"""What the documents say of commands is what the template runs."""

from __future__ import annotations

import re

from conftest import ROOT, default_context

MANAGERS = default_context()["_managers"]
WRITTEN = (  # how the page writes what stands in the table of commands, in this order
    (r"\$\(MANAGER\)", "{manager}"),
    (r"\$\(BIN\)/python scripts/isolated\.py ", ""),
    (r"\$\(BIN\)/python (-m )?", ""),
    (r"piptools (compile|sync)", r"pip-\1"),
    (r"\$\(if \$\(DEV\),([^)]*)\)", r"[\1]"),
    (r"\$\(PACKAGES\)", "PACKAGE"),
    (r"\$\(call GET,(.*)\)", r'pip install "\1"'),
    (r" --(quiet|no-interaction|no-compile)\b", ""),
)


def as_written(manager: str, commands: str | list[str]) -> str:
    """Return how the page shows commands of the table."""
    shown = []
    for command in [commands] if isinstance(commands, str) else commands:
        for pattern, replacement in WRITTEN:
            command = re.sub(pattern, replacement.format(manager=manager), command)
        shown.append(f"`{command}`")
    return "<br>".join(shown).replace("`:`", "–")


def test_the_table_of_what_make_runs_is_the_table_that_make_runs() -> None:
    page = (ROOT / "docs/environment-managers.md").read_text("utf-8")
    (table,) = re.findall(r"(?m)^\| `make` \|.*\n\|.*\n((?:\|.*\n)+)", page)
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
    shown = {row[0].strip("`"): row[1:] for row in rows}
    keys = {"install-production": "production"}
    for verb, cells in shown.items():
        for cell, (manager, entry) in zip(cells, MANAGERS.items(), strict=True):
            assert cell == as_written(manager, entry[keys.get(verb, verb)]), verb
    assert {"install", "lock", "upgrade", "add", "bootstrap"} < set(shown)


def test_every_page_of_the_documents_is_linked_from_the_readme_or_another() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "".join(page.read_text("utf-8") for page in pages)
    for page in (ROOT / "docs").glob("*.md"):
        assert f"({page.name}" in text or f"(docs/{page.name}" in text, page.name
