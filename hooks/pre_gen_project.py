"""Refuse answers that cannot make a working project, before a file is written.

All problems are reported at once, one per line, with a command that repeats the other
answers. Cookiecutter then exits with status 1 and removes the directory it created.
"""

from __future__ import annotations

import json
import keyword
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

Answers = dict[str, Any]  # cookiecutter's context

COMMAND = "COOKIECUTTER_DS_PACKAGE_COMMAND"  # set by tools/new.py
MAX_NAME = 64
MISSING = "FIXME"  # replaces a refused answer

# The project's own command would replace these programs in its environment.
PROGRAMS = """
    activate deactivate docker git jupyter make pip pip-compile pip-sync pip3 pipenv
    pipx poetry python python3 sh twine uv uvx
"""
# Names beside the package, and modules with other names than their distributions.
MODULES = "conftest make pythonjsonlogger scripts sklearn src test tests"

CREDENTIALS = re.compile(r"(?<=//)\S*@|^\S+:\S*@")
LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"  # of a domain name
ATOM = "[a-z0-9!#$%&'*+/=?^_`|~-]+"  # of an address, RFC 5322
EMAIL = rf"{ATOM}(\.{ATOM})*@{LABEL}(\.{LABEL})+"
# Only characters that no shell interprets: the README shows `git clone URL`.
URL = rf"https?://{LABEL}(\.{LABEL})*(:[0-9]+)?(/([\w.~@:+/-]|%[0-9a-f][0-9a-f])*)?"
UNPRINTABLE = r"[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
TEMPLATE_MARK = "[{](?=[%#{])"  # cookiecutter renders this file, too

# Patterns that an answer must not match, and the problems they find.
TEXT = {
    UNPRINTABLE: "contains a line break or control character",
    TEMPLATE_MARK: "contains a template mark (a brace before another brace, % or #)",
    r"^\s|\s$": "begins or ends with a space",
}
LENGTH = {"^" + "." * (MAX_NAME + 1): f"is longer than {MAX_NAME} characters"}
SLUG = {r"^(?![a-z0-9]+(-[a-z0-9]+)*\Z)": "must be a-z and 0-9, with single hyphens"}
PACKAGE = {r"^(?![a-z][a-z0-9_]*\Z)": "must be a letter (a-z), then a-z, 0-9 and _"}
ADDRESS = {rf"(?ia)^(?!{EMAIL}\Z)": "is not an e-mail address"}
WEB = {rf"(?ia)^(?!({URL})?\Z)": "must be a web address without user, query or space"}
RULES = {
    "project_name": {r"[/\\]|^\.\.?$": "contains a path separator"} | LENGTH | TEXT,
    "project_slug": SLUG | LENGTH,
    "package_name": PACKAGE | LENGTH,
    "description": TEXT,
    "author_name": TEXT | {"  ": "contains two spaces in a row"},
    "author_email": ADDRESS | TEXT | {"." * 255: "is longer than 254 characters"},
    "repository_url": WEB,
    "package_index_url": WEB,
}


class InvalidAnswer(NamedTuple):
    """A question, its answer, and what is wrong with the answer."""

    key: str
    answer: str
    problem: str

    def __str__(self) -> str:
        answer = CREDENTIALS.sub("…@", self.answer)  # passwords are not shown
        answer = answer if len(answer) < 60 else f"{answer[:50]}…"
        return f"{self.key} {answer!r} {self.problem}"


def dependencies(answers: Answers) -> set[str]:
    """Return the names of the direct dependencies of any starter or add-on."""
    lists = [*answers["_dependencies"].values(), *answers["_development"].values()]
    for addon in answers["_addons"].values():
        lists += [text for key, text in addon.items() if key != "starters"]
    return {re.split(r"[^\w.-]", word)[0] for words in lists for word in words.split()}


def find_problem(key: str, answer: str, answers: Answers) -> str:
    """Return what is wrong with a text as an answer, or an empty string."""
    if not answer and not key.endswith("_url"):
        return "is empty"
    for pattern, problem in RULES[key].items():
        if re.search(pattern, answer):
            return problem
    if key not in ("project_slug", "package_name"):
        return ""
    reserved = {
        "is a name that Windows reserves": answers["_windows_reserved"],
        "is the name of a dependency of the project": dependencies(answers),
    }
    if key == "project_slug":
        reserved["is the name of a program that the project runs"] = PROGRAMS.split()
    else:
        reserved["is a Python keyword"] = keyword.kwlist
        reserved["is a module of the standard library"] = sys.stdlib_module_names
        reserved["is a module or directory beside the package"] = MODULES.split()
    names = {answer, answer.replace("_", "-")}
    return next((problem for problem in reserved if names & {*reserved[problem]}), "")


def find_problem_of_addons(answers: Answers) -> str:
    """Return what is wrong with the list of add-ons, or an empty string."""
    known, starter = answers["_addons"], answers.get("starter", "service")
    chosen = [*filter(None, answers["addons"].replace(" ", "").split(","))]
    if unknown := {*chosen} - {*known}:
        return f"has {min(unknown)}, which is not one of {', '.join(known)}"
    for name in chosen:
        if starter not in (starters := known[name]["starters"].split()):
            return f"has {name}, which needs one of the starters {', '.join(starters)}"
    return ""


# All answers


def questions(answers: Answers) -> dict[str, Any]:
    """Return the questions with their defaults, or {} if the template is not given."""
    path = Path(answers.get("_repo_dir", ""), "cookiecutter.json")
    if not path.is_absolute() or not path.is_file():
        return {}
    context = json.loads(path.read_text(encoding="utf-8"))
    return {key: default for key, default in context.items() if key[0] != "_"}


def validate_answers(answers: Answers) -> list[InvalidAnswer]:
    """Return the answers that cannot be accepted.

    Args:
        answers: cookiecutter's context, or its private variables and some answers.
    """
    problems = {
        key: find_problem(key, str(answers[key]), answers)
        for key in RULES
        if key in answers
    }
    if "addons" in answers:
        problems["addons"] = find_problem_of_addons(answers)
    for key, default in questions(answers).items():
        if isinstance(default, bool) and answers.get(key, default) not in (True, False):
            problems[key] = "is not yes or no (from cookiecutter 2.7)"
        elif isinstance(default, list) and answers.get(key, default[0]) not in default:
            problems[key] = f"is not one of {', '.join(default)}"
    return [
        InvalidAnswer(key, str(answers[key]), problem)
        for key, problem in problems.items()
        if problem
    ]


def given_answers(answers: Answers) -> Answers:
    """Return the answers that differ from their defaults."""
    from cookiecutter import environment  # type: ignore[import-untyped]  # slow

    jinja = environment.StrictEnvironment(context={"cookiecutter": answers})
    given = {}
    unknown = {key: None for key in answers if key[0] != "_"}
    for key, default in (questions(answers) or unknown).items():
        if isinstance(default, list):
            default = default[0]
        elif isinstance(default, str):
            default = jinja.from_string(default).render(cookiecutter=answers)
        if answers[key] != default:
            given[key] = answers[key]
    return given


def client_command(answers: Answers) -> str:
    """Return the command that ran this hook, without its answers."""
    if COMMAND in os.environ:
        return os.environ[COMMAND]
    output = answers.get("_output_dir", "")
    command = ["cookiecutter", answers["_template"], "--no-input"]
    if answers.get("_checkout"):
        command += ["--checkout", answers["_checkout"]]
    if output and output != os.environ.get("PWD", output):
        command += ["--output-dir", output]
    return shlex.join(command)


def report(command: str, given: Answers, errors: list[InvalidAnswer]) -> str:
    """Return one line for each problem, and the command that repeats the answers."""
    words = {True: "yes", False: "no"}
    repeated = [
        f"{key}={words[value] if isinstance(value, bool) else value}"
        for key, value in {**given, **{error.key: MISSING for error in errors}}.items()
    ]
    lines = ["These answers can't make a project:", *(f"  {each}" for each in errors)]
    lines += [f"Replace {MISSING} and run:", f"  {command} {shlex.join(repeated)}"]
    return "\n".join(lines)


def stale(answers: Answers) -> str:
    """Return the question whose new answer the private variables do not have yet.

    Neither cruft nor the replay of an edited file computes them again.
    """
    computed_for = json.loads(answers.get("__answers", "[]"))
    changed = (key for key in computed_for if answers.get(key) != computed_for[key])
    return next((key for key in changed if key != "set_up"), "")


def outdated(client: str) -> str:
    """Return which tool is too old for the template, and how to get a newer one."""
    from cookiecutter import __version__

    install = f"pipx install --force {client}"
    if sys.version_info < (3, 11):
        old, needed = "Python {}.{}".format(*sys.version_info), "3.11"
        install += " --python 3.13"
    elif tuple(map(int, __version__.split(".")[:2])) < (2, 4):  # no pre-prompt hook
        old, needed = f"cookiecutter {__version__}", "2.4"
    else:
        return ""
    return f"{old} is too old: this template needs {needed} or newer: {install}"


# An existing directory


def keeps_files() -> bool:
    """Return whether cookiecutter was called with --skip-if-file-exists."""
    ps = f"ps -ww -o args= -p {os.getppid()}"
    done = subprocess.run(ps, shell=True, capture_output=True, text=True)
    skip = {"--skip-if-file-exists", "-s", "-fs", "-sf"}
    return not skip.isdisjoint(done.stdout.split())


def refuse_directory(answers: Answers, keeps: bool) -> str:
    """Return why rendering over these files is refused, or an empty string."""
    if not keeps:
        status = "git status --porcelain --untracked-files=all"
        done = subprocess.run(status, shell=True, capture_output=True)
        if done.returncode or done.stdout:
            return (
                "The directory has files that are not committed, which -f would"
                " overwrite: add -s (--skip-if-file-exists), which keeps them."
            )
        return ""
    if Path("make/kernel.py").exists():  # a project of the template
        return ""
    manager = answers["environment_manager"]
    recipes = Path(answers["_repo_dir"], "templates/managers", manager, "recipes.mk")
    locks = re.findall(r"^LOCK := (.*)$", recipes.read_text(encoding="utf-8"), re.M)
    names = ["Makefile", "pyproject.toml", *locks]
    names += ["requirements.txt"] if manager == "pip-tools" else []
    if found := [name for name in names if Path(name).exists()]:
        return (
            f"The project needs a {' and a '.join(found)} of its own: rename yours,"
            f" such as 'git mv {found[0]} old-{found[0]}', and run it again."
        )
    return ""


def refusal(answers: Answers) -> str:
    """Return why no project can be made, or an empty string."""
    client = "cruft" if "_commit" in answers else "cookiecutter"
    if message := outdated(client):
        return message
    if errors := validate_answers(answers):
        return report(client_command(answers), given_answers(answers), errors)
    if key := stale(answers):
        return (
            f"{key} was changed, but not the private variables computed from it: try"
            " without --replay-file, or with cruft's --refresh-private-variables"
        )
    here = os.getcwd()
    if os.sep == "/" and (odd := re.search(r"[:\\]", here)):
        return f"A directory with {odd[0]!r} in its name breaks PATH and make: {here}"
    return refuse_directory(answers, keeps_files()) if os.listdir() else ""


def main() -> int:
    answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
    if message := refusal(answers):
        print(message, file=sys.stderr)
        return 1
    if os.listdir():  # the post-generation hook then writes files only
        existing = [directory for directory, _, _ in os.walk(".")]
        Path(".rendered-over").write_text(json.dumps(existing), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
