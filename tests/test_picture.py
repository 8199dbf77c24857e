"""The picture of a run shows what the terminal showed, and needs nothing else."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "docs"))

from picture import (
    COLOURS,
    FOREGROUND,
    PICTURE,
    QUESTION,
    Style,
    as_svg,
    screen_lines,
)

TEXT = "{http://www.w3.org/2000/svg}text"
RECEIVED = (
    "\033[32m$\033[0m make <new> & 'more'\r\n"
    "  spinning\r\033[K  \033[32m✓\033[0m done  \033[1;3;4;36mbold\033[0m\r\n\r\n"
    "\033[38;2;1;2;3mtrue\033[0m\r\n\r\n"
).encode()


def texts(svg: str) -> list[ElementTree.Element]:
    """Return the text elements of a picture, without that of the window's title."""
    elements = list(ElementTree.fromstring(svg).iter(TEXT))
    return elements[1:]


def test_the_screen_is_what_stays_on_it() -> None:
    lines = screen_lines(RECEIVED, columns=40)
    shown = ["".join(text for text, _ in line).rstrip() for line in lines]
    assert shown == ["$ make <new> & 'more'", "  ✓ done  bold", "", "true"]


def test_colours_weight_and_slant_are_kept() -> None:
    lines = screen_lines(RECEIVED, columns=40)
    styles = {text.strip(): style for line in lines for text, style in line}
    assert styles["$"] == Style(COLOURS["green"])
    assert styles["done"] == Style(FOREGROUND)
    assert styles["bold"] == Style(COLOURS["cyan"], True, True, True)
    assert styles["true"] == Style("#010203")


def test_the_picture_is_xml_and_says_what_the_screen_says() -> None:
    svg = as_svg(screen_lines(RECEIVED, columns=40), "a <title>", columns=40)
    elements = texts(svg)
    shown = [element.text for element in elements]
    assert shown == ["$", "make <new> & 'more'", "✓", "done", "bold", "true"]
    assert elements[0].get("fill") == COLOURS["green"]
    assert elements[4].get("font-weight") == "bold"
    title = ElementTree.fromstring(svg).findtext("{http://www.w3.org/2000/svg}title")
    assert title == "a <title>"


def test_characters_keep_their_columns() -> None:
    elements = texts(as_svg(screen_lines(b"ab  \033[1mcd\033[0m"), "columns"))
    first, second = (float(element.get("x", "nan")) for element in elements)
    length = float(elements[0].get("textLength", "nan"))
    assert second - first == pytest.approx(4 * length / 2)


@pytest.mark.parametrize("count", [1, 30])
def test_the_width_does_not_depend_on_the_text(count: int) -> None:
    svg = ElementTree.fromstring(as_svg(screen_lines(b"a\r\n" * count), "size"))
    empty = ElementTree.fromstring(as_svg([], "size"))
    assert svg.get("width") == empty.get("width")
    assert float(svg.get("height", "0")) > float(empty.get("height", "0"))


@pytest.mark.parametrize(
    "asked",
    [
        b"  [1/12] Name of the project \033[1m(My Analysis)\033[0m: ",
        b"  [8/12] License\r\n    1 - MIT: free\r\n    Choose from [1/2] (1): ",
    ],
)
def test_a_question_is_known_when_it_waits(asked: bytes) -> None:
    assert QUESTION.search(asked)
    assert not QUESTION.search(asked + b"answer\r\n")
    assert not QUESTION.search(asked.partition(b"MIT: ")[0].rstrip(b": "))


@pytest.fixture(scope="module")
def committed() -> str:
    """The picture in the repository."""
    return PICTURE.read_text(encoding="utf-8")


def test_the_committed_picture_shows_a_project_that_is_ready(committed: str) -> None:
    shown = [element.text or "" for element in texts(committed)]
    for step in ("files", "repository", "environment", "kernel", "git hooks"):
        assert any(text.split("  ")[0] == step for text in shown), step
    assert "✗" not in shown
    assert any(text.startswith("make test") for text in shown)


def test_the_committed_picture_needs_nothing_from_outside(committed: str) -> None:
    for element in ElementTree.fromstring(committed).iter():
        name = element.tag.rpartition("}")[2]
        assert name in ("svg", "title", "rect", "circle", "text", "g"), name
        assert not any("href" in key for key in element.attrib)
        assert not any("url(" in value for value in element.attrib.values())
    addresses = re.findall(r"https?://[a-z0-9][^\s\"<]*", committed)
    assert addresses == ["http://www.w3.org/2000/svg"]


def test_the_committed_picture_tells_nothing_of_the_machine(committed: str) -> None:
    shown = "\n".join(element.text or "" for element in texts(committed))
    assert not re.search(r"(?<![\w/…])/[\w.]|[A-Z]:\\|~/", shown)
    assert str(Path.home()) not in committed
    assert re.findall(r"[\w.]+@[\w.]+", shown) == ["ada@example.org"]
