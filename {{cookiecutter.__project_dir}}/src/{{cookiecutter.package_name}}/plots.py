"""The figures: one function each, from the cleaned table to a finished figure.

They use matplotlib's objects without pyplot, so nothing opens a window and no figure
outlives its use. The colours are those of Okabe and Ito (Color Universal Design, 2008),
which colour-blind readers can tell apart; species differ in their marker as well.
"""

from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SPECIES_STYLES = [("#E69F00", "o"), ("#009E73", "s"), ("#0072B2", "^")]
SEX_COLOURS = {"female": "#D55E00", "male": "#56B4E9"}
INK = "#333333"
PAPER = "#E5E5E5"


def bill_shape(penguins: pd.DataFrame) -> Figure:
    """Draw bill depth against bill length, with a fit per species and one over all.

    The fits run against each other, which is Simpson's paradox (Simpson 1951,
    doi:10.1111/j.2517-6161.1951.tb00088.x).

    Args:
        penguins: A table as `data.clean` returns it.
    """
    figure, axes = canvas(
        "Longer bills are deeper within each species, but not across them",
        x="Bill length (mm)",
        y="Bill depth (mm)",
    )
    _scatter_and_fit(axes, penguins, x="bill_length_mm", y="bill_depth_mm")
    return figure


def flipper_and_mass(penguins: pd.DataFrame) -> Figure:
    """Draw body mass against flipper length, with a fit per species and one over all.

    Args:
        penguins: A table as `data.clean` returns it.
    """
    figure, axes = canvas(
        "Penguins with longer flippers are heavier",
        x="Flipper length (mm)",
        y="Body mass (g)",
    )
    _scatter_and_fit(axes, penguins, x="flipper_length_mm", y="body_mass_g")
    return figure


def mass_by_sex(penguins: pd.DataFrame) -> Figure:
    """Draw how body mass is distributed in each species and sex.

    Every penguin is a point; a cross marks the median, which is written beside it, and
    the quartiles. Penguins of unknown sex are left out.

    Args:
        penguins: A table as `data.clean` returns it.
    """
    figure, axes = canvas(
        "Males are heavier than females in every species",
        x="Species",
        y="Body mass (g)",
    )
    random = np.random.default_rng(seed=0)
    for (sex, colour), shift in zip(SEX_COLOURS.items(), (-0.24, 0.24), strict=True):
        group = penguins[penguins["sex"] == sex]
        axes.scatter(
            group["species"].cat.codes
            + shift
            + random.uniform(-0.08, 0.08, len(group)),
            group["body_mass_g"],
            color=colour,
            label=_counted(sex, group),
            alpha=0.5,
            s=24,
            linewidth=0,
        )
        for _, masses in group.groupby("species", observed=True):
            x = masses["species"].cat.codes.iloc[0] + shift
            low, median, high = masses["body_mass_g"].quantile([0.25, 0.5, 0.75])
            axes.vlines(x, low, high, color=INK, linewidth=1.5)
            axes.hlines(median, x - 0.11, x + 0.11, color=INK, linewidth=3)
            axes.text(
                x + 0.13,
                median,
                f"{median:,.0f}",
                color=INK,
                verticalalignment="center",
                bbox={"facecolor": "white", "linewidth": 0, "pad": 1},
            )
    species = penguins["species"].cat.categories
    axes.set_xticks(range(len(species)), species)
    axes.set_xlim(-0.5, len(species) - 0.4)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.legend(edgecolor=PAPER, labelcolor=INK)
    return figure


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "bill-shape": bill_shape,
    "flipper-and-mass": flipper_and_mass,
    "mass-by-sex": mass_by_sex,
}


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG at 200 dots per inch, with the same bytes every time.

    The directory is made if there is none.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=200)


def fit_line(x: pd.Series, y: pd.Series) -> tuple[float, float]:
    """Fit `y = slope * x + intercept` by least squares.

    Args:
        x: Numbers, at least two of them different.
        y: As many numbers.

    Returns:
        The slope (in units of `y` per unit of `x`) and the intercept (in units of `y`).
    """
    slope, intercept = np.polyfit(x, y, deg=1)
    return float(slope), float(intercept)


def canvas(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """Make an empty figure of 7.5 by 5 inches with the look that all of them share.

    Args:
        title: What the figure shows, as a sentence.
        x: Label of the horizontal axis, with its unit.
        y: Label of the vertical axis, with its unit.
    """
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK, pad=12)
    axes.set_xlabel(x, fontsize=11, color=INK, labelpad=8)
    axes.set_ylabel(y, fontsize=11, color=INK, labelpad=8)
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.tick_params(color=INK, labelcolor=INK)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.spines[["right", "top"]].set_visible(False)
    axes.grid(color=PAPER, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _scatter_and_fit(axes: Axes, penguins: pd.DataFrame, x: str, y: str) -> None:
    """Draw each species as points and a line, and all of them as a dashed line."""
    groups = penguins.groupby("species", observed=True)
    for (name, group), (colour, marker) in zip(groups, cycle(SPECIES_STYLES)):
        axes.scatter(
            group[x],
            group[y],
            color=colour,
            marker=marker,
            label=_counted(str(name), group),
            alpha=0.5,
            s=28,
            linewidth=0,
        )
        _draw_fit(axes, group[x], group[y], color=colour)
    _draw_fit(
        axes,
        penguins[x],
        penguins[y],
        color=INK,
        linestyle="--",
        label=_counted("all together", penguins),
    )
    axes.legend(edgecolor=PAPER, labelcolor=INK)


def _draw_fit(axes: Axes, x: pd.Series, y: pd.Series, **style: Any) -> None:
    """Draw the fitted line over the range of `x`, if there is a line to fit."""
    if x.min() < x.max():
        slope, intercept = fit_line(x, y)
        ends = np.array([x.min(), x.max()])
        axes.plot(ends, slope * ends + intercept, linewidth=2, **style)


def _counted(name: str, rows: pd.DataFrame) -> str:
    return f"{name} (n = {len(rows)})"
