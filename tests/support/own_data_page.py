"""Following docs/own-data.md."""

from __future__ import annotations

import json
import re
import shutil

from support.project import ROOT, Project

PAGE = (ROOT / "docs/own-data.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^`(\S+)`(?:, (\w+))?:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.S)
FLIGHTS = ROOT / "tests/data/flights.csv"


def follow_page(project: Project, task: str) -> list[str]:
    """Replace the sample as the page describes, and return the changed files.

    Args:
        project: A project with the sample.
        task: Which `features.py` to use; none if it is empty.
    """
    shutil.copy(FLIGHTS, project / "data/raw/flights.csv")
    for name, variant, text in BLOCK.findall(PAGE):
        if variant not in ("", task):
            continue
        if name.endswith(".ipynb"):
            notebook = json.loads(project.text(name))
            notebook["cells"] = notebook["cells"][:2]
            notebook["cells"][0]["source"] = ["# Flights"]
            notebook["cells"][1]["source"] = text.rstrip().splitlines(keepends=True)
            text = json.dumps(notebook, indent=1) + "\n"
        (project / name).write_text(text, encoding="utf-8")
    changed = project.git("status", "--porcelain").splitlines()
    return [line.split()[-1] for line in changed]
