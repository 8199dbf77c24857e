"""The figures show what their titles say."""

import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import (
    data,
    plots,
)


@pytest.mark.parametrize("name", plots.FIGURES)
def test_each_species_has_points_and_those_with_two_a_line(name: str) -> None:
    sizes = {size: [1.0, 2.0, 3.0, 2.0, 4.0] for size in data.SIZES}
    species = ["Adelie", "Adelie", "Gentoo", "Gentoo", "Chinstrap"]
    (axes,) = plots.FIGURES[name](pd.DataFrame({"species": species, **sizes})).axes
    labels = axes.get_legend_handles_labels()[1]
    assert labels == ["Adelie (n = 2)", "Chinstrap (n = 1)", "Gentoo (n = 2)"]
    assert len(axes.get_lines()) == 3  # two species, and all
    assert axes.get_xlabel().endswith("length (mm)")


def test_a_line_is_fitted_by_least_squares() -> None:
    x = pd.Series([0.0, 1.0, 2.0])
    assert plots.fit_line(x, pd.Series([0.0, 3.0, 0.0])) == pytest.approx((0, 1))
