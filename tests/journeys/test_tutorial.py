"""Following docs/tutorial.md leads to a report."""

from __future__ import annotations

import json
import re

import pytest

from support.machine import Machine
from support.own_data_page import BLOCK
from support.project import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.ci]
PAGE = (ROOT / "docs/tutorial.md").read_text("utf-8")


def test_the_tutorial_leads_to_a_report(machine: Machine) -> None:
    commands = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.M | re.S)
    assert commands[0].count("room-climate") == 1
    machine.cookiecutter(project_name="Room climate", environment_manager="uv")
    project = machine.project("room-climate")
    for name, _, text in BLOCK.findall(PAGE):
        project.write(name, text)
    cells = re.findall(r"(?<!`:\n\n)^```python\n(.*?)^```$", PAGE, re.M | re.S)
    notebook = json.loads(project.text("notebooks/01-start.ipynb"))
    last = notebook["cells"].pop()
    for number, text in enumerate(cells, start=3):
        source = text.rstrip().splitlines(keepends=True)
        notebook["cells"].append({**last, "id": str(number), "source": source})
    text = json.dumps(notebook, indent=1) + "\n"
    project.write("notebooks/01-start.ipynb", text)
    for command in commands[1:]:
        project.run("sh", "-ec", command)
    assert project.git("status", "--porcelain") == ""
    assert "celsius" in project.git("show", "HEAD:data/raw/climate.csv")
    report = project.text("reports/01-start.html")
    assert re.search(r"attic\s+0\.66", report)
    assert "read_csv" in report  # `make install report` runs it again, with the code
    assert (project / "reports/figures/climate.png").is_file()
