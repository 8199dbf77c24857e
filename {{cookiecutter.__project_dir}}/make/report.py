"""Run the notebooks and write them to reports as HTML, with the footer that is given.

Code cells are left out if CODE=no. The notebooks themselves stay as they are.
"""

import os
import sys
from html import escape
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

without_code = os.environ.get("CODE") == "no"
exporter = HTMLExporter(embed_images=True, exclude_input=without_code)
failed = False
for path in sorted(Path("notebooks").rglob("[!.]*.ipynb")):
    if ".ipynb_checkpoints" in path.parts:
        continue
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    try:
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, kernel_name="python3", resources=resources).execute()
        html, _ = exporter.from_notebook_node(notebook, resources)
    except Exception as error:  # of a cell, or a damaged notebook
        kind = getattr(error, "ename", type(error).__name__)
        reason = f"{kind}: {getattr(error, 'evalue', error)}".splitlines()[0]
        print(f"{path}: {reason}", file=sys.stderr)
        failed = True
        continue
    report = Path("reports", path.relative_to("notebooks")).with_suffix(".html")
    report.parent.mkdir(parents=True, exist_ok=True)
    body, end, rest = html.rpartition("</body>")
    html = f"{body}<footer>{escape(sys.argv[1])}</footer>\n{end}{rest}"
    report.write_text(html, encoding="utf-8")
    print(report)
sys.exit(failed)
