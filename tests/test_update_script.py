"""The script behind `make update`, with a cruft that does what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Bake, Machine, Project, programs_of, run
from journey import put_first_on_path

SCRIPT = "scripts/update.py"
LINK = ".cruft.json"
WAY_BACK = "git reset --quiet --hard && git clean --quiet --force -d"
NAMES = {"package_name": "main", "project_slug": "mine"}
ANSWERS = {"description": "Größe", "starter": "analysis", **NAMES}

Update = Callable[..., tuple[int, list[str]]]


def link(commit: str, **more: object) -> str:
    """Return what cruft writes: the template's own tables are among the answers."""
    state = {
        "template": "https://git.example.com/template",
        "commit": commit,
        "context": {"cookiecutter": {**ANSWERS, "_managers": {"uv": {}}, **more}},
    }
    return json.dumps(state)


@pytest.fixture
def project(
    bake: Bake, copy: Callable[[Project], Project], machine: Machine
) -> Project:
    """A committed project with its link, and a make that notes how it was called."""
    project = Project(copy(bake()).path, machine.env)
    (project / LINK).write_text(link("1" * 40))
    (project / "uv.lock").write_text("of uv\n")
    project.git("init", "--quiet")
    keep(project)
    put_first_on_path(machine, "make", "echo make $@ >>../called")
    return project


def keep(project: Project) -> None:
    """Commit what is there."""
    project.git("add", "--all", "--force")
    project.git("commit", "--quiet", "--no-verify", "--message", "Mine")


@pytest.fixture
def update(project: Project, machine: Machine, stack: Path) -> Update:
    """Run the script in the project, with a cruft that runs these lines of shell."""
    python = programs_of(stack) / "python"

    def told(*words: str, cruft: str = "") -> tuple[int, list[str]]:
        program = put_first_on_path(
            machine, "cruft", f'for word; do echo "$word" >>../called; done\n{cruft}'
        )
        command = (str(python), SCRIPT, "--cruft", f"'{program}' --own", *words)
        here: dict[str, Any] = {"cwd": project.path, "env": machine.env}
        done = run(*command, **here, check=False, stdin="typed\n")
        return done.returncode, done.stdout.splitlines()

    return told


def called(project: Project) -> list[str]:
    """Return the words that cruft was called with, and make's line."""
    notes = project.path.parent / "called"
    return notes.read_text("utf-8").splitlines() if notes.exists() else []


def writes(name: str, text: str) -> str:
    """Return the line of shell that writes a file."""
    return f"cat >'{name}' <<'END'\n{text}\nEND"


MOVED = writes(LINK, link("2" * 40, project_slug="x"))


def test_what_has_changed_is_counted_and_the_environment_follows(
    project: Project, update: Update
) -> None:
    status, said = update(cruft=f"{MOVED}\necho more >>README.md; git add .")
    assert status == 0
    assert said == [
        "2 files are updated: git diff HEAD shows how.",
        "Then: make test && git add --all && git commit",
        f"The way back: {WAY_BACK}",
    ]
    assert called(project) == [
        *("--own", "update", "--skip-apply-ask"),
        "make --no-print-directory lock install",
    ]


def test_the_link_keeps_the_answers_in_words_that_a_person_reads(
    project: Project, update: Update
) -> None:
    update(cruft=f"{MOVED}\necho more >>README.md; git add .")
    template = "https://git.example.com/template"
    answers = dict(sorted({**ANSWERS, "project_slug": "x"}.items()))
    own = {"_template": template, "_commit": "2" * 40}
    context = {"cookiecutter": answers | own}
    state = {"template": template, "commit": "2" * 40, "context": context}
    text = json.dumps(state, ensure_ascii=False, indent=2)
    assert project.text(LINK) == f"{text}\n"
    assert LINK in project.git("diff", "--name-only", "--cached").splitlines()
    assert LINK not in project.git("diff", "--name-only").splitlines()


def test_another_template_branch_and_answer_reach_cruft(
    project: Project, update: Update
) -> None:
    words = ("--template", "../there", "--to", "v2", "starter=model", "description=a=b")
    status, said = update(*words)
    assert (status, said[-1]) == (0, f"The way back: {WAY_BACK}")
    assert said[0] == "The project is up to date with its template."
    wanted = json.dumps({"starter": "model", "description": "a=b"})
    assert called(project) == [
        *("--own", "update", "--skip-apply-ask", "--template-path", "../there"),
        *("--checkout", "v2", "--variables-to-update", wanted),
    ]
    assert json.loads(project.text(LINK))["template"] == "../there"


def test_where_nothing_has_changed_there_is_no_way_back(
    project: Project, update: Update
) -> None:
    update()
    keep(project)
    up_to_date = "The project is up to date with its template."
    assert update() == (0, [up_to_date])
    assert "make --no-print-directory lock install" not in called(project)


def test_the_lock_file_of_a_manager_that_was_goes_with_it(
    project: Project, update: Update
) -> None:
    update(cruft="sed -i 's/^LOCKS := .*/LOCKS := poetry.lock/' Makefile; git add .")
    assert not (project / "uv.lock").exists()


def test_what_git_could_not_merge_is_listed(project: Project, update: Update) -> None:
    apart = "a\n<<<<<<< ours\n=======\n>>>>>>> theirs"
    steps = [
        "git stash --quiet --include-untracked 2>/dev/null",
        "git checkout --quiet -b theirs; echo theirs >README.md",
        "git commit --quiet --no-verify -am t; git checkout --quiet -",
        "echo ours >README.md; git commit --quiet --no-verify -am o",
        "git merge --quiet theirs >/dev/null",
        writes("pyproject.toml.rej", apart),
        "echo 'error: Dockerfile: patch does not apply'",
        "echo 'error: README.md: patch does not apply'",
        "echo 'error: gone.txt: patch does not apply'",
        "true",
    ]
    status, said = update(cruft="\n".join(steps))
    assert status == 1
    assert said == [
        "The update is not finished. Look at these, and decide what holds:",
        "  Dockerfile (the template no longer has it)",
        "  README.md",
        "  pyproject.toml.rej",
        "Then: make lock install && git add --all && git commit",
        f"The way back: {WAY_BACK}",
    ]
    assert not any(line.startswith("make") for line in called(project))


def test_an_environment_that_cannot_be_made_after_an_update_is_told(
    project: Project, update: Update, machine: Machine
) -> None:
    put_first_on_path(machine, "make", "exit 2")
    status, said = update(cruft="echo more >>README.md")
    assert status == 1
    assert said[1:-1] == [
        "The files are updated, but the environment could not be made:",
        "  make lock install",
        "Then: make test && git add --all && git commit",
    ]


# What is refused


@pytest.fixture
def refused(project: Project, update: Update) -> Callable[..., str]:
    """Update in vain, and return the one line that is said: nothing is changed."""

    def told(*words: str, cruft: str = "") -> str:
        before = {name: (project / name).read_bytes() for name in project.files}
        status, said = update(*words, cruft=cruft)
        assert status == 1
        after = {name: (project / name).read_bytes() for name in project.files}
        assert after == before
        (line,) = said
        assert line.startswith("No update: ")
        return line

    return told


Refused = Callable[..., str]


def test_a_tree_that_is_not_clean_is_refused_with_what_is_not_committed(
    project: Project, refused: Refused
) -> None:
    (project / "note.txt").write_text("not committed\n")
    cure = "or put it away with 'git stash --include-untracked'"
    one = "No update: first commit what is changed here (note.txt), "
    assert refused() == f"{one}{cure}."
    for number in range(5):
        (project / f"{number}.txt").touch()
    assert "(0.txt, 1.txt, 2.txt, 3.txt, 4.txt, …), " in refused()
    assert called(project) == []


def test_a_project_without_a_repository_is_told_what_git_says(
    project: Project, refused: Refused
) -> None:
    (project / ".git").rename(project.path.parent / "git")
    told = "No update: the update needs the project's git repository: fatal: not a git"
    assert refused().startswith(told)


def test_a_project_without_its_link_is_told_how_to_get_one(
    project: Project, refused: Refused
) -> None:
    (project / LINK).unlink()
    keep(project)
    link = "which tells the template this project was made from"
    cure = "'cruft link ADDRESS' writes it"
    assert refused() == f"No update: there is no .cruft.json, {link}: {cure}."


@pytest.mark.parametrize("text", ["<<<<<<< ours\n", "{}", '{"context": 3}', "[]"])
def test_a_link_that_nobody_can_read_is_told_where_the_old_one_is(
    project: Project, refused: Refused, text: str
) -> None:
    (project / LINK).write_text(text)
    keep(project)
    told = "No update: .cruft.json can't be read: 'git log' has it as it was."
    assert refused() == told


@pytest.mark.parametrize("words", ["colour=red", "starter", "_managers=x"])
def test_what_is_no_answer_is_refused_with_those_that_are(
    refused: Refused, words: str
) -> None:
    known = "description, starter, package_name, project_slug"
    told = f"No update: {words} is not ANSWER=VALUE with one of {known}."
    assert refused(words) == told


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_files_and_code_carry_can_not_be_changed(
    refused: Refused, name: str
) -> None:
    told = f"No update: {name} can't be changed: files and code carry it."
    assert refused("starter=model", f"{name}=other") == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("echo 'Traceback'; echo '│ ValueError: no such value. │'", "no such value"),
        ("echo 'cruft.InvalidCookiecutterRepository: no template'", "no template"),
        (
            "echo 'fatal: no such branch'; echo 'Stopping there.'",
            "fatal: no such branch",
        ),
        ("printf 'no \\377\\n'", "no \ufffd"),
        ("true", "{program} failed"),
    ],
)
def test_what_cruft_says_last_is_told_and_all_is_as_it_was(
    project: Project, refused: Refused, said: str, told: str
) -> None:
    spoil = "echo more >>README.md; touch new.txt; git add README.md"
    line = refused(cruft=f"{spoil}\n{said}\nexit 1")
    program = project.path.parent / "own-programs" / "cruft"
    at = "the template at https://git.example.com/template says"
    told = told.format(program=program)
    assert line == f"No update: {at}: {told}; nothing is changed."
    assert project.git("status", "--porcelain") == ""


def test_a_template_that_is_gone_is_told_how_to_say_where_it_is(
    refused: Refused,
) -> None:
    line = refused(cruft="echo 'Unable to clone'; echo 'fatal: no'; exit 1")
    assert line.endswith(
        "fatal: no; if it has moved: make update TEMPLATE=<its address>."
    )


def test_a_program_that_is_asked_sees_a_wide_terminal_and_nobody_at_it(
    project: Project, update: Update
) -> None:
    """So that rich does not break the line that is told, and nothing waits."""
    asked = 'echo "$COLUMNS $_TYPER_STANDARD_TRACEBACK" >>../called; cat >>../called'
    update(cruft=asked)
    assert called(project)[-1] == "999 1"
