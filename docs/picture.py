"""Draw ``run.svg``: the terminal after a real run of the template.

Cookiecutter is started on a pseudo-terminal, its questions are answered as a person
would, and the screen at the end, colours and all, becomes an SVG that needs nothing
from outside: no fonts, no style sheets, no addresses.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import pexpect
import pyte

HERE = Path(__file__).resolve().parent
PICTURE = HERE / "run.svg"
sys.path.insert(0, str(HERE.parent / "tools"))

from new import copy_template  # noqa: E402

COLUMNS = 92
LINES = 200  # of the screen while it runs: everything stays on it
LONGEST = 300  # seconds for a question or the set-up
TITLE = "One command makes a working project"
COMMAND = "cookiecutter cookiecutter-ds-package"
TYPED = ["Penguin bills"]  # at the first question; Enter at every other
PROMPT = "\033[32m$\033[0m "
# It ends with its default in brackets and a colon, and waits.
QUESTION = re.compile(rb"\[\d+/\d+\](?:(?!\[\d+/\d+\]).)*?: $", re.DOTALL)
IDENTITY = '[user]\n\tname = "Ada Lovelace"\n\temail = "ada@example.org"\n'
INHERITED = (
    "VIRTUAL_ENV",
    "UV",
    "UV_PROJECT_ENVIRONMENT",
    "NO_COLOR",
    "COLORTERM",
    "ENV",
)
PREFIXES = ("GIT_", "JUPYTER", "PYTHON", "XDG_")

# Pixels of the user's coordinate system; the picture scales.
SIZE = 14  # of the letters
WIDTH = 8.4  # of a character
HEIGHT = 19.0  # of a line
MARGIN = 20.0
BAR = 36.0  # of the window's title

BACKGROUND, FOREGROUND, FRAME, FAINT = "#161b22", "#d7dde5", "#39414d", "#8b949e"
BUTTONS = ("#ff5f57", "#febc2e", "#28c840")
FONTS = (
    "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',"
    "monospace"
)
COLOURS = {
    "default": FOREGROUND,
    "black": "#484f58",
    "red": "#ff7b72",
    "green": "#56d364",
    "brown": "#e3b341",  # pyte's word for yellow
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#56d4dd",
    "white": "#f0f6fc",
    "brightblack": "#8b949e",
    "brightred": "#ffa198",
    "brightgreen": "#7ee787",
    "brightbrown": "#f2cc60",
    "brightblue": "#a5d6ff",
    "brightmagenta": "#e2c5ff",
    "brightcyan": "#b3f0ff",
    "brightwhite": "#ffffff",
}


class Style(NamedTuple):
    """How a stretch of text looks; the colour is given as ``#rrggbb``."""

    colour: str = FOREGROUND
    bold: bool = False
    italic: bool = False
    underlined: bool = False


Line = list[tuple[str, Style]]


# The run


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a person with this HOME and the user's own caches."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in INHERITED and not name.startswith(PREFIXES)
    }
    kept.setdefault("UV_CACHE_DIR", str(cache / "uv"))
    kept.setdefault("PYENV_ROOT", str(Path.home() / ".pyenv"))
    programs = str(Path(sys.executable).parent)
    return kept | {
        "HOME": str(home),
        "PATH": os.pathsep.join([programs, kept["PATH"]]),
        "PS1": PROMPT,
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    }


def record(directory: Path) -> bytes:
    """Make a project beside a copy of the template; return all that the terminal got.

    Args:
        directory: an empty one, which receives the copy, a HOME and the project.

    Raises:
        SystemExit: with what was seen, if the project is not complete.
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
        timeout=LONGEST,
    )
    received: bytes = b""
    prompts = [re.escape(PROMPT.encode()), QUESTION]
    answers = iter([COMMAND, *TYPED])
    try:
        shell.expect(prompts)
        while True:
            received += shell.before + shell.after
            shell.sendline(next(answers, ""))
            if shell.expect(prompts) == 0:  # the command has ended
                break
        received += shell.before
    except (pexpect.EOF, pexpect.TIMEOUT):
        received += shell.before
        raise SystemExit(received.decode("utf-8", "replace")) from None
    finally:
        shell.close(force=True)
    made = next(work.glob("*/.venv"), work).parent
    if not ((made / ".git" / "refs" / "heads" / "main").is_file() and kernels(home)):
        raise SystemExit(received.decode("utf-8", "replace"))
    return received


def kernels(home: Path) -> list[Path]:
    """Return the kernelspecs that are registered in a HOME."""
    return list(home.glob("**/jupyter/kernels/*/kernel.json"))


# The screen


def colour_of(name: str) -> str:
    """Return a colour of pyte's, a name or six hexadecimal digits, as ``#rrggbb``."""
    return COLOURS.get(name) or f"#{name}"


def style_of(character: Any) -> Style:
    """Return the style of one of pyte's characters."""
    name = character.bg if character.reverse else character.fg
    return Style(
        colour_of(name), character.bold, character.italics, character.underscore
    )


def screen_lines(received: bytes, columns: int = COLUMNS) -> list[Line]:
    """Return what a terminal shows after it has received this.

    Args:
        received: UTF-8 text with ANSI control sequences.
        columns: width of the terminal, in characters.

    Returns:
        For each line, down to the last that is not empty, its stretches of one style.
    """
    screen = pyte.Screen(columns, LINES)
    pyte.ByteStream(screen).feed(received)
    lines: list[Line] = []
    for row in range(LINES):
        cells = [screen.buffer[row][column] for column in range(columns)]
        stretches = groupby(cells, key=style_of)
        lines.append(
            [("".join(c.data for c in run), style) for style, run in stretches]
        )
    while lines and not "".join(text for text, _ in lines[-1]).strip():
        lines.pop()
    return lines


# The drawing


def as_svg(lines: Sequence[Line], title: str, columns: int = COLUMNS) -> str:
    """Return a picture of these lines in a window.

    Args:
        lines: stretches of text of one style, as of ``screen_lines``.
        title: of the window; also what is read out in place of the picture.
        columns: width of the window, in characters.
    """
    width = 2 * MARGIN + columns * WIDTH
    height = BAR + len(lines) * HEIGHT + MARGIN
    size = f'width="{width:g}" height="{height:g}"'
    frame = f'x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="9"'
    buttons = [
        f'<circle cx="{MARGIN + 2 + 20 * place:g}" cy="19" r="6" fill="{fill}"/>'
        for place, fill in enumerate(BUTTONS)
    ]
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" role="img"'
            f' viewBox="0 0 {width:g} {height:g}" {size}>',
            f"<title>{escape(title)}</title>",
            f'<rect {frame} fill="{BACKGROUND}" stroke="{FRAME}"/>',
            *buttons,
            f'<text x="{width / 2:g}" y="23" text-anchor="middle" fill="{FAINT}"'
            ' font-family="system-ui,sans-serif" font-size="13">'
            f"{escape(title)}</text>",
            f'<g font-family="{FONTS}" font-size="{SIZE}" xml:space="preserve">',
            *drawn(lines),
            "</g>",
            "</svg>",
            "",
        ]
    )


def drawn(lines: Sequence[Line]) -> Iterator[str]:
    """Yield a text element for each stretch, as long as its characters need."""
    for row, line in enumerate(lines):
        column = 0
        baseline = BAR + (row + 0.72) * HEIGHT
        for text, style in line:
            shown = text.strip(" ")
            start = column + len(text) - len(text.lstrip(" "))
            column += len(text)
            if shown:
                yield (
                    f'<text x="{MARGIN + start * WIDTH:g}" y="{baseline:g}"'
                    f' textLength="{len(shown) * WIDTH:g}" {attributes(style)}>'
                    f"{escape(shown)}</text>"
                )


def attributes(style: Style) -> str:
    """Return the style as attributes of a text element."""
    words = [f'fill="{style.colour}"']
    words += ['font-weight="bold"'] if style.bold else []
    words += ['font-style="italic"'] if style.italic else []
    words += ['text-decoration="underline"'] if style.underlined else []
    return " ".join(words)


def main() -> int:
    """Record a run, draw it, and return 0; 1 if it shows what is nobody's business."""
    with tempfile.TemporaryDirectory(prefix="picture-") as scratch:
        received = record(Path(scratch).resolve())
        lines = screen_lines(received)
        text = "\n".join("".join(part for part, _ in line) for line in lines)
        private = [word for word in (scratch, str(Path.home())) if word in text]
    if private:
        print(f"the screen shows {' and '.join(private)}:\n{text}", file=sys.stderr)
        return 1
    PICTURE.write_text(as_svg(lines, TITLE), encoding="utf-8")
    print(f"{PICTURE.relative_to(HERE.parent)}: {len(lines)} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
