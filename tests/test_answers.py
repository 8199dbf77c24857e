"""Every answer is refused before a file is written, or comes back as it went in."""

from __future__ import annotations

import json
import ntpath
import os
import re
import string
import subprocess
import sys
import tomllib
from collections.abc import Callable, Collection
from email.headerregistry import Address
from email.utils import getaddresses
from importlib.metadata import PathDistribution, distributions
from importlib.resources import files
from itertools import product
from pathlib import Path, PureWindowsPath
from typing import Any

import hostile
import pytest
from conftest import (
    ROOT,
    Bake,
    Machine,
    Project,
    default_context,
    programs_of,
    run,
)
from cookiecutter.environment import StrictEnvironment  # type: ignore[import-untyped]
from cookiecutter.main import cookiecutter  # type: ignore[import-untyped]
from cookiecutter.prompt import render_variable  # type: ignore[import-untyped]
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from journey import versions_in
from pytest_cookies.plugin import Result  # type: ignore[import-untyped]

sys.path.insert(0, str(ROOT / "hooks"))

import pre_gen_project as gate

CONTEXT = default_context()
RESERVED = CONTEXT["_windows_reserved"]
OLDEST = min(CONTEXT["python_version"])  # what every Python that runs this can install
GOOD = {
    "project_name": "My Analysis",
    "project_slug": "my-analysis",
    "package_name": "my_analysis",
    "description": "What the data say.",
    "author_name": "Ada Lovelace",
    "author_email": "ada@example.com",
    "repository_url": "https://example.com/ada/my-analysis",
    "package_index_url": "https://packages.example.com/simple/",
}
FREE_TEXTS = ("project_name", "description", "author_name")
NO_EXAMPLES_KEPT = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)

# Surrogates as well: an argument of a command line can hold them.
any_text = st.text(max_size=80) | st.text(st.characters(), max_size=20)
name_like = st.text(string.ascii_letters + string.digits + "-_./ ", max_size=80)
words_in_use = st.sampled_from(sorted({*gate.DISTRIBUTIONS, *gate.MODULES, *RESERVED}))
names = (
    any_text
    | name_like
    | words_in_use
    | st.sampled_from(sorted(sys.stdlib_module_names))
)
accepted_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")),
    min_size=1,
).filter(lambda text: gate.author_problem(text) is None)


def refused_keys(**answers: object) -> list[str]:
    """Return the variables that the gate refuses when these are answered badly."""
    context = {**GOOD, **answers, "_windows_reserved": RESERVED}
    return [refusal.key for refusal in gate.refusals(context)]


def cases(
    corpus: dict[str, str], quick: Collection[str] | None = None
) -> pytest.MarkDecorator:
    """Run a test for each text of a corpus, under the text's name.

    Args:
        quick: those that a fast run looks at, if not all.
    """
    late = {*corpus} - {*(corpus if quick is None else quick)}
    texts = [
        pytest.param(text, id=name, marks=pytest.mark.slow if name in late else ())
        for name, text in corpus.items()
    ]
    return pytest.mark.parametrize("text", texts)


def tree(directory: Path) -> dict[str, bytes | None]:
    """Return every file's bytes, and None for every directory, by relative path."""
    return {
        path.relative_to(directory).as_posix(): (
            None if path.is_dir() else path.read_bytes()
        )
        for path in directory.rglob("*")
    }


# What the gate decides


def test_good_answers_are_accepted() -> None:
    assert refused_keys() == []


@pytest.mark.parametrize("key", FREE_TEXTS[1:])
@cases(hostile.TEXTS)
def test_a_hostile_text_is_accepted(key: str, text: str) -> None:
    assert refused_keys(**{key: text}) == []


@cases(hostile.DESCRIPTIONS)
def test_a_description_may_hold_what_a_name_may_not(text: str) -> None:
    assert refused_keys(description=text) == []
    assert refused_keys(author_name=text) == ["author_name"]


@pytest.mark.parametrize("key", FREE_TEXTS)
@cases(hostile.REFUSED_TEXTS | {"empty": ""})
def test_a_text_that_cannot_come_back_is_refused(key: str, text: str) -> None:
    assert refused_keys(**{key: text}) == [key]


@cases(hostile.REFUSED_TITLES)
def test_a_bad_title_is_refused(text: str) -> None:
    assert refused_keys(project_name=text) == ["project_name"]


@cases(hostile.REFUSED_SLUGS)
def test_a_bad_slug_is_refused(text: str) -> None:
    assert refused_keys(project_slug=text) == ["project_slug"]


@cases(hostile.REFUSED_PACKAGES)
def test_a_bad_package_name_is_refused(text: str) -> None:
    assert refused_keys(package_name=text) == ["package_name"]


FAULTS = {
    "project_slug": ("", "a" * 65, "A", "con", "pandas", "git"),
    "package_name": (
        *("", "a" * 65, "A", "class", "con", "src", "json", "print", "pandas"),
    ),
    "project_name": ("", "x" * 65, "a/b", "a\nb", "{{ a }}", " a"),
}


@pytest.mark.parametrize("key", FAULTS)
def test_every_kind_of_fault_has_a_reason_of_its_own(key: str) -> None:
    context = {**GOOD, "_windows_reserved": RESERVED}
    found = [gate.refusals({**context, key: text}) for text in FAULTS[key]]
    problems = [refusal.problem for refusals in found for refusal in refusals]
    assert len({*problems}) == len(problems) == len(FAULTS[key])


@pytest.mark.parametrize("slug", ["a", "7", "2026-report", "a-1-b", "a" * 64])
def test_a_good_slug_is_accepted(slug: str) -> None:
    assert refused_keys(project_slug=slug) == []


@pytest.mark.parametrize("name", ["a", "main", "data", "a__b_", "match", "x" * 64])
def test_a_good_package_name_is_accepted(name: str) -> None:
    assert refused_keys(package_name=name) == []


@pytest.mark.parametrize("address", hostile.EMAILS)
def test_an_address_that_is_accepted_can_stand_in_a_header(address: str) -> None:
    assert refused_keys(author_email=address) == []
    assert Address("Ada", addr_spec=address).addr_spec == address


@pytest.mark.parametrize("address", hostile.REFUSED_EMAILS)
def test_a_malformed_address_is_refused(address: str) -> None:
    assert refused_keys(author_email=address) == ["author_email"]


@pytest.mark.parametrize("url", hostile.URLS)
def test_a_web_address_is_accepted(url: str) -> None:
    assert refused_keys(repository_url=url) == []


@pytest.mark.parametrize("url", hostile.REFUSED_URLS)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    assert refused_keys(repository_url=url) == ["repository_url"]


@pytest.mark.parametrize(
    "given_url",
    [
        "git@example.com:ada/x.git",
        "ssh://git@example.com/ada/x.git",
        "https://ada:secret@example.com/ada/x.git",
        "example.com/ada/x.git",
    ],
)
def test_what_git_clones_is_suggested_as_a_web_address(given_url: str) -> None:
    assert gate.url_from(given_url, "") == "https://example.com/ada/x.git"


def test_yes_and_no_as_texts_are_refused_with_the_cookiecutter_that_takes_them() -> (
    None
):
    chosen = {key: value[0] for key, value in gate.offered({"_repo_dir": ROOT}).items()}
    context = {**GOOD, **chosen, "_repo_dir": ROOT, "set_up": "no"}
    (line,) = [str(refusal) for refusal in gate.refusals(context)]
    assert line.startswith("set_up 'no'")
    assert line.endswith("yes or no, with cookiecutter 2.7 or newer")


def test_a_suggestion_is_made_of_what_was_given() -> None:
    def suggested(**answers: str) -> dict[str, str]:
        context = {**GOOD, "project_name": "Bills", "_windows_reserved": RESERVED}
        refusals = gate.refusals({**context, **answers})
        return {refusal.key: refusal.accepted for refusal in refusals}

    names = suggested(project_slug="My Notes", package_name="Our Notes")
    assert names == {"project_slug": "my-notes", "package_name": "our_notes"}
    names = suggested(project_slug="", package_name="")
    assert names == {"project_slug": "bills", "package_name": "bills"}
    texts = {
        "project_name": ("a/b", "a b"),
        "description": ("a\nb {{ c", "a b { c"),
        "author_email": ("Ada <a@b.org>", "a@b.org"),
    }
    for key, (text, near) in texts.items():
        assert suggested(**{key: text}) == {key: near}


def test_what_is_offered_is_read_where_the_template_lies_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for place in ("", ".", str(tmp_path)):
        assert gate.offered({"_repo_dir": place}) == {}
    assert gate.offered({}) == {}
    assert gate.offered({"_repo_dir": str(ROOT)})["docker"] == [True, False]


@pytest.mark.parametrize(
    ("name", "release"),
    [
        ("cookiecutter-2.10.1.dist-info", (2, 10)),
        ("cookiecutter-1.7.3-py3.11.egg-info", (1, 7)),
        ("cookiecutter-2.6.0", None),
        ("other_cookiecutter-2.6.0.dist-info", None),
    ],
)
def test_the_release_of_cookiecutter_is_found_where_python_looks_for_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    release: tuple[int, int] | None,
) -> None:
    own, empty, site = (tmp_path / each for each in ("own", "empty", "site"))
    (own / "cookiecutter-9.9.dist-info").mkdir(parents=True)
    empty.mkdir()
    (site / name).mkdir(parents=True)
    places = [str(own), str(tmp_path / "missing"), str(empty), str(site)]
    monkeypatch.setattr(sys, "path", places)
    assert gate.cookiecutter_release() == release


@pytest.mark.parametrize("client", ["cookiecutter", "cruft"])
def test_what_is_too_old_is_told_with_the_command_that_gets_what_is_not(
    monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    answers = {"_commit": "1"} if client == "cruft" else {}

    def told(release: tuple[int, int] | None, python: tuple[int, int]) -> str | None:
        monkeypatch.setattr(gate, "cookiecutter_release", lambda: release)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "version_info", (*python, 0))
            return gate.outdated(answers)

    oldest = gate.OLDEST_COOKIECUTTER
    get = "pipx install --force"
    old_python = str(told(oldest, (3, 10)))
    assert re.match(rf"{client} .* 3\.10 here, .* 3\.11 or newer: {get} ", old_python)
    assert old_python.endswith(f": {get} --python 3.13 {client}")
    old_release = str(told((2, 3), (3, 11)))
    assert re.match(rf"cookiecutter 2\.3 .* 2\.4 or newer: {get} ", old_release)
    assert old_release.endswith(f": {get} {client}")
    assert [told(each, (3, 11)) for each in (oldest, None)] == [None, None]


Ran = tuple[int, str]


@pytest.fixture
def ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Run the hook in a directory, and return its status and what it says."""
    monkeypatch.chdir(tmp_path)
    template = (ROOT / "hooks/pre_gen_project.py").read_text(encoding="utf-8")
    chosen = {key: value[0] for key, value in gate.offered({"_repo_dir": ROOT}).items()}

    def hook(**answers: object) -> Ran:
        given = json.dumps({**GOOD, **chosen, **answers})
        source = template.replace("{{ cookiecutter | tojson }}", given)
        names: dict[str, Any] = {"__name__": "rendered"}
        exec(compile(source, "rendered", "exec"), names)
        return names["main"](), capsys.readouterr().err

    return hook


def test_where_something_is_already_the_other_hook_is_told_so(
    tmp_path: Path, ran: Callable[..., Ran]
) -> None:
    assert ran() == (0, "")
    assert not any(tmp_path.iterdir())
    (tmp_path / "mine").touch()
    for _ in range(2):  # the second time, after a run that was cut off
        assert ran() == (0, "")
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            *(".rendered-over", "mine")
        ]


def test_what_is_too_old_ends_the_run_with_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ran: Callable[..., Ran]
) -> None:
    (tmp_path / "site/cookiecutter-2.3.1.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path / "site"), *sys.path[1:]])
    status, said = ran(description="a\nb")
    assert status == 1
    assert said.startswith("cookiecutter 2.3 runs here")
    assert len(said.splitlines()) == 1


def test_a_password_is_not_repeated() -> None:
    context = {**GOOD, "repository_url": "https://ada:s3cret@example.com/x"}
    (line,) = gate.complaints(context)
    assert "s3cret" not in line


@settings(NO_EXAMPLES_KEPT, max_examples=300)
@given(names, names, any_text, any_text, any_text, any_text)
def test_every_suggestion_is_accepted(
    slug: str, package: str, title: str, text: str, address: str, url: str
) -> None:
    answers = {
        "project_name": title,
        "project_slug": slug,
        "package_name": package,
        "description": text,
        "author_name": text,
        "author_email": address,
        "repository_url": url,
        "package_index_url": url,
        "_windows_reserved": RESERVED,
    }
    refusals = gate.refusals(answers)
    assert all(len(str(refusal).splitlines()) == 1 for refusal in refusals)
    suggested = {refusal.key: refusal.accepted for refusal in refusals}
    assert gate.refusals({**answers, **suggested}) == []


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("project_slug", text) for text in hostile.REFUSED_SLUGS.values()),
        *(("package_name", text) for text in hostile.REFUSED_PACKAGES.values()),
        *(("project_name", text) for text in hostile.REFUSED_TITLES.values()),
        *(("description", text) for text in hostile.REFUSED_TEXTS.values()),
        *(("author_email", text) for text in hostile.REFUSED_EMAILS),
        *(("repository_url", text) for text in hostile.REFUSED_URLS),
        *(("package_index_url", text) for text in hostile.REFUSED_URLS),
    ],
)
def test_the_suggestion_for_a_hostile_answer_is_accepted(key: str, text: str) -> None:
    context = {**GOOD, key: text, "_windows_reserved": RESERVED}
    (refusal,) = gate.refusals(context)
    assert len(str(refusal).splitlines()) == 1
    assert gate.refusals({**context, key: refusal.accepted}) == []


@settings(NO_EXAMPLES_KEPT)
@given(st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,2}", fullmatch=True))
def test_a_suggested_name_is_close_to_what_was_given(text: str) -> None:
    assume(gate.slug_problem(text, RESERVED) is None)
    assert gate.slug_from(text, RESERVED) == text


@settings(NO_EXAMPLES_KEPT)
@given(accepted_texts)
def test_every_accepted_name_comes_back_from_a_header(name: str) -> None:
    header = str(Address(name, addr_spec="ada@example.com"))
    assert getaddresses([header]) == [(name, "ada@example.com")]


@settings(NO_EXAMPLES_KEPT)
@given(st.from_regex(gate.EMAIL, fullmatch=True))
def test_every_accepted_address_can_stand_in_a_header(address: str) -> None:
    assume(gate.email_problem(address) is None)
    assert Address("Ada", addr_spec=address).addr_spec == address


def rendered(variable: str, **answers: str) -> str:
    """Return a variable of cookiecutter.json as cookiecutter works it out."""
    environment = StrictEnvironment(context={"cookiecutter": CONTEXT})
    return str(render_variable(environment, CONTEXT[variable], {**CONTEXT, **answers}))


@settings(NO_EXAMPLES_KEPT)
@given(names | st.from_regex("[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True))
def test_the_directory_has_the_slug_or_a_name_of_its_own(slug: str) -> None:
    directory = rendered("__project_dir", project_slug=slug)
    if gate.slug_problem(slug, RESERVED) is None:
        assert directory == slug
    assert directory == slug or directory.startswith("refused-")
    assert not set(directory) & set("/\\:")
    assert directory not in ("", ".", "..", *RESERVED)


@settings(NO_EXAMPLES_KEPT)
@given(accepted_texts)
def test_every_accepted_title_gives_a_slug_and_a_package_name(title: str) -> None:
    slug = rendered("project_slug", project_name=title[:64])
    package = rendered("package_name", project_slug=slug)
    taken = gate.slug_problem(slug, RESERVED), gate.package_problem(package, RESERVED)
    shape = ("must be", "longer")
    assert not slug or not any(
        word in str(problem) for problem in taken for word in shape
    )


def test_a_name_that_windows_keeps_for_a_device_is_known() -> None:
    """Of those that could be a slug."""
    keeps = getattr(ntpath, "isreserved", None) or (
        lambda name: PureWindowsPath(name).is_reserved()
    )
    short = map("".join, product(string.ascii_lowercase, repeat=3))
    numbered = map("".join, product(("com", "lpt"), string.digits))
    assert {name for name in (*short, *numbered) if keeps(name)} == {*RESERVED}


def test_no_python_on_offer_has_a_module_that_another_one_would_take_for_a_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the types of the standard library tell, which mypy brings along."""
    text = (files("mypy") / "typeshed/stdlib/VERSIONS").read_text("utf-8")
    known = re.findall(r"^([a-z]\w*): (3\.\d+)-(3\.\d+)?", text, re.MULTILINE)

    def minor(version: str) -> int:
        return int(version.partition(".")[2] or 99)

    versions = sorted(map(minor, CONTEXT["python_version"]))
    lives = {name: range(minor(one), minor(end) + 1) for name, one, end in known}
    ever = [name for name, life in lives.items() if {*versions} & {*life}]
    assert {"distutils", "telnetlib", "annotationlib"} <= {*ever}
    for version in versions:
        has = {name for name in ever if version in lives[name]}
        monkeypatch.setattr(sys, "stdlib_module_names", has)
        assert [name for name in ever if not gate.package_problem(name)] == []


def test_the_modules_of_every_python_here_are_refused() -> None:
    question = "import sys; print(*sys.stdlib_module_names)"
    for version in CONTEXT["python_version"]:
        try:
            done = subprocess.run(
                [f"python{version}", "-c", question], capture_output=True, text=True
            )
        except OSError:
            continue
        public = {name for name in done.stdout.split() if not name.startswith("_")}
        assert [name for name in public if not gate.package_problem(name)] == []


# What a refused run does


@pytest.fixture(scope="session")
def replay_context(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What cookiecutter stores of a run, to be replayed."""
    directory = tmp_path_factory.mktemp("replay")
    config = directory / "config.yaml"
    config.write_text(f"replay_dir: {json.dumps(str(directory))}\n", encoding="utf-8")
    cookiecutter(
        str(template),
        no_input=True,
        extra_context={**GOOD, "set_up": False},
        output_dir=str(directory / "made"),
        config_file=str(config),
        accept_hooks=False,
    )
    stored = (directory / f"{template.name}.json").read_text(encoding="utf-8")
    context: dict[str, Any] = json.loads(stored)
    return context


Replay = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def replay(machine: Machine, replay_context: dict[str, Any]) -> Replay:
    """Run cookiecutter on answers that nothing has looked at, from a replay file."""

    def replayed(*words: str, **answers: object) -> subprocess.CompletedProcess[str]:
        context = {"cookiecutter": {**replay_context["cookiecutter"], **answers}}
        file = machine.home / "edited.json"
        file.write_text(json.dumps(context), encoding="utf-8")
        words = (str(machine.template), f"--replay-file={file}", *words)
        return machine.call_cookiecutter(*words, check=False, only_files=True)

    return replayed


def ask(machine: Machine, **answers: str) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter and type the answers; Enter takes the default."""
    typed = []
    for key, default in CONTEXT.items():
        if not key.startswith("_"):
            typed.append("n" if isinstance(default, bool) else answers.get(key, ""))
    cutter = [sys.executable, "-m", "cookiecutter", str(machine.template)]
    stdin = "\n".join(typed) + "\n"
    return run(*cutter, cwd=machine.work, env=machine.env, stdin=stdin, check=False)


def assert_refused(done: subprocess.CompletedProcess[str], *keys: str) -> None:
    """Check the status, and that there is one line for each of these variables."""
    said, _, _ = done.stdout.partition("Stopping generation because")
    ours = said.rpartition("\n")[0]  # the last line begins with cookiecutter's "ERROR"
    assert done.returncode == 1
    assert "Traceback" not in ours
    _, _, lines = ours.partition("These answers can't make a project:\n")
    assert [line.split()[0] for line in lines.splitlines()] == list(keys)
    assert all("; try " in line for line in lines.splitlines())


@cases(hostile.REFUSED_SLUGS, quick=("empty", "absolute", "a way out", "far too long"))
def test_a_run_with_a_bad_slug_leaves_nothing(machine: Machine, text: str) -> None:
    (machine.work / "mine.txt").write_text("mine", encoding="utf-8")
    before = tree(machine.work.parent)
    done = machine.cookiecutter(
        project_slug=text, package_name="fine", set_up="no", check=False
    )
    assert_refused(done, "project_slug")
    after = tree(machine.work.parent)
    assert {path for path in after if not path.startswith("home/.cookiecutter")} == {
        *before
    }
    assert after["work/mine.txt"] == b"mine"


@cases(hostile.WORST_TEXTS, quick=("an expression",))
def test_a_run_with_a_bad_text_leaves_nothing(
    machine: Machine, replay: Replay, text: str
) -> None:
    assert_refused(replay(description=text), "description")
    assert tree(machine.work) == {}


def test_typed_template_marks_are_refused_and_not_run(machine: Machine) -> None:
    done = ask(
        machine,
        project_name="{{ 7 * 191 }}",
        project_slug="a-b",
        package_name="a_b",
        description="{% for each in range(7) %}{{ each }}{% endfor %}",
        author_name="{# nobody #}",
    )
    asked = done.stdout.partition("These answers can't")
    done.stdout = asked[1] + asked[2]
    assert_refused(done, "project_name", "description", "author_name")
    assert "1337" not in done.stdout
    assert tree(machine.work) == {}


def test_all_problems_are_told_at_once(machine: Machine, replay: Replay) -> None:
    bad = {
        "project_slug": "../x",
        "package_name": "class",
        "project_name": "a/b",
        "description": "a\nb",
        "author_name": "{{ a }}",
        "author_email": "nobody",
        "repository_url": "nowhere",
        "license": "WTFPL",
        "python_version": "2.7",
        "environment_manager": "conda",
        "starter": "novel",
        "set_up": "maybe",
    }
    done = replay(**bad)
    assert_refused(done, *bad)
    assert tree(machine.work) == {}


@pytest.mark.parametrize(
    "choice",
    [
        key
        for key, value in CONTEXT.items()
        if isinstance(value, list) and key[0] != "_"
    ],
)
@pytest.mark.parametrize("answer", ["", "other", "3.1", ["MIT"], None, 3.13])
def test_a_replayed_choice_that_is_not_on_offer_is_refused(
    tmp_path: Path, choice: str, answer: object
) -> None:
    # The gate alone: runs of cookiecutter for two choices are in the next test.
    offered = {key: value for key, value in CONTEXT.items() if isinstance(value, list)}
    first = {key: value[0] for key, value in offered.items()}
    (tmp_path / "cookiecutter.json").write_text(json.dumps(CONTEXT), encoding="utf-8")
    switches = {key: value for key, value in CONTEXT.items() if value is True}
    context = {
        **first,
        **GOOD,
        **switches,
        "_repo_dir": str(tmp_path),
        choice: answer,
    }
    assert [refusal.key for refusal in gate.refusals(context)] == [choice]


@pytest.mark.parametrize("how", ["replayed", "given"])
@pytest.mark.parametrize(
    ("choice", "answer"), [("python_version", "3.1"), ("environment_manager", "conda")]
)
def test_a_run_with_a_choice_that_is_not_on_offer_leaves_nothing(
    machine: Machine,
    replay: Replay,
    how: str,
    choice: str,
    answer: str,
) -> None:
    if how == "replayed":
        done = replay(**{choice: answer})
        assert_refused(done, choice)
    else:
        given = {"set_up": "no", choice: answer}
        done = machine.cookiecutter(check=False, **given)
    assert done.returncode == 1
    assert tree(machine.work) == {}


@pytest.mark.parametrize(
    ("key", "answer"), [("description", "Another one."), ("project_slug", "another")]
)
def test_a_replay_file_whose_parts_do_not_fit_is_refused(
    machine: Machine,
    replay: Replay,
    key: str,
    answer: str,
) -> None:
    done = replay(**{key: answer})
    stale = {"description": "__toml_description", "project_slug": "__project_dir"}
    assert_refused(done, stale[key])
    assert {"--replay-file", "--refresh-private-variables"} <= {
        *re.findall(r"--[a-z-]+", done.stdout)
    }
    assert tree(machine.work) == {}


def test_every_part_that_is_made_of_an_answer_is_compared_with_it() -> None:
    parts = [key for key in CONTEXT if key[:2] == "__" and key != "__prompts__"]
    said = {"project_slug": "a", "description": 'b"', "author_name": "c\\"}
    made = {
        "__project_dir": "a",
        "__toml_description": r"b\"",
        "__toml_author_name": r"c\\",
        "__spdx_license": "MIT",
    }
    fitting = {**said, **made, "license": "MIT"}
    assert sorted(parts) == sorted(made)
    assert gate.stale(fitting) == []
    own = {"license": "Proprietary", "__spdx_license": "LicenseRef-Proprietary"}
    assert gate.stale({**fitting, **own}) == []
    for part in parts:
        assert gate.stale({**fitting, part: "another"}) == [part]


def test_bad_answers_over_an_existing_project_change_nothing(machine: Machine) -> None:
    machine.cookiecutter(set_up="no")
    project = machine.project()
    (project / "notes.txt").write_text("mine", encoding="utf-8")
    (project / "data" / "raw" / "empty").mkdir()
    before = tree(project.path)
    done = machine.cookiecutter(
        "--overwrite-if-exists", description="a\nb", set_up="no", check=False
    )
    assert_refused(done, "description")
    assert tree(project.path) == before
    assert [path.name for path in machine.work.iterdir()] == ["my-analysis"]


# What comes back


def assert_round_trip(project: Project, text: str) -> None:
    """Check the files that hold description and author, when both are this text."""
    manifest = project.manifest["project"]
    assert manifest["description"] == text
    assert manifest["authors"][0]["name"] == text
    readme = project.text("README.md")
    assert f"\n\n{text}\n\n" in readme
    assert f"© {text} <" in readme
    assert f"Copyright (c) {text}\n" in project.text("LICENSE")


@cases(hostile.TEXTS)
def test_a_hostile_text_comes_back_from_the_files(
    render_files: Bake, text: str
) -> None:
    assert_round_trip(render_files(description=text, author_name=text), text)


def test_free_text_is_in_no_file_that_is_run(render_files: Bake) -> None:
    project = render_files(
        description="Zyx.", author_name="Zyx", author_email="z@yx.zyx"
    )
    holding = [name for name in project.files if "zyx" in project.text(name).lower()]
    assert holding == ["LICENSE", "README.md", "pyproject.toml"]


def test_all_hostile_texts_together_pass_through_the_hooks(
    render: Callable[..., Result],
) -> None:
    text = " ".join(hostile.TEXTS.values())
    result = render(description=text, author_name=text)
    assert result.exception is None
    assert_round_trip(Project(result.project_path, os.environ), text)


def test_a_typed_text_comes_back_from_the_files(machine: Machine) -> None:
    text = hostile.TEXTS["three quotes"] + hostile.TEXTS["backslashes"]
    done = ask(machine, project_name="It's", description=text, author_name=text)
    assert done.returncode == 0, done.stdout
    assert_round_trip(machine.project("it-s"), text)


def test_a_replayed_text_comes_back_from_the_files(
    machine: Machine, replay: Replay
) -> None:
    done = replay()
    assert done.returncode == 0, done.stdout
    assert machine.project().manifest["project"]["description"] == GOOD["description"]


@settings(NO_EXAMPLES_KEPT, max_examples=30)
@given(text=accepted_texts)
def test_every_accepted_text_comes_back_from_the_files(
    render_files: Bake, text: str
) -> None:
    assert_round_trip(render_files(description=text, author_name=text), text)


@pytest.mark.parametrize("url", hostile.URLS[1:])
def test_a_web_address_comes_back_from_the_files(render_files: Bake, url: str) -> None:
    project = render_files(repository_url=url)
    assert project.manifest["project"]["urls"] == {"Repository": url}
    assert f"git clone {url} my-analysis\n" in project.text("README.md")


@pytest.mark.parametrize("address", hostile.EMAILS)
def test_an_address_comes_back_from_the_files(render_files: Bake, address: str) -> None:
    project = render_files(author_email=address)
    assert project.manifest["project"]["authors"][0]["email"] == address
    assert f"<{address}>" in project.text("README.md")


@cases(hostile.DESCRIPTIONS)
def test_a_description_comes_back_from_the_files(render_files: Bake, text: str) -> None:
    project = render_files(description=text)
    assert project.manifest["project"]["description"] == text
    assert f"\n\n{text}\n\n" in project.text("README.md")


# What comes back from the built and installed package


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the projects' build backend."""
    environment = tmp_path_factory.mktemp("backend") / "venv"
    run("uv", "venv", "--quiet", "--python", sys.executable, environment)
    (python,) = (
        *environment.glob("bin/python"),
        *environment.glob("Scripts/python.exe"),
    )
    run("uv", "pip", "install", "--quiet", "--python", python, "hatchling")
    return python


Installed = Callable[[Project], PathDistribution]


@pytest.fixture
def installed(backend: Path, tmp_path: Path) -> Installed:
    """Build a project's wheel, install it, and return what importlib.metadata finds."""

    def metadata(project: Project) -> PathDistribution:
        source = (
            f"import hatchling.build; hatchling.build.build_wheel({str(tmp_path)!r})"
        )
        run(backend, "-c", source, cwd=project.path)
        (wheel,) = tmp_path.glob("*.whl")
        words = ("--quiet", "--no-deps", "--target", tmp_path / "site")
        run("uv", "pip", "install", "--python", backend, *words, wheel)
        (found,) = distributions(path=[str(tmp_path / "site")])
        assert isinstance(found, PathDistribution)
        return found

    return metadata


def authors(metadata: PathDistribution) -> list[tuple[str, str]]:
    """Return names and addresses of the Author-email field."""
    return getaddresses([str(metadata.metadata["Author-email"])])


@pytest.mark.slow
@cases(hostile.TEXTS)
def test_a_hostile_text_comes_back_from_the_metadata(
    render_files: Bake, installed: Installed, text: str
) -> None:
    metadata = installed(
        render_files(
            description=text,
            author_name=text,
            author_email="ada@example.com",
            python_version=OLDEST,
        )
    )
    assert metadata.metadata["Summary"] == text
    assert authors(metadata) == [(text, "ada@example.com")]


@pytest.mark.slow
@cases(hostile.DESCRIPTIONS)
def test_a_description_comes_back_from_the_metadata(
    render_files: Bake, installed: Installed, text: str
) -> None:
    metadata = installed(render_files(description=text, python_version=OLDEST))
    assert metadata.metadata["Summary"] == text


@pytest.mark.slow
@pytest.mark.parametrize("address", hostile.EMAILS)
def test_an_address_comes_back_from_the_metadata(
    render_files: Bake, installed: Installed, address: str
) -> None:
    project = render_files(author_email=address, python_version=OLDEST)
    assert authors(installed(project))[0][1] == address


@pytest.mark.slow
@pytest.mark.parametrize("license_name", CONTEXT["license"])
def test_the_license_comes_back_from_the_metadata(
    render_files: Bake, installed: Installed, license_name: str
) -> None:
    url = "https://example.com/ada/x"
    project = render_files(
        license=license_name, repository_url=url, python_version=OLDEST
    )
    metadata = installed(project)
    expression = {"Proprietary": "LicenseRef-Proprietary"}.get(
        license_name, license_name
    )
    assert metadata.metadata["License-Expression"] == expression
    assert metadata.metadata.get_all("License-File") == ["LICENSE"]
    assert metadata.metadata.get_all("Project-URL") == [f"Repository, {url}"]


# The lists of names that are taken


@pytest.fixture(scope="session")
def environment(render_files: Bake) -> Project:
    """A project of the largest starter, with all that its lock file names installed."""
    project = render_files(python_version=OLDEST, starter=CONTEXT["starter"][-1])
    run("uv", "sync", "--quiet", "--python", sys.executable, cwd=project.path)
    return project


def test_no_project_can_be_named_like_what_the_largest_one_installs(
    stack: Path,
) -> None:
    names = {*versions_in(stack)} - {"my-analysis"}
    assert len(names) > 100
    assert [name for name in names if not gate.slug_problem(name)] == []


@pytest.mark.slow
def test_no_project_can_be_named_like_a_distribution_in_its_lock_file(
    environment: Project,
) -> None:
    locked = tomllib.loads(environment.text("uv.lock"))["package"]
    taken = {package["name"] for package in locked} | {"pip", "setuptools"}
    free = [name for name in taken if not gate.slug_problem(name)]
    assert free == ["my-analysis"]


@pytest.mark.slow
def test_no_package_can_hide_a_module_that_the_project_installs(
    environment: Project,
) -> None:
    libraries = environment / ".venv"
    (site,) = (
        *libraries.glob("lib/python*/site-packages"),
        *libraries.glob("Lib/site-*"),
    )
    importable = ("", ".py", ".so", ".pyd")
    names = {path.name for path in site.iterdir() if path.suffix in importable}
    modules = {name.partition(".")[0].lower() for name in names}
    free = {name for name in modules if not gate.package_problem(name)}
    # mypyc's shared libraries have a checksum for a name, which no person types.
    assert [name for name in free if not name.endswith("__mypyc")] == []


def free_programs(directory: Path) -> list[str]:
    """Return the programs of an environment after which a project can be named."""
    endings = re.compile(r"\.(bat|cmd|exe|ps1|csh|fish|nu|xsh)$")
    programs = {endings.sub("", path.name) for path in directory.iterdir()}
    return [name for name in programs if not gate.slug_problem(name)]


def test_no_project_can_be_named_like_a_program_that_the_largest_one_needs(
    stack: Path,
) -> None:
    assert free_programs(programs_of(stack)) == ["my-analysis"]


@pytest.mark.slow
def test_no_project_can_be_named_like_a_program_of_its_environment(
    environment: Project,
) -> None:
    assert free_programs(environment.bin) == ["my-analysis"]


def test_no_package_can_be_mixed_up_with_what_stands_beside_it(bake: Bake) -> None:
    project = bake(starter=CONTEXT["starter"][-1])
    beside = {file.split("/")[0] for file in project.files if file.endswith(".py")}
    beside |= {Path(file).stem for file in project.files if file.startswith("tests/")}
    assert [name for name in beside if not gate.package_problem(name)] == []
