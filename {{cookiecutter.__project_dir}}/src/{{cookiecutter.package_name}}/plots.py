"""The figures: a function for each, which draws a table that `data.clean` returns.

`FIGURES` lists them for the command `figures`. The colours are those of Okabe and Ito
(Color Universal Design, 2008), which colour-blind readers can tell apart.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

COLOURS = {"Adelie": "#E69F00", "Chinstrap": "#009E73", "Gentoo": "#0072B2"}


def bill_shape(penguins: pd.DataFrame) -> Figure:
    """Draw bill depth against bill length, with a line per species and one over all.

    The lines run against each other: Simpson's paradox (Simpson 1951,
    doi:10.1111/j.2517-6161.1951.tb00088.x).
    """
    title = "Longer bills are deeper within each species, but not across them"
    return _scatter(penguins, "bill_length_mm", "bill_depth_mm", title)


def flipper_and_mass(penguins: pd.DataFrame) -> Figure:
    """Draw body mass against flipper length, with the same lines."""
    title = "Penguins with longer flippers are heavier"
    return _scatter(penguins, "flipper_length_mm", "body_mass_g", title)


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "bill-shape": bill_shape,
    "flipper-and-mass": flipper_and_mass,
}


def fit_line(x: pd.Series, y: pd.Series) -> tuple[float, float]:
    """Fit `y = slope * x + intercept` by least squares and return both.

    Args:
        x: Numbers, at least two of them different.
        y: As many numbers.
    """
    slope, intercept = np.polyfit(x, y, deg=1)
    return float(slope), float(intercept)


def _scatter(penguins: pd.DataFrame, x: str, y: str, title: str) -> Figure:
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    axes.set(title=title, xlabel=_label(x), ylabel=_label(y))
    species = {str(name): rows for name, rows in penguins.groupby("species")}
    for name, rows in {**species, "all": penguins}.items():
        colour = COLOURS.get(name, "#333333")
        if name in species:
            label = f"{name} (n = {len(rows)})"
            axes.scatter(rows[x], rows[y], color=colour, alpha=0.5, label=label)
        if rows[x].nunique() > 1:
            slope, intercept = fit_line(rows[x], rows[y])
            ends = np.array([rows[x].min(), rows[x].max()])
            axes.plot(ends, slope * ends + intercept, color=colour)
    axes.legend()
    return figure


def _label(column: str) -> str:
    """Return `Bill length (mm)` for `bill_length_mm`."""
    *words, unit = column.split("_")
    return f"{' '.join(words).capitalize()} ({unit})"
