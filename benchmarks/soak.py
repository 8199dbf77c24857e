"""Make many projects one after another: do they take longer, do they leave anything?

Every project is a real one, with its set-up by uv. All of them stay until the end, and
share a cache that the first one fills. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from accounting import Ledger, ratio
from leavings import Watch, adopting_orphans, temporary_files
from run import MEGABYTE, described_machine, make_project, table
from workshop import CACHES, CommandError, Workshop, open_workshop

FEWEST = 20  # further projects: with fewer, nothing can be said of growth
TOLERANCE = 0.05  # of the median, over the whole run: less is not called growth
NORMAL_95 = 1.96  # standard deviations on both sides that hold 95 % of a normal law
ROOM_EACH, ROOM_FIRST = 25, 3000  # MB that the disk must have, a good deal too much
TOLD_EVERY = 20  # projects
HOOKS = ("pre_prompt", "pre_gen_project", "post_gen_project")
MANIFEST = (
    '[project]\nname = "control"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
)


class Growth(NamedTuple):
    """By how much something grew from the first project to the last.

    Attributes:
        share: of its median; 0.1 is a tenth.
        low: lower end of the interval that holds it with 95 %.
        high: upper end.
    """

    share: float
    low: float
    high: float

    @property
    def is_growth(self) -> bool:
        """Whether it can't be chance, and is enough to be called growth."""
        return self.low > TOLERANCE


@dataclass
class Soak:
    """What a run has found. The first project fills the cache and is in no series.

    Attributes:
        seconds: of each further project, from the prompts to the first commit.
        control: seconds of a template that does nothing, just before and after it.
        processor: seconds of processor time of each; zeros where that is not told.
        room: MB by which cache, HOME and project grew.
        method: how processes were looked for.
        processes: those that were left, each with the project that left it.
        temporary: temporary files of the whole run, by kind.
        by_tools: what cookiecutter and uv leave of each by themselves, for one project.
        home: files in HOME that came after the first project, kernels apart.
        amiss: what was wrong with kernels or directories while projects were made.
        kernels: names of those that are registered after they have been removed.
    """

    seconds: list[float] = field(default_factory=list)
    control: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    room: list[float] = field(default_factory=list)
    method: str = ""
    processes: list[str] = field(default_factory=list)
    temporary: Counter[str] = field(default_factory=Counter)
    by_tools: Counter[str] = field(default_factory=Counter)
    home: list[str] = field(default_factory=list)
    amiss: list[str] = field(default_factory=list)
    kernels: list[str] = field(default_factory=list)

    @property
    def projects(self) -> int:
        """How many were made, the first included."""
        return len(self.seconds) + 1

    @property
    def beside_control(self) -> list[float]:
        """Seconds of each project in those of the template that does nothing."""
        pairs = zip(self.seconds, self.control, strict=True)
        return [project / control for project, control in pairs]

    @property
    def of_template(self) -> Counter[str]:
        """Temporary files beyond those that the tools leave by themselves."""
        allowed = {name: n * self.projects for name, n in self.by_tools.items()}
        return self.temporary - Counter(allowed)


# Judging


def growth(values: Sequence[float]) -> Growth:
    """Return the growth over a series, in shares of its median.

    The slope is the median of the slopes of all pairs (Theil 1950), its interval Sen's
    (1968, J. Am. Stat. Assoc. 63, 1379). That takes the values to be independent, apart
    from the slope; where a busy machine has slow minutes, the interval is too narrow.

    Args:
        values: two at the least, positive, in the order in which they were measured.
    """
    n = len(values)
    slopes = sorted(
        (values[j] - values[i]) / (j - i) for i in range(n) for j in range(i + 1, n)
    )
    spread = NORMAL_95 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    outside = round((len(slopes) - spread) / 2)
    low = slopes[max(0, outside - 1)]
    high = slopes[min(len(slopes) - 1, len(slopes) - outside)]
    whole = (n - 1) / statistics.median(values)
    return Growth(statistics.median(slopes) * whole, low * whole, high * whole)


def judged(soak: Soak) -> dict[str, Growth]:
    """Return the growths that decide; none if there are too few projects to tell.

    Seconds alone are not among them: other work on the machine would decide.
    """
    if len(soak.seconds) < FEWEST:
        return {}
    series = {"time beside the control": soak.beside_control, "disk": soak.room}
    if any(soak.processor):
        series["processor time"] = soak.processor
    return {name: growth(values) for name, values in series.items()}


def faults(soak: Soak) -> list[str]:
    """Return what is wrong, a line each; empty if nothing is left and nothing grows."""
    found = [
        f"{name} grows: {shown_growth(each)}"
        for name, each in judged(soak).items()
        if each.is_growth
    ]
    found += [f"left a process: {each}" for each in soak.processes]
    found += [
        f"left {n} temporary: {name}" for name, n in sorted(soak.of_template.items())
    ]
    found += [f"left in HOME: {each}" for each in soak.home]
    found += [f"left a kernel: {each}" for each in soak.kernels]
    return found + soak.amiss


# Measuring


def control_template(shop: Workshop) -> Path:
    """Make a template with hooks that do nothing, and return where it is."""
    template = shop.directory("control")
    tree = template / "{{cookiecutter.project_slug}}"
    for directory in (tree, template / "hooks"):
        directory.mkdir()
    (tree / "pyproject.toml").write_text(MANIFEST, "utf-8")
    for hook in HOOKS:
        (template / "hooks" / f"{hook}.py").write_text("", "utf-8")
    (template / "cookiecutter.json").write_text('{"project_slug": "control"}', "utf-8")
    return template


class Control:
    """A template that does nothing: the machine's speed, and the tools' leavings."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.template = control_template(shop)
        self.temporary = shop.directory("control-tmp")
        self.parent = shop.directory("controls")

    def seconds(self, then: Sequence[str] = ()) -> float:
        """Return what cookiecutter takes with it, in seconds.

        Args:
            then: a command to run in its project, which is not timed.
        """
        names = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.temporary))
        with self.shop.setting(names):
            command = self.shop.cookiecutter(self.template, self.parent)
            seconds = self.shop.seconds(*command)
            if then:
                self.shop.run(*then, cwd=self.parent / "control")
        shutil.rmtree(self.parent / "control")
        return seconds


def processor_seconds() -> float:
    """Return the processor time of all programs so far that were waited for."""
    times = os.times()
    return times.children_user + times.children_system


def in_home(shop: Workshop) -> set[str]:
    """Return what lies in HOME, kernels apart, as relative paths."""
    paths = (path.relative_to(shop.home) for path in shop.home.rglob("*"))
    return {path.as_posix() for path in paths if "kernels" not in path.parts}


def kernels(shop: Workshop) -> list[str]:
    """Return the names of the kernels that are registered, in order."""
    found = shop.home.glob("**/jupyter/kernels/*/kernel.json")
    return sorted(path.parent.name for path in found)


def check_room(directory: Path, count: int) -> None:
    """Refuse to begin where the disk may become full.

    Raises:
        CommandError: there is less room than so many projects may take.
    """
    needed = (ROOM_EACH * count + ROOM_FIRST) * MEGABYTE
    if shutil.disk_usage(directory).free < needed:
        raise CommandError(f"the disk needs {needed / MEGABYTE:.0f} MB of free room")


class Series:
    """Makes one project after another, and writes down what each took and left."""

    def __init__(self, shop: Workshop, watch: Watch) -> None:
        self.shop = shop
        self.watch = watch
        self.parent = shop.directory("projects")
        self.slugs: list[str] = []
        self.soak = Soak(method=watch.method)
        self.ledger = Ledger()
        self.home: set[str] = set()
        self.control = Control(shop)
        self.before = self.control.seconds(then=("uv", "sync", "--quiet"))
        self.soak.by_tools = temporary_files(self.control.temporary)

    def add(self) -> float:
        """Make a further project and return the seconds that it took."""
        slug = f"soak-{len(self.slugs) + 1}"
        self.slugs.append(slug)
        began = processor_seconds()
        seconds = make_project(self.shop, self.parent, slug, "uv")
        processor = processor_seconds() - began
        self.look_for_processes(slug)
        after = self.control.seconds()
        caches = (Path(self.shop.environment[name]) for name in CACHES)
        room = self.ledger.grow(*caches, self.shop.home, self.parent / slug)
        if len(self.slugs) == 1:
            self.home = in_home(self.shop)
        else:
            self.soak.seconds.append(seconds)
            self.soak.control.append((self.before + after) / 2)
            self.soak.processor.append(processor)
            self.soak.room.append(room / MEGABYTE)
        self.before = after
        self.look_for_kernels(slug)
        return seconds

    def look_for_processes(self, slug: str) -> None:
        """Note the processes that are left, and end them."""
        left = self.watch.processes()
        self.soak.processes += [f"{line} ({slug})" for line in left.values()]
        self.watch.end(*left)

    def look_for_kernels(self, slug: str) -> None:
        """Note it if there is not one kernel, and one directory, for each project."""
        if kernels(self.shop) != sorted(self.slugs):
            self.soak.amiss.append(f"not one kernel for each project, after {slug}")
        if sorted(path.name for path in self.parent.iterdir()) != sorted(self.slugs):
            self.soak.amiss.append(f"something lies beside the projects, after {slug}")

    def end(self) -> Soak:
        """Remove the kernels, as a person would, and return what was found."""
        for slug in self.slugs:
            self.shop.run("make", "kernel-remove", cwd=self.parent / slug)
        self.look_for_processes("make kernel-remove")
        self.soak.kernels = kernels(self.shop)
        self.soak.temporary = temporary_files(Path(self.shop.environment["TMPDIR"]))
        self.soak.home = sorted(in_home(self.shop) - self.home)
        return self.soak


def make_all(shop: Workshop, count: int, tell: Callable[[str], None]) -> Soak:
    """Make so many projects, remove their kernels, and return what was found.

    Args:
        tell: is given a line of text now and then.
    """
    check_room(shop.root, count)
    with adopting_orphans() as adopts, shop.empty_caches():
        series = Series(shop, Watch(shop.root, adopts=adopts))
        for turn in range(1, count + 1):
            seconds = series.add()
            if turn == 1 or turn % TOLD_EVERY == 0:
                tell(f"project {turn} of {count} took {seconds:.1f} s")
        return series.end()


# Reporting


def rows(soak: Soak) -> list[list[str]]:
    """Return the cells of a row for each series: its two ends, and its growth."""
    series = {
        "time": (soak.seconds, " s"),
        "    of the control": (soak.control, " s"),
        "time beside the control": (soak.beside_control, ""),
        "processor time": (soak.processor, " s"),
        "disk": (soak.room, " MB"),
    }
    verdicts = judged(soak)
    return [
        row(name, values, unit, verdicts.get(name))
        for name, (values, unit) in series.items()
        if any(values)
    ]


def row(
    name: str, values: Sequence[float], unit: str, verdict: Growth | None
) -> list[str]:
    """Return the cells of one series, with a verdict if it is judged."""
    fifth = max(1, len(values) // 5)
    first, last = values[:fifth], values[-fifth:]
    grown = shown_growth(growth(values)) if len(values) >= FEWEST else "–"
    said = "–" if verdict is None else "yes" if verdict.is_growth else "no"
    ends = (f"{statistics.median(each):.2f}{unit}" for each in (first, last))
    return [name, str(len(values)), *ends, f"{ratio(last, first):.2f}", grown, said]


def shown_growth(grown: Growth) -> str:
    """Return a growth and its interval in per cent."""
    share, low, high = (f"{100 * each:+.1f}" for each in grown)
    return f"{share} % ({low} to {high})"


def left_behind(soak: Soak) -> list[str]:
    """Return what was left, a line for each sort, zeros included."""
    by_tools = ", ".join(f"{n} {name}" for name, n in sorted(soak.by_tools.items()))
    temporary, total = soak.of_template.total(), soak.temporary.total()
    return [
        f"processes left: {len(soak.processes)} ({soak.method})",
        f"temporary files left: {temporary}, beside {total - temporary} by the tools"
        f" themselves (for each project: {by_tools})",
        f"files left in HOME since the first project: {len(soak.home)}",
        f"kernels left after make kernel-remove: {len(soak.kernels)}",
    ]


def as_markdown(soak: Soak, machine: Mapping[str, str]) -> str:
    """Return the series as a table, and below it what was left and the verdict.

    Args:
        machine: what it ran on: names to descriptions.
    """
    heads = ["over the run", "n", "first fifth", "last fifth", "ratio"]
    heads += ["growth (95 %)", "grows"]
    lines = [", ".join(f"{name} {what}" for name, what in machine.items()), ""]
    lines += table(heads, rows(soak), "lrrrrrl")
    lines += ["", *(f"- {line}" for line in left_behind(soak)), ""]
    if not judged(soak):
        lines.append(f"{len(soak.seconds)} further projects are too few to see growth.")
    found = faults(soak)
    lines += found or [f"Nothing wrong in {soak.projects} projects."]
    return "\n".join(lines)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--projects", type=int, default=200, metavar="N", help="(200; 2 or more)")
    add("--json", type=Path, metavar="FILE", help="write every single value to FILE")
    chosen = parser.parse_args(words)
    if chosen.projects < 2:
        parser.error("--projects: the first fills the cache, so it takes 2 or more")
    return chosen


def main(words: Sequence[str] | None = None) -> int:
    """Soak, print what was found, and return the exit status: 1 if there are faults."""
    options = arguments(words)

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        with open_workshop() as shop:
            machine = described_machine(shop)
            soak = make_all(shop, options.projects, tell)
    except CommandError as error:
        print(f"could not be measured: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(as_markdown(soak, machine))
    if options.json:
        text = json.dumps({"machine": machine, **vars(soak)}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 1 if faults(soak) else 0


if __name__ == "__main__":
    sys.exit(main())
