"""A damage of the template is a real one, and is counted for what it is."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import mutate
import pytest
from mutate import TREE, Copy, Damage, Outcome, Record, Suite

HOOK = "hooks/pre_prompt.py"


def become(path: str, text: str) -> set[str]:
    """Return the texts that the damages to a file's lines leave."""
    return {each.text for each in mutate.damages(path, text) if each.line}


def damaged_lines(path: str, text: str) -> set[int]:
    """Return the numbers of the lines that are damaged."""
    return {each.line for each in mutate.damages(path, text) if each.line}


@pytest.mark.parametrize(
    ("name", "line", "turned"),
    [
        ("a.py", "if x:", "if not (x):"),
        ("a.py", "y = a == b", "y = a != b"),
        ("a.py", "y = a and b", "y = a or b"),
        ("a.py", "y = True", "y = False"),
        ("a.py", "y = a not in b", "y = a in b"),
        ("a.py", "y = a is not b", "y = a is b"),
        (
            "a.md",
            "{% if a == 'b' %}c{% endif %}",
            "{% if not (a == 'b') %}c{% endif %}",
        ),
        ("a.md", "{{ b if a else c }}", "{{ b if not (a) else c }}"),
        ("Makefile", "ifdef A\nendif", "ifndef A\nendif"),
        ("Makefile", "\ttest ! -e a || b", "\ttest -e a || b"),
        ("Makefile", "\ttest ! -e a || b", "\ttest ! -e a && b"),
        ("a.yml", "{% raw %}\nif: a()", "{% raw %}\nif: ${{ !(a()) }}"),
        ("a.toml", "strict = true", "strict = false"),
    ],
)
def test_a_condition_is_turned_round(name: str, line: str, turned: str) -> None:
    body = f"{line}\n    pass\n" if line.startswith("if x") else f"{line}\n"
    body += "{% endraw %}\n" if "raw" in line else ""
    assert body.replace(line, turned) in become(f"{TREE}/{name}", body)


def test_a_word_in_a_text_of_python_is_no_condition() -> None:
    assert become("hooks/a.py", 'a = "True and == not"\n') == {""}


def test_a_deleted_line_of_json_takes_its_comma_along() -> None:
    text = '{\n  "a": 1,\n  "b": 2\n}\n'
    left = [json.loads(each) for each in become("cookiecutter.json", text)]
    assert sorted(map(str, left)) == ["{'a': 1}", "{'b': 2}"]


def test_a_block_of_python_that_would_be_empty_passes() -> None:
    assert "def f():\n    pass\n" in become("hooks/a.py", "def f():\n    g()\n")


def test_no_damage_is_one_that_any_parser_refuses() -> None:
    text = (mutate.ROOT / HOOK).read_text("utf-8")
    found = [*mutate.damages(HOOK, text)]
    assert len(found) > 50
    for damage in found[::20]:
        assert ast.parse(damage.text)
        assert damage.text != text


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.py", '"""What it is."""\n\n# Why.\na = 1\n', {4}),
        (
            "a.py",
            "def f():\n    if g():\n        return None\n    return None\n",
            {2, 3},
        ),
        ("Makefile", "# Why.\n# {{ cookiecutter.docker }}\nA := 1\n", {2, 3}),
        ("a.md", "Prose.\n{{ a }}\n```\nboxed\n```\n", {2, 3, 4, 5}),
        ("scripts/tool", "#!/bin/sh\n# Why.\ntrue\n", {1, 3}),
    ],
)
def test_what_no_test_is_asked_about_is_left_alone(
    name: str, text: str, lines: set[int]
) -> None:
    assert damaged_lines(f"{TREE}/{name}", text) == lines


def test_markdown_in_a_notebook_is_prose_and_code_is_not() -> None:
    (notebook,) = (name for name in mutate.files() if name.endswith("explore.ipynb"))
    text = (mutate.ROOT / notebook).read_text("utf-8")
    lines, damaged = text.splitlines(), damaged_lines(notebook, text)
    code = {n for n, line in enumerate(lines, 1) if "import " in line}
    titles = {n for n, line in enumerate(lines, 1) if "**The question:**" in line}
    assert code & damaged
    assert titles
    assert not titles & damaged


def test_a_file_can_be_missing_or_be_there_when_it_should_not() -> None:
    path = f"{TREE}/{{% if cookiecutter.docker %}}Dockerfile{{% endif %}}"
    names = {each.name for each in mutate.damages(path, "") if not each.line}
    turned = path.replace("cookiecutter.docker", "not (cookiecutter.docker)")
    assert names == {"", turned}


def test_what_a_checksum_holds_is_not_counted() -> None:
    names = mutate.files()
    assert "cookiecutter.json" in names
    assert not [name for name in names if name.endswith(".csv") or "GPL" in name]


# What is done with them


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copy:
    """A copy of a repository of two files and two tests, one of which looks."""
    top = tmp_path / "repository"
    (top / "hooks").mkdir(parents=True)
    (top / "tests").mkdir()
    (top / "tools").mkdir()
    (top / "cookiecutter.json").write_text('{\n  "a": 1\n}\n')
    (top / "hooks/a.py").write_text("a = True\nb = True\n")
    (top / "tools/mutate.py").write_bytes(Path(mutate.__file__).read_bytes())
    (top / "pytest.ini").write_text("[pytest]\nmarkers = slow: slow\n")
    (top / "tests/test_a.py").write_text(
        "import pathlib\n\n"
        "def test_nothing(): pass\n\n"
        "def test_a(): assert 'a = True' in pathlib.Path('hooks/a.py').read_text()\n"
    )
    monkeypatch.setattr(mutate, "ROOT", top)
    return Copy(tmp_path)


@pytest.mark.slow
def test_a_damage_is_noticed_by_the_test_that_looks_and_then_mended(copy: Copy) -> None:
    text = (copy.top / "hooks/a.py").read_text()
    outcomes = {
        str(damage): mutate.examine(copy, Suite({}), None, damage).by
        for damage in mutate.damages("hooks/a.py", text)
        if damage.becomes
    }
    assert outcomes == {
        "hooks/a.py:1: a = True  [→ a = False]": "tests/test_a.py::test_a",
        "hooks/a.py:2: b = True  [→ b = False]": "",
    }
    assert (copy.top / "hooks/a.py").read_text() == text


@pytest.mark.slow
def test_a_damage_in_the_project_tree_is_noticed_by_tests_collected_before_it(
    copy: Copy,
) -> None:
    path = f"{TREE}/a.toml"
    for top in (copy.top, mutate.ROOT):
        (top / TREE).mkdir()
        (top / path).write_text("a = 1\nb = 2\n")
    looks = f"def test_a(): assert 'a = 1' in pathlib.Path({path!r}).read_text()\n"
    (copy.top / "tests/test_a.py").write_text(f"import pathlib\n\n{looks}")
    found = [each for each in mutate.damages(path, "a = 1\nb = 2\n") if each.line]
    try:
        noticed = [mutate.examine(copy, Suite({}), None, each).by for each in found]
    finally:
        assert copy.server is not None
        copy.server.stop()
    assert noticed == ["tests/test_a.py::test_a", ""]
    assert (copy.top / path).read_text() == "a = 1\nb = 2\n"


def test_the_tests_that_noticed_something_before_come_first() -> None:
    seen = {"tests/test_a.py::a": [1.0, False], "tests/test_b.py::b": [2.0, False]}
    suite = Suite(seen)
    assert suite.order(HOOK) == [*seen]
    suite.learn(HOOK, "tests/test_b.py::b")
    assert suite.order(HOOK) == [*reversed(seen)]


def test_a_record_is_read_again(tmp_path: Path) -> None:
    outcome = Outcome("key", "a:1: b", "a", "", "make test", 1.5)
    record = Record(tmp_path / "record.jsonl")
    record.add(outcome)
    record.write({"tests": {"a": [1.0, True]}})
    again = Record(record.path)
    assert again.outcomes == {"key": outcome}
    assert Suite(again.seen).unsound == ["a"]


def test_a_damage_is_another_one_when_the_text_around_it_is_another() -> None:
    first = Damage("a", 1, "b", None, "c", "a")
    assert first.key != first._replace(text="d").key
    assert first.key == first._replace().key


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (95, 100, 0.8882, 0.9785)],
)
def test_the_interval_is_wilsons(
    hits: int, total: int, low: float, high: float
) -> None:
    assert mutate.wilson(hits, total) == pytest.approx((low, high), abs=0.0001)


def test_a_sample_is_the_same_for_a_seed_and_the_beginning_of_a_larger_one() -> None:
    below = "--only hooks/pre_prompt.py"
    small, large, other = (
        mutate.chosen(mutate.parsed(f"{below} {words}".split()))
        for words in ("--sample 5", "--sample 9", "--sample 5 --seed 2")
    )
    assert large[:5] == small
    assert other != small


def test_the_report_tells_what_was_never_noticed() -> None:
    outcomes = [
        Outcome("1", "hooks/a.py:1: a", "hooks/a.py", "test", "", 1.0),
        Outcome("2", "hooks/a.py:2: b", "hooks/a.py", "", "", 1.0),
        Outcome("3", "x.py:3: c", f"{TREE}/src/x.py", "", "make test", 1.0),
    ]
    report = mutate.told(outcomes)
    assert report.startswith("3 damages:")
    late, _, never = report.partition("Never:\n")
    assert never == "hooks/a.py:2: b"
    assert "x.py:3: c" in late.partition("alone:")[2]
