"""Compare templates by the same work: from the prompts to a kernel that runs.

Ours alone, or beside others whose checkouts are given; what a person still has to type
after their prompts stands in a file. They take turns. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from accounting import ratio
from run import base_python, described_machine, rows_of_steps, shown, table
from workshop import CommandError, Workshop, open_workshop

OURS = "ours"
RENDERING = "prompts"  # the name of the first step
KEYS = {"package": str, "answers": dict, "render": str, "commands": list}  # of a file
# Runs in the project's environment, where ipykernel has brought jupyter_client.
ASK = """
import sys
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel(kernel_name=sys.argv[1], startup_timeout=120)
try:
    silent = {"timeout": 240, "output_hook": lambda message: None}
    reply = client.execute_interactive(sys.argv[2], **silent)
    content = reply["content"]
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
if content["status"] != "ok":
    sys.exit(f"{content['ename']}: {content['evalue']}")
"""
# Runs in the kernel.
LOOK = """
import importlib, importlib.metadata, re

def plain(name):
    return re.sub("[-_.]+", "-", name).lower()

modules = importlib.metadata.packages_distributions()
for name in {distributions!r}:
    mine = [each for each in modules if name in map(plain, modules[each])]
    named = [each for each in mine if plain(each) == name]
    for module in named or mine or [name]:
        importlib.import_module(module)
importlib.import_module({package!r})
for name, locked in {versions!r}.items():
    found = importlib.metadata.version(name)
    if found != locked:
        raise ImportError(f"{{name}} is {{found}}, locked is {{locked}}")
"""


class NotReached(Exception):
    """A template did not come to a kernel that runs; the text is one line why."""


@dataclass(frozen=True)
class Peer:
    """A template, and what a person does with it.

    Attributes:
        name: in the table.
        template: directory of the checkout.
        package: name by which the project's package is imported.
        answers: to its prompts, where they are not the defaults.
        commands: lines for a shell, in the project's directory, one after another.
        render: line for a shell that makes the project in an empty directory; empty
            for a cookiecutter template.
    """

    name: str
    template: Path
    package: str
    answers: dict[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    render: str = ""


@dataclass(frozen=True)
class Goal:
    """What every project must come to.

    Attributes:
        python: an interpreter of the version that environments are made of.
        requirements: file with the locked versions of all dependencies.
        distributions: what the kernel must be able to import beside the package.
        versions: distributions to their locked versions.
    """

    python: str
    requirements: Path
    distributions: tuple[str, ...]
    versions: dict[str, str]


@dataclass
class Result:
    """What was measured of one template.

    Attributes:
        steps: seconds of each step by turn.
        missed: why the kernel was not reached, empty if it was.
    """

    steps: dict[str, list[float]] = field(default_factory=dict)
    missed: str = ""

    @property
    def seconds(self) -> list[float]:
        """All steps together, by turn."""
        return [sum(turn) for turn in zip(*self.steps.values(), strict=True)]


# What is compared


def ours(shop: Workshop, answers: Mapping[str, str]) -> Peer:
    """Return this template, which leaves nothing to type after the prompts.

    Args:
        answers: that differ from the defaults; the names are the benchmark's.
    """
    usual = {"environment_manager": "uv", "set_up": "yes"}
    names = {"project_slug": "my-analysis", "package_name": "my_analysis"}
    return Peer(OURS, shop.template, "my_analysis", {**usual, **answers, **names})


def peer(name: str, template: Path, file: Path, answers: Mapping[str, str]) -> Peer:
    """Return a template as its file describes it.

    Args:
        file: TOML with keys and types of ``KEYS``, of which ``package`` must be there.
        answers: that are added to the file's, or replace them.

    Raises:
        ValueError: the template or the file is not what it should be.
    """
    if not template.is_dir():
        raise ValueError(f"{name}: {template} is no directory")
    try:
        told: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{name}: {file} is missing; it says what is typed") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: {file}: {error}") from None
    for key, value in told.items():
        if not isinstance(value, KEYS.get(key, ())):
            raise ValueError(f"{name}: {file}: {key} is unknown, or of another type")
    if "package" not in told:
        raise ValueError(f"{name}: {file}: package is missing, what is to be imported")
    if "render" not in told and not (template / "cookiecutter.json").is_file():
        raise ValueError(f"{name}: no cookiecutter.json there, and no render in {file}")
    given = {key: str(value) for key, value in told.get("answers", {}).items()}
    return Peer(
        name,
        template,
        told["package"],
        {**given, **answers},
        tuple(map(str, told.get("commands", ()))),
        told.get("render", ""),
    )


def goal(shop: Workshop, answers: Mapping[str, str]) -> Goal:
    """Make a project of ours with uv, and return what all projects must come to.

    Args:
        answers: of ours.
    """
    parent = shop.directory("goal")
    uv = ours(shop, {**answers, "environment_manager": "uv", "set_up": "yes"})
    shop.run(*rendering(shop, uv, parent))
    project = only_directory(parent)
    requirements = shop.root / "requirements.txt"
    words = ["--all-groups", "--no-emit-project", "--no-hashes", "--no-annotate"]
    words += ["--frozen", "--no-header", "--quiet", "--output-file"]
    shop.run("uv", "export", *words, requirements, cwd=project)
    frozen = shop.run("uv", "pip", "freeze", "--exclude-editable", cwd=project)
    pairs = (line.partition("==") for line in frozen.splitlines())
    manifest = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    direct = tuple(map(plain_name, manifest["project"]["dependencies"]))
    python = base_python(shop, project)
    forget_kernels(shop)
    shutil.rmtree(parent)
    return Goal(python, requirements, direct, {name: v for name, _, v in pairs if v})


def plain_name(requirement: str) -> str:
    """Return the normalized name of the distribution that a requirement asks for."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


# Measuring


def rendering(shop: Workshop, peer: Peer, parent: Path) -> Sequence[str | Path]:
    """Return the command that makes a template's project in a directory, unasked."""
    if peer.render:
        return ("sh", "-c", peer.render)
    words = [f"{key}={value}" for key, value in peer.answers.items()]
    return shop.cookiecutter(peer.template, parent, *words)


def only_directory(parent: Path) -> Path:
    """Return the project that was made.

    Raises:
        NotReached: there is none, or there are several.
    """
    found = [path for path in parent.iterdir() if path.is_dir()]
    if len(found) != 1:
        raise NotReached(f"{len(found)} directories were made, not one project")
    return found[0]


def forget_kernels(shop: Workshop) -> None:
    """Remove every kernel from the workshop's HOME."""
    for directory in list(shop.home.glob("**/jupyter/kernels")):
        shutil.rmtree(directory)


def take_turn(shop: Workshop, peer: Peer, goal: Goal, turn: int) -> dict[str, float]:
    """Do the whole work with a template once; return the seconds of each step.

    Raises:
        NotReached: a step failed, or there is no kernel that runs at the end.
    """
    parent = shop.directory(f"{peer.name}-{turn}")
    given = {"TEMPLATE": peer.template, "REQUIREMENTS": goal.requirements}
    variables = {name: str(path) for name, path in given.items()}
    try:
        with shop.setting({**variables, "BASE_PYTHON": goal.python}):
            render = rendering(shop, peer, parent)
            steps = {RENDERING: timed(shop, RENDERING, render, parent)}
            project = only_directory(parent)
            for line in peer.commands:
                seconds = timed(shop, line, ("sh", "-c", line), project)
                steps[line] = steps.get(line, 0.0) + seconds
            check(shop, peer, goal)
    finally:
        forget_kernels(shop)
        shutil.rmtree(parent)
    return steps


def timed(
    shop: Workshop, step: str, command: Sequence[str | Path], directory: Path
) -> float:
    """Return the seconds of a step.

    Raises:
        NotReached: with the step, and the last line that it printed, if it fails.
    """
    try:
        return shop.seconds(*command, cwd=directory)
    except (CommandError, OSError) as error:
        raise NotReached(f"{step}: {last_line(error)}") from None


def last_line(error: Exception) -> str:
    """Return the last line that a program printed before it failed."""
    return str(error).splitlines()[-1].strip()


def check(shop: Workshop, peer: Peer, goal: Goal) -> None:
    """Start the kernel that was registered, and let it import what it should.

    It works in an empty directory, so that nothing is found for lying there.

    Raises:
        NotReached: there is not one kernel, or it can't.
    """
    found = list(shop.home.glob("**/jupyter/kernels/*/kernel.json"))
    if len(found) != 1:
        raise NotReached(f"{len(found) or 'no'} kernels are registered, not one")
    python = json.loads(found[0].read_text("utf-8"))["argv"][0]
    code = LOOK.format(
        distributions=goal.distributions, package=peer.package, versions=goal.versions
    )
    empty = shop.directory("elsewhere")
    try:
        shop.run(python, "-c", ASK, found[0].parent.name, code, cwd=empty)
    except (CommandError, OSError) as error:
        raise NotReached(f"the kernel does not run: {last_line(error)}") from None
    finally:
        shutil.rmtree(empty)


def measure(
    shop: Workshop,
    peers: Sequence[Peer],
    goal: Goal,
    rounds: int,
    tell: Callable[[str], None],
) -> dict[str, Result]:
    """Measure the templates in turns; one that is not reached drops out.

    Args:
        rounds: that count; one more comes before them and fills caches.
        tell: is given a line of text as each round begins.
    """
    results = {peer.name: Result() for peer in peers}
    for turn in range(rounds + 1):
        tell(f"round {turn} of {rounds}")
        first = turn % len(peers)
        for peer in (*peers[first:], *peers[:first]):
            result = results[peer.name]
            if result.missed:
                continue
            try:
                steps = take_turn(shop, peer, goal, turn)
            except NotReached as reason:
                result.missed = str(reason)
                continue
            for step, seconds in steps.items() if turn else ():
                result.steps.setdefault(step, []).append(seconds)
    return results


# Reporting


def as_markdown(
    peers: Sequence[Peer], results: Mapping[str, Result], machine: Mapping[str, str]
) -> str:
    """Return the figures as tables, and why a template was not reached.

    Args:
        peers: ours first.
        machine: what it ran on: names to descriptions.
    """
    lines = [", ".join(f"{name} {what}" for name, what in machine.items()), ""]
    heads = ["prompts to kernel", "n", "median", f"to {OURS}", "typed"]
    rows = [cells(peer, results[peer.name], results[OURS]) for peer in peers]
    lines += [*table(heads, rows, "lrrrr"), ""]
    reached = [name for name, result in results.items() if not result.missed]
    if reached:
        steps = rows_of_steps([results[name].steps for name in reached])
        lines += table(["step", *reached], steps, "l" + "r" * len(reached))
    missed = [(name, each.missed) for name, each in results.items() if each.missed]
    lines += [f"\n{name}: not reached: {why}" for name, why in missed]
    return "\n".join(lines)


def cells(peer: Peer, result: Result, of_ours: Result) -> list[str]:
    """Return the cells of a template's line."""
    typed = str(1 + len(peer.commands))
    if result.missed:
        return [peer.name, "–", "not reached", "–", typed]
    times = result.seconds
    to_ours = "–" if of_ours.missed else f"{ratio(times, of_ours.seconds):.2f}"
    return [peer.name, str(len(times)), shown(times, "s"), to_ours, typed]


# The command line


def pair(text: str) -> tuple[str, str]:
    """Return the two sides of ``NAME=VALUE``."""
    name, mark, value = text.partition("=")
    if not (name and mark and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line; of each name, its last value."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = partial(parser.add_argument, type=pair)
    add("peers", nargs="*", metavar="NAME=PATH", help="other templates (none)")
    what = "what is answered and typed (PATH.toml)"
    add("--file", action="append", metavar="NAME=FILE", help=what)
    what = f"an answer to a prompt, also of {OURS}"
    add("--answer", action="append", metavar="NAME.KEY=VALUE", help=what)
    add("--rounds", type=int, default=5, metavar="N", help="so many count (5)")
    what = "write every single value to FILE"
    add("--json", type=Path, metavar="FILE", help=what)
    chosen = parser.parse_args(words)
    chosen.peers, chosen.file = dict(chosen.peers), dict(chosen.file or [])
    chosen.answer = dict(chosen.answer or [])
    if chosen.rounds < 1:
        parser.error("--rounds: at the least 1")
    for name in chosen.peers:
        if name == OURS or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            parser.error(f"{name}: a name of letters, digits, - and _, not {OURS}")
    named = {*chosen.file, *(key.partition(".")[0] for key in chosen.answer)}
    if unknown := sorted(named - {OURS, *chosen.peers}):
        parser.error(f"{unknown[0]}: no template is given by this name")
    return chosen


def chosen_peers(options: argparse.Namespace) -> list[Peer]:
    """Return the other templates that the command line names.

    Raises:
        ValueError: one is not what it should be.
    """
    return [
        peer(
            name,
            Path(path).expanduser().resolve(),
            Path(options.file.get(name, f"{path.rstrip('/')}.toml")).expanduser(),
            answers_of(name, options),
        )
        for name, path in options.peers.items()
    ]


def answers_of(name: str, options: argparse.Namespace) -> dict[str, str]:
    """Return the answers that the command line gives to a template's prompts."""
    given = ((key.partition("."), value) for key, value in options.answer.items())
    return {key: value for (whose, _, key), value in given if whose == name and key}


def in_workshop(shop: Workshop, peer: Peer) -> Peer:
    """Return the template as a copy without its repository, as ours is measured.

    A tool of its own may need the repository, and is given the checkout as it is.
    """
    if peer.render:
        return peer
    return replace(peer, template=shop.copy(peer.template, peer.name))


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit status.

    It is 1 if a template was not reached, and 2 if one is not what it should be.
    """
    options = arguments(words)

    def tell(line: str) -> None:
        print(f"measuring: {line} …", file=sys.stderr, flush=True)

    try:
        others = chosen_peers(options)
        with open_workshop() as shop:
            machine = described_machine(shop)
            answers = answers_of(OURS, options)
            peers = [ours(shop, answers), *(in_workshop(shop, each) for each in others)]
            wanted = goal(shop, answers)
            results = measure(shop, peers, wanted, options.rounds, tell)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except (CommandError, NotReached) as error:
        print(f"could not be measured: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(as_markdown(peers, results, machine))
    if options.json:
        found = {name: vars(result) for name, result in results.items()}
        text = json.dumps({"machine": machine, "templates": found}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 1 if any(result.missed for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
