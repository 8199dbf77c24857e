"""Draw ``run.svg``: the terminal after a real run of the template.

The script answers the questions on a pseudo-terminal. At the end, rich draws the screen
as an SVG without external fonts or links.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Any

import pexpect
import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

PICTURE = Path(__file__).resolve().with_name("run.svg")
sys.path.insert(0, str(PICTURE.parents[1] / "tools"))

from new import copy_template  # noqa: E402

COLUMNS, LINES = 92, 200
TIMEOUT = 300  # seconds for a question or the set-up
COMMAND = "cookiecutter cookiecutter-ds-package"
PROMPT = "\033[32m$\033[0m "
# A question ends with its default in brackets and a colon.
QUESTION = re.compile(rb"\[\d+/\d+\](?:(?!\[\d+/\d+\]).)*?: $", re.DOTALL)
IDENTITY = '[user]\n\tname = "Ada Lovelace"\n\temail = "ada@example.org"\n'
SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px;
  line-height: {line_height}px; }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})"
  clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def environment(home: Path) -> dict[str, str]:
    """Return an environment with this HOME and the caches of the current user."""
    kept = ("PATH", "LANG", "http_proxy", "https_proxy", "SSL_CERT_FILE")
    access = {
        k: v for k, v in os.environ.items() if k in kept or k[:3] in ("UV_", "PIP")
    }
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    fixed = {"HOME": str(home), "PS1": PROMPT, "TERM": "xterm-256color"}
    fixed["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"UV_CACHE_DIR": str(cache / "uv"), "LC_ALL": "C.UTF-8"} | access | fixed


def record(directory: Path) -> bytes:
    """Make a project beside a copy of the template; return the terminal output.

    Args:
        directory: empty; for the copy, a HOME and the project.

    Raises:
        SystemExit: the project is not complete; the message is the screen.
    """
    home, work = directory / "home", directory / "work"
    home.mkdir()
    work.mkdir()
    (home / ".gitconfig").write_text(IDENTITY, encoding="utf-8")
    copy_template(work)
    shell: Any = pexpect.spawn(
        "sh",
        ["-i"],
        cwd=str(work),
        env=environment(home) | {"PWD": str(work), "TMPDIR": str(directory)},
        dimensions=(LINES, COLUMNS),
        timeout=TIMEOUT,
    )
    received: bytes = b""
    prompts = [re.escape(PROMPT.encode()), QUESTION]
    answers = iter([COMMAND, "Penguin bills"])  # and Enter at every other question
    shell.expect(prompts)
    while True:
        received += shell.before + shell.after
        shell.sendline(next(answers, ""))
        if shell.expect([*prompts, pexpect.EOF, pexpect.TIMEOUT]) != 1:
            break
    received += shell.before
    shell.close(force=True)
    if not list(home.glob("**/jupyter/kernels/*/kernel.json")):
        raise SystemExit(received.decode("utf-8", "replace"))
    return received


def style_of(cell: Any) -> Style:
    """Return the style of one of pyte's characters."""
    colour = {"default": None, "brown": "yellow"}.get(cell.fg, cell.fg)
    return Style(color=colour, bold=cell.bold)


def screen(received: bytes) -> Text:
    """Return what a terminal shows after this output, with styles."""
    terminal = pyte.Screen(COLUMNS, LINES)
    pyte.ByteStream(terminal).feed(received)
    lines = []
    for row in range(LINES):
        cells = (terminal.buffer[row][column] for column in range(COLUMNS))
        line = Text()
        for style, run in groupby(cells, key=style_of):
            line.append("".join(cell.data for cell in run), style)
        line.rstrip()
        lines.append(line)
    while not lines[-1]:
        lines.pop()
    return Text("\n").join(lines)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="picture-") as scratch:
        shown = screen(record(Path(scratch).resolve()))
        private = [each for each in (scratch, str(Path.home())) if each in shown.plain]
    if private:
        sys.exit(f"The screen shows {' and '.join(private)}:\n{shown.plain}")
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(shown)
    svg = console.export_svg(
        title="One command makes a working project",
        theme=SVG_EXPORT_THEME,
        code_format=SVG,
        unique_id="run",
    )
    PICTURE.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
