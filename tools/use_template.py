"""Turn a repository that was made with "Use this template" into the project.

The workflow use-template.yml runs this. What was typed into its form comes from the
file in which GitHub describes the run, and is data all the way: no shell sees it, and
nothing renders it before the gate has looked at it. The project is rendered and locked
in a temporary directory and becomes one commit on the branch, which the remote takes or
does not. So nothing is half done, whatever goes wrong.

What there is to say goes into the run's summary. The exit status is 1 if a project was
wanted and none was made.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cookiecutter.environment import (  # type: ignore[import-untyped]
    StrictEnvironment,
)
from cookiecutter.prompt import render_variable  # type: ignore[import-untyped]
from new import NAME, ORIGIN, TEMPLATE, copy_template
from repository import (
    WORKFLOWS,
    DeclinedError,
    Entry,
    GitError,
    Person,
    Repository,
    last_lines,
)

sys.path.insert(0, str(TEMPLATE / "hooks"))

import pre_gen_project as gate

Answers = dict[str, Any]

THIS = "tools/use_template.py"
ASIDE = "use-template"  # the branch for a project that the branch itself does not take
LONGEST_LOCKING = 1200  # seconds
# The make that runs this would pass its own settings on to the project's make, and what
# the project's tools run has no use for the token.
KEPT_FROM_TOOLS = (
    ORIGIN,
    "ARGS",
    "GITHUB_TOKEN",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "PYTHONHOME",
    "PYTHONPATH",
    "VENV",
    "VIRTUAL_ENV",
)


class Ending(Exception):
    """Why no project is made, for the summary.

    Attributes:
        title: one line.
        lines: what else there is to say, paragraphs of Markdown.
        quoted: texts of others, which are shown as they are.
        status: exit status.
    """

    def __init__(
        self,
        title: str,
        *lines: str,
        quoted: Sequence[str] = (),
        status: int = 1,
    ) -> None:
        super().__init__(title)
        self.title, self.lines, self.quoted, self.status = title, lines, quoted, status


class Run(NamedTuple):
    """What GitHub says about the run.

    Attributes:
        name: owner and name of the repository.
        address: web address of the repository.
        is_fork: whether it is a fork of another one.
        is_template: whether others can be made from it.
        branch: on which the run was started, empty if on something else.
        inputs: what was given in the form.
        actor: who started it.
    """

    name: str
    address: str
    is_fork: bool
    is_template: bool
    branch: str
    inputs: dict[str, Any]
    actor: Person

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Run:
        """Return it from the variables and the file that GitHub gives to a run.

        Raises:
            Ending: if this is no run of GitHub Actions.
        """
        try:
            path = Path(environment["GITHUB_EVENT_PATH"])
            event = json.loads(path.read_text(encoding="utf-8"))
            about = event["repository"]
            server, name, reference, login, number = (
                environment[f"GITHUB_{each}"]
                for each in ("SERVER_URL", "REPOSITORY", "REF", "ACTOR", "ACTOR_ID")
            )
        except (OSError, ValueError, LookupError, TypeError):
            raise Ending(
                "This runs on GitHub's Actions page: start it there."
            ) from None
        host = urllib.parse.urlsplit(server).hostname
        mailbox = re.sub(r"[^A-Za-z0-9-]", "", login)
        return cls(
            name=name,
            address=f"{server}/{name}",
            is_fork=bool(about.get("fork")),
            is_template=bool(about.get("is_template")),
            branch=(
                reference.removeprefix("refs/heads/") if "/heads/" in reference else ""
            ),
            inputs=dict(event.get("inputs") or {}),
            actor=Person(login, f"{number}+{mailbox}@users.noreply.{host}"),
        )


# Deciding


def demand_copy(run: Run, repository: Repository) -> str:
    """Return the first commit of a repository that was made from the template.

    Such a repository begins with all of the template in one commit, this file
    included; the template's own history began without it.

    Raises:
        Ending: if it is the template itself, a fork, or something else.
    """
    done = "Nothing is done here"
    if run.is_fork:
        raise Ending(
            f"{done}: this is a fork of the template.",
            "A fork follows its template and changes its defaults; the button *Use this"
            " template*, there or on a fork that is marked as a template, makes a"
            " repository that can become a project.",
            status=0,
        )
    first = repository.git("rev-list", "--first-parent", "HEAD").split()[-1]
    is_named_so = run.name.rpartition("/")[2] == NAME
    if run.is_template or is_named_so or THIS not in repository.files(first):
        raise Ending(
            f"{done}: this is the template itself.",
            "Press *Use this template* on its page, give the new repository another"
            " name, and run this there.",
            status=0,
        )
    return first


def demand_first_time(run: Run, repository: Repository) -> None:
    """Raise Ending if the branch is a project already, or is not what is here."""
    if not run.branch:
        raise Ending("Start this on a branch: a tag can't become a project.")
    tips = repository.tips(run.branch, ASIDE)
    if tips.get(run.branch) != repository.git("rev-parse", "HEAD"):
        tip = repository.fetch(run.branch)
        if "cookiecutter.json" not in repository.files(tip):
            raise Ending(
                "This repository is a project already. Nothing is changed.",
                "To make another one, use the template again.",
                status=0,
            )
        raise Ending(
            f"Nothing is changed: `{run.branch}` has gone on since this run began.",
            "Start it again.",
        )
    if ASIDE in tips:
        raise Ending(
            f"The project waits on the branch `{ASIDE}` already. Nothing is changed.",
            compare(run),
            status=0,
        )


def questions() -> dict[str, Any]:
    """Return what cookiecutter.json says."""
    text = Path(TEMPLATE, "cookiecutter.json").read_text(encoding="utf-8")
    context: dict[str, Any] = json.loads(text)
    return context


def answers_of(run: Run) -> Answers:
    """Return an answer to every question: the form's, GitHub's, or the default."""
    context = questions()
    given: Answers = {
        "author_name": run.actor.name,
        "author_email": run.actor.address,
        "repository_url": run.address,
        **{
            key: (
                {"true": True, "false": False}.get(value, value)
                if isinstance(context.get(key), bool)
                else value
            )
            for key, value in run.inputs.items()
        },
        "set_up": False,
    }
    given["project_name"] = given.get("project_name") or run.name.rpartition("/")[2]
    jinja = StrictEnvironment(context={"cookiecutter": context})
    answers: Answers = {}
    for key, default in context.items():
        if key.startswith("_"):
            continue
        if isinstance(default, list):
            default = default[0]
        elif isinstance(default, str) and key not in given:
            # The template's own text is rendered; answers only go into it as values.
            default = render_variable(jinja, default, {**context, **answers})
        answers[key] = given.get(key, default)
    return answers


def demand_accepted(answers: Answers) -> None:
    """Raise Ending with what the gate says of answers that it refuses."""
    private = {key: value for key, value in questions().items() if key[0] == "_"}
    about = {**private, "_repo_dir": str(TEMPLATE)}
    found = [str(error) for error in gate.validate_answers({**answers, **about})]
    if found:
        raise Ending(
            "These answers can't make a project. Nothing is changed.",
            "The slug and the package's name are made from the project's name: where"
            " one of them is refused, give the project another name.",
            quoted=found,
        )


def origin_of(repository: Repository, address: str, first: str) -> dict[str, str]:
    """Return which commit of the template the repository began with, for the hook.

    Args:
        address: of the template's repository, empty if it is not known.
        first: the first commit, whose files are those of the template at that time.

    Returns:
        Nothing if the template can't be read, or has no such commit.
    """
    if not address:
        return {}
    try:
        # Without the token, which is for this repository only.
        template = Repository(repository.path)
        template.git("fetch", "--quiet", "--no-tags", "--", address, "HEAD")
        history = template.git("log", "--format=%T %H", "FETCH_HEAD").splitlines()
    except GitError:
        return {}
    commits = dict(line.split() for line in reversed(history))
    tree = repository.git("rev-parse", f"{first}^{{tree}}")
    return {"template": address, "commit": commits[tree]} if tree in commits else {}


# Acting


def render(answers: Answers, origin: dict[str, str], scratch: Path) -> Path:
    """Render the project's files and return where they are.

    Raises:
        Ending: with what cookiecutter said, if it refuses the answers after all.
    """
    template = copy_template(scratch)
    temporary = {name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP")}
    environment = {**tools_environment(), **temporary}
    if origin:
        environment[ORIGIN] = json.dumps(origin)
    spoken = {True: "yes", False: "no"}
    words = [
        f"{key}={spoken[value] if isinstance(value, bool) else value}"
        for key, value in answers.items()
    ]
    made = scratch / "made"
    options = ["--no-input", "--default-config", "--output-dir", str(made)]
    done = subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(template), *options, *words],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        said = last_lines(done.stdout + done.stderr)
        raise Ending("No project could be made. Nothing is changed.", quoted=said)
    return made / str(answers["project_slug"])


def tools_environment() -> dict[str, str]:
    """Return the environment of programs that the project's tools run in."""
    return {
        name: value for name, value in os.environ.items() if name not in KEPT_FROM_TOOLS
    }


def lock(project: Path) -> list[str]:
    """Make the lock file, as the prompts' road does, with the project's own make.

    Returns:
        What make said last, if there is none; nothing else of a lock file is left then.
    """
    make = [os.environ.get("MAKE", "make"), "--no-print-directory", "bootstrap", "lock"]
    try:
        done = subprocess.run(
            make,
            cwd=project,
            env=tools_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LONGEST_LOCKING,
        )
        problem = "" if done.returncode == 0 else done.stdout or "make failed"
    except OSError as error:
        problem = f"make: {error.strerror}"
    except subprocess.TimeoutExpired:
        problem = f"make was not ready after {LONGEST_LOCKING // 60} minutes"
    if problem:
        for pattern in ("*.lock", "pylock*.toml", "requirements*.txt"):
            for path in Path(project).glob(pattern):
                path.unlink()
    return last_lines(problem)


def kept(repository: Repository, first: str, made: set[str]) -> set[str]:
    """Return the files that somebody has added since and that stay.

    Args:
        first: the commit that brought the template.
        made: the project's files, which take the place of others of the same name.
    """

    def is_in_the_way(path: str) -> bool:
        return any(
            each == path or each.startswith(f"{path}/") or path.startswith(f"{each}/")
            for each in made
        )

    template, now = repository.files(first), repository.files("HEAD")
    return {path for path in {*now} - {*template} if not is_in_the_way(path)}


def edited(repository: Repository, first: str) -> list[str]:
    """Return the template's files that somebody has changed since."""
    template, now = repository.files(first), repository.files("HEAD")
    return sorted(path for path in {*template} & {*now} if template[path] != now[path])


def foreign_workflows(
    made: Mapping[str, Entry], here: Mapping[str, Entry]
) -> list[str]:
    """Return the workflow files that are not as they are here, and can't be pushed."""
    return sorted(
        path
        for path, entry in made.items()
        if path.startswith(WORKFLOWS) and here.get(path) != entry
    )


def project_tree(
    repository: Repository, project: Path, first: str
) -> tuple[str, list[str]]:
    """Return git's name for all files of the project, and which workflows are not new.

    Workflow files can't be added or changed with the token of a run. Those of the
    project are here already; one that somebody has changed since stays as it is, and
    one that is gone stays away.
    """
    plain = repository.files(repository.tree(project))
    here = repository.files("HEAD")
    foreign = foreign_workflows(plain, here)
    stay = kept(repository, first, {*plain}) | {*foreign} & {*here}
    besides = {path: here[path] for path in stay}
    return repository.tree(project, besides=besides, without=foreign), foreign


def publish(run: Run, repository: Repository, commit: str) -> str:
    """Push the commit and return the branch that has it now.

    That is the branch of the run, or another one where that is protected.

    Raises:
        Ending: if the remote takes neither.
    """
    unchanged = "The project could not be pushed. Nothing is changed."
    try:
        try:
            repository.push(commit, run.branch)
            return run.branch
        except DeclinedError:
            repository.push(commit, ASIDE)
            return ASIDE
    except GitError as error:
        raise Ending(unchanged, quoted=last_lines(str(error))) from None


# Saying


def compare(run: Run) -> str:
    """Return how the project comes into a branch that takes no direct push."""
    base, head = (urllib.parse.quote(each, safe="") for each in (run.branch, ASIDE))
    return (
        f"[Open a pull request]({run.address}/compare/{base}...{head}?expand=1) that"
        f" merges `{ASIDE}` into `{run.branch}`."
    )


def shown(lines: Sequence[str]) -> str:
    """Return texts of others as Markdown that shows them and does nothing else."""
    return "".join(f"    {line}\n" for line in lines)


def summarise(title: str, *paragraphs: str) -> None:
    """Write into the run's summary, and the title into its log."""
    text = "\n\n".join([f"### {title}", *(each for each in paragraphs if each)])
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{text}\n")
    print(title)


def tell(run: Run, branch: str, commit: str, notes: Sequence[str]) -> None:
    """Say that the project is there, what it lacks and what comes next."""
    is_aside = branch != run.branch
    summarise(
        (
            f"The project is on the branch {branch}."
            if is_aside
            else "The project is made."
        ),
        f"Commit {commit[:7]} on `{branch}` holds it, and the history before it stays.",
        (
            f"`{run.branch}` does not take a direct push. {compare(run)}"
            if is_aside
            else ""
        ),
        f"As its author stands `{run.actor.name}`: the name is in `pyproject.toml`,"
        " `README.md` and `LICENSE`.",
        *notes,
        "To work on it:",
        shown(
            [
                f"git clone {run.address}",
                f"cd {run.name.rpartition('/')[2]}",
                *([f"git switch {branch}"] if is_aside else []),
                "make bootstrap install",
            ]
        ),
    )


def make_project(environment: Mapping[str, str]) -> None:
    """Do all of it.

    Raises:
        Ending: if no project is made.
        GitError: if git fails where it never should.
    """
    run = Run.read(environment)
    server = environment["GITHUB_SERVER_URL"]
    repository = Repository(TEMPLATE, environment.get("GITHUB_TOKEN", ""), server)
    first = demand_copy(run, repository)
    demand_first_time(run, repository)
    answers = answers_of(run)
    demand_accepted(answers)
    address = environment.get("TEMPLATE", "")
    origin = origin_of(repository, address, first)
    with tempfile.TemporaryDirectory(prefix="project-") as directory:
        project = render(answers, origin, Path(directory))
        unlocked = lock(project)
        tree, foreign = project_tree(repository, project, first)
    gone = [path for path in edited(repository, first) if path not in foreign]
    message = f"Start {answers['project_slug']}"
    commit = repository.commit(tree, ["HEAD"], message, run.actor)
    branch = publish(run, repository, commit)
    notes = []
    if unlocked:
        notes.append("There is no lock file yet: `make lock` writes it. make said:")
        notes.append(shown(unlocked))
    if not origin:
        notes.append(
            "It is not linked to its template, because the template's commit was not"
            f" to be found: `uvx cruft link {address or 'ADDRESS'}` does that, and then"
            " `make update` brings in what the template learns later."
        )
    for path in foreign:
        notes.append(
            f"`{path}` is not the template's: a run may not add or change workflow"
            " files, so it is as it was in this repository."
        )
    if gone:
        notes.append(
            "These files of the template had been changed here. The project has its own"
            " or none; the history has them."
        )
        notes.append(shown([ascii(path)[1:-1] for path in gone]))
    tell(run, branch, commit, notes)


def main() -> int:
    """Make the project, or say why not, and return the exit status."""
    try:
        make_project(os.environ)
    except Ending as ending:
        summarise(ending.title, shown(ending.quoted), *ending.lines)
        return ending.status
    except GitError as error:
        said = shown(last_lines(str(error)))
        summarise("git failed. Nothing is changed.", said)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
