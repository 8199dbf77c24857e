"""Measure what making a project costs, and print it as a table of medians and ratios.

Everything in the table comes from one run on one machine. What is compared is measured
in turns, so that a machine that slows down slows both. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import by_hand
from accounting import Ledger, can_link, ratio
from index import json_pages
from workshop import ROOT, CommandError, Workshop, last_lines, open_workshop

MEGABYTE = 1_000_000  # bytes
AIMS_OF_FURTHER = {"uv": (3.0, 10.0)}  # manager to seconds and MB


@dataclass(frozen=True)
class Comparison:
    """One line of the table: what was measured, against what.

    Attributes:
        name: what was done.
        unit: of all values: ``"s"`` or ``"MB"`` (10⁶ bytes).
        values: one for each repetition.
        reference_name: what it is compared with.
        reference: values of that, in the same unit.
        aim: the greatest ratio, or with ``absolute`` the greatest median, to be
            reached; none if it is only measured.
    """

    name: str
    unit: str
    values: list[float]
    reference_name: str
    reference: list[float]
    aim: float | None = None
    absolute: bool = False

    @property
    def ratio(self) -> float:
        """Median over median."""
        return ratio(self.values, self.reference)

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is reached, None if there is none."""
        if self.aim is None:
            return None
        reached = statistics.median(self.values) if self.absolute else self.ratio
        return reached <= self.aim

    def cells(self) -> list[str]:
        """Return the line's cells as the table shows them."""
        aim = "–"
        if self.aim is not None:
            bound = f"{self.aim:g} {self.unit}" if self.absolute else f"{self.aim:.1f}"
            aim = f"≤ {bound}: {'met' if self.is_met else 'missed'}"
        return [
            self.name,
            str(len(self.values)),
            shown(self.values, self.unit),
            f"{self.reference_name}: {shown(self.reference, self.unit)}",
            f"{self.ratio:.2f}",
            aim,
        ]


@dataclass
class Figures:
    """What one run has measured.

    Attributes:
        machine: what it ran on: names to descriptions.
        comparisons: the lines of the table.
        steps: seconds of each command of the work done by hand, by environment manager.
    """

    machine: dict[str, str]
    comparisons: list[Comparison] = field(default_factory=list)
    steps: dict[str, dict[str, list[float]]] = field(default_factory=dict)


def shown(values: Sequence[float], unit: str) -> str:
    """Return the median of the values, with as many digits as are worth reading."""
    median = statistics.median(values)
    return f"{median:.{2 if median < 10 else 1 if median < 100 else 0}f} {unit}"


def described_machine(shop: Workshop) -> dict[str, str]:
    """Return what the figures depend on, without anything that names the machine."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    linked = can_link(shop.caches[0], shop.root)
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(usable or os.cpu_count()),
        "Python": platform.python_version(),
        "cookiecutter": version("cookiecutter"),
        "uv": shop.run("uv", "--version").split()[1],
        "git": shop.run("git", "--version").split()[2],
        "caches": f"on {'the' if linked else 'another than the'} projects' file system",
    }


# (a) Rendering


def measure_rendering(shop: Workshop, count: int) -> Comparison:
    """Compare rendering the project's files with rendering a template of one file."""
    ours, empty = [], []
    files = 0
    for turn in range(count + 1):
        parent = shop.directory(f"rendering-{turn}")
        command = shop.cookiecutter(shop.template, parent, "set_up=no")
        ours.append(shop.seconds(*command))
        empty.append(shop.seconds(*shop.cookiecutter(shop.empty_template, parent)))
        files = sum(len(names) for _, _, names in os.walk(parent / "my-analysis"))
        shutil.rmtree(parent)
    name = f"rendering {files} files, no set-up"
    # The first turn fills the file system's caches and is not counted.
    return Comparison(name, "s", ours[1:], "empty template", empty[1:], aim=1.5)


# (b) From the prompts to the kernel


def make_project(shop: Workshop, parent: Path, slug: str, manager: str) -> float:
    """Make a project with its set-up and return the seconds that it took.

    Raises:
        CommandError: if a step was left undone, which cookiecutter's status hides.
    """
    answers = (f"project_slug={slug}", f"environment_manager={manager}", "set_up=yes")
    command = shop.cookiecutter(shop.template, parent, *answers)
    began = time.perf_counter()
    output = shop.run(*command)
    seconds = time.perf_counter() - began
    project = parent / slug
    is_whole = (
        shop.kernel(slug) is not None
        and (project / ".git/hooks/pre-commit").is_file()
        and shop.run("git", "log", "--format=%s", cwd=project) != ""
        and shop.run("git", "status", "--porcelain", cwd=project) == ""
    )
    if not is_whole:
        raise CommandError(
            f"the set-up of {slug} is not complete\n{last_lines(output)}"
        )
    return seconds


def make_by_hand(
    shop: Workshop, parent: Path, slug: str, manager: str, python: str
) -> dict[str, float]:
    """Make the same project with one command after another; return the seconds of each.

    The files are put in place between the first command and the second, and the clock
    stands still meanwhile.

    Args:
        python: the interpreter of which the environment is made.
    """
    empty = shop.cookiecutter(shop.empty_template, parent)
    seconds = {"cookiecutter, empty template": shop.seconds(*empty)}
    answers = (f"project_slug={slug}", f"environment_manager={manager}", "set_up=no")
    shop.run(*shop.cookiecutter(shop.template, parent, *answers))
    project = parent / slug
    for name, (program, *words) in by_hand.commands(manager, project, python).items():
        # Windows looks for a relative program beside the caller, not in cwd.
        found = project / program if Path(program).parent != Path() else program
        seconds[name] = shop.seconds(found, *words, cwd=project)
    if shop.kernel(slug) is None:
        raise CommandError(f"no kernel was registered by hand for {slug}")
    return seconds


def base_python(shop: Workshop, project: Path) -> str:
    """Return the interpreter of which a project's environment was made."""
    code = "import sys; print(sys._base_executable)"
    return shop.run(project / by_hand.PYTHON, "-c", code)


@dataclass
class Whole:
    """Seconds from the prompts to the kernel with one environment manager, by turn.

    Attributes:
        made: by the template.
        steps: by hand: the name of each command to its seconds.
    """

    made: list[float] = field(default_factory=list)
    steps: dict[str, list[float]] = field(default_factory=dict)

    @property
    def by_hand(self) -> list[float]:
        """All commands together."""
        return [sum(turn) for turn in zip(*self.steps.values(), strict=True)]


def take_turn(
    shop: Workshop,
    turn: str,
    manager: str,
    caches: Callable[[], AbstractContextManager[None]],
) -> tuple[float, dict[str, float]]:
    """Make a project with the template and one by hand; return the seconds of each.

    Args:
        turn: sets this one's projects apart from the others'.
        caches: opens the caches that each of the two finds.
    """
    parent = shop.directory(f"whole-{turn}")
    with caches():
        made = make_project(shop, parent, f"made-{turn}", manager)
    python = base_python(shop, parent / f"made-{turn}")
    with caches():
        steps = make_by_hand(shop, parent, f"by-hand-{turn}", manager, python)
    shutil.rmtree(parent)
    return made, steps


def measure_wholes(
    shop: Workshop, managers: Sequence[str], count: int, json_pages: str, *, cold: bool
) -> dict[str, Whole]:
    """Measure one command and the same work by hand, the managers in turns.

    Args:
        json_pages: address of an index with the JSON pages that pip-tools asks for;
            empty if it is to use the machine's own.
        cold: whether each project begins with empty caches. If not, there is a first
            turn that fills them and is not counted.
    """
    wholes = {manager: Whole() for manager in managers}
    caches = shop.empty_caches if cold else nullcontext
    for turn in range(count if cold else count + 1):
        for manager in managers:
            needs_pages = manager == "pip-tools" and json_pages
            with shop.setting({"PIP_INDEX_URL": json_pages} if needs_pages else {}):
                name = f"{'cold' if cold else 'warm'}-{manager}-{turn}"
                made, steps = take_turn(shop, name, manager, caches)
            if cold or turn > 0:
                wholes[manager].made.append(made)
                for step, seconds in steps.items():
                    wholes[manager].steps.setdefault(step, []).append(seconds)
    return wholes


def compared(wholes: dict[str, Whole], title: str) -> list[Comparison]:
    """Compare each manager with its own commands by hand, and all with the first."""
    lines = []
    first = next(iter(wholes))
    for manager, whole in wholes.items():
        name = f"{title}, {manager}"
        reference = ("the same by hand", whole.by_hand)
        lines.append(Comparison(name, "s", whole.made, *reference, aim=1.0))
        if manager != first:
            beside = (first, wholes[first].made)
            lines.append(Comparison(f"    beside {first}", "s", whole.made, *beside))
    return lines


# (c) Further projects


def measure_further(shop: Workshop, manager: str, count: int) -> list[Comparison]:
    """Make projects side by side; compare the further ones with the first one.

    Args:
        manager: environment manager of all of them.
        count: number of projects, 2 at the least; fewer are made if the disk is small.
    """
    parent = shop.directory(f"further-{manager}")
    ledger, alone = Ledger(), Ledger()
    ledger.grow(*shop.caches, shop.home)
    seconds, room, directories = [], [], []
    for turn in range(count):
        slug = f"{manager}-{turn}"
        seconds.append(make_project(shop, parent, slug, manager))
        before = ledger.directories
        grown = ledger.grow(*shop.caches, shop.home, parent / slug)
        room.append(grown / MEGABYTE)
        directories.append((ledger.directories - before) / MEGABYTE)
        if shutil.disk_usage(parent).free < 3 * room[0] * MEGABYTE:
            break
    whole = alone.grow(parent / f"{manager}-0") / MEGABYTE
    shutil.rmtree(parent)
    if len(seconds) < 2:
        raise CommandError(f"the disk has no room for further projects with {manager}")
    name = f"project 2 to {len(seconds)}, {manager}"
    time_aim, disk_aim = AIMS_OF_FURTHER.get(manager, (None, None))
    return [
        Comparison(
            f"{name}: time", "s", seconds[1:], "project 1", seconds[:1], time_aim, True
        ),
        Comparison(
            f"{name}: disk", "MB", room[1:], "counted alone", [whole], disk_aim, True
        ),
        Comparison(
            "    in directories alone", "MB", directories[1:], "all of it", room[1:]
        ),
    ]


# Reporting


def as_markdown(figures: Figures) -> str:
    """Return the figures as two tables that can be read as they are or rendered."""
    machine = ", ".join(f"{name} {what}" for name, what in figures.machine.items())
    heads = ["measured", "n", "median", "against", "ratio", "aim"]
    lines = [machine, ""]
    lines += table(heads, [each.cells() for each in figures.comparisons], "lrrrrl")
    if figures.steps:
        heads = ["by hand, one after another", *figures.steps]
        rows = rows_of_steps(list(figures.steps.values()))
        lines += ["", *table(heads, rows, "l" + "r" * len(figures.steps))]
    return "\n".join(lines)


def rows_of_steps(columns: list[dict[str, list[float]]]) -> list[list[str]]:
    """Return a row for each command by hand, what all managers share at the end.

    Args:
        columns: for each manager the commands in turn, with their seconds.
    """
    first, *rest = dict.fromkeys(chain.from_iterable(columns))
    rest.sort(key=lambda name: all(name in column for column in columns))
    return [
        [name, *(shown(each[name], "s") if name in each else "–" for each in columns)]
        for name in (first, *rest)
    ]


def table(heads: list[str], rows: list[list[str]], sides: str) -> list[str]:
    """Return the lines of a Markdown table.

    Args:
        heads: of the columns.
        rows: cells of each row.
        sides: ``l`` or ``r`` for each column: where its text stands.
    """
    widths = [
        max(2, *(len(row[i]) for row in [heads, *rows])) for i in range(len(heads))
    ]
    rule = [
        "-" * (width - 1) + (":" if side == "r" else "-")
        for width, side in zip(widths, sides, strict=True)
    ]
    return [
        "| "
        + " | ".join(
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        )
        + " |"
        for row in [heads, rule, *rows]
    ]


def as_json(figures: Figures) -> str:
    """Return the figures with every single value, as JSON."""
    lines = [
        asdict(each) | {"ratio": each.ratio, "is_met": each.is_met}
        for each in figures.comparisons
    ]
    content = {
        "machine": figures.machine,
        "comparisons": lines,
        "seconds_by_hand": figures.steps,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="few repetitions, 3 projects each")
    add("--renderings", type=int, metavar="N", help="turns of rendering (20; 0: none)")
    add("--wholes", type=int, metavar="N", help="turns with the set-up (5; 0: none)")
    add("--colds", type=int, metavar="N", help="the same, caches empty (1; 0: none)")
    add("--managers", type=listed, metavar="NAME,…", help="for these two (all)")
    add("--json-pages", action="store_true", help="make those that pip-tools asks for")
    add("--projects", type=int, metavar="N", help="projects with uv (20; 0: none)")
    add("--pip-projects", type=int, metavar="N", help="projects with pip (20; 0: none)")
    add("--json", type=Path, metavar="FILE", help="write every single value to FILE")
    chosen = parser.parse_args(words)
    full = {"renderings": 20, "wholes": 5, "colds": 1}
    full |= {"projects": 20, "pip_projects": 20}
    quick = {"renderings": 5, "wholes": 1, "colds": 0, "projects": 3, "pip_projects": 3}
    for name, count in (quick if chosen.quick else full).items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, count)
    for name in ("projects", "pip_projects"):
        if getattr(chosen, name) == 1:
            parser.error(f"--{name.replace('_', '-')}: a further project needs a first")
    offered = environment_managers()
    if unknown := set(chosen.managers or []) - set(offered):
        parser.error(f"--managers: {', '.join(sorted(unknown))} is not on offer")
    chosen.managers = [each for each in offered if each in (chosen.managers or offered)]
    return chosen


def listed(text: str) -> list[str]:
    """Return the names in a list with commas."""
    return text.split(",")


def environment_managers() -> list[str]:
    """Return the environment managers that the template offers, in its order."""
    context = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    offered: list[str] = context["environment_manager"]
    return offered


def get_managers(shop: Workshop, managers: Sequence[str]) -> dict[str, str]:
    """See to it that Poetry and Pipenv are there if needed; return their versions.

    Poetry asks PyPI itself; where POETRY_PYPI_MIRROR_URL leads to another index, it has
    the plugin that knows this variable.
    """
    is_led = "POETRY_PYPI_MIRROR_URL" in os.environ
    plugins = {"poetry": ["poetry-plugin-pypi-mirror"] if is_led else [], "pipenv": []}
    versions = {}
    for manager in managers:
        if manager in plugins:
            shop.get(manager, *plugins[manager])
            told = re.search(r"\d[\d.]+", shop.run(manager, "--version"))
            versions[manager] = told[0] if told else "unknown"
    return versions


def measure_all_wholes(
    shop: Workshop,
    options: argparse.Namespace,
    address: str,
    tell: Callable[[str], None],
) -> tuple[list[Comparison], dict[str, dict[str, list[float]]]]:
    """Measure with warm caches and with empty ones; return the warm ones' steps too.

    Args:
        address: of the index for pip-tools, empty for the machine's own.
    """
    lines, steps = [], {}
    for count, cold in ((options.wholes, False), (options.colds, True)):
        if count:
            title = f"prompts to kernel, {'empty' if cold else 'warm'} caches"
            tell(f"{title}, {count} turns with {', '.join(options.managers)}")
            measured = (shop, options.managers, count, address)
            wholes = measure_wholes(*measured, cold=cold)
            lines += compared(wholes, title)
            if not cold:
                steps = {manager: whole.steps for manager, whole in wholes.items()}
    return lines, steps


def measure(
    shop: Workshop, options: argparse.Namespace, tell: Callable[[str], None]
) -> Figures:
    """Measure what the options ask for.

    Args:
        tell: is given a line of text as each measurement begins.
    """
    figures = Figures(described_machine(shop))
    if options.renderings:
        tell(f"rendering, {options.renderings} turns")
        figures.comparisons.append(measure_rendering(shop, options.renderings))
    if options.wholes or options.colds:
        figures.machine |= get_managers(shop, options.managers)
        pages = json_pages() if options.json_pages else nullcontext("")
        with pages as address:
            lines, figures.steps = measure_all_wholes(shop, options, address, tell)
        figures.comparisons += lines
    for manager, count in (("uv", options.projects), ("pip", options.pip_projects)):
        if count:
            tell(f"{count} projects with {manager}")
            figures.comparisons += measure_further(shop, manager, count)
    return figures


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the tables, and return the exit status: 1 if something failed."""
    options = arguments(words)

    def tell(line: str) -> None:
        print(f"measuring: {line} …", file=sys.stderr, flush=True)

    try:
        with open_workshop() as shop:
            figures = measure(shop, options, tell)
    except CommandError as error:
        print(f"could not be measured: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(as_markdown(figures))
    if options.json:
        options.json.write_text(as_json(figures), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
