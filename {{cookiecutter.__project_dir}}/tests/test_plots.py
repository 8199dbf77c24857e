"""The figures show what their titles say."""

import io
import sys
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import plots

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("name", plots.FIGURES)
def test_a_figure_has_a_title_and_labelled_axes(
    penguins: pd.DataFrame, name: str
) -> None:
    (axes,) = plots.FIGURES[name](penguins).axes
    assert axes.get_title(loc="left")
    assert axes.get_xlabel().endswith(("(mm)", "Species"))
    assert axes.get_ylabel().endswith(("(mm)", "(g)"))


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("bill-shape", ["Adelie (n = 151)", "Chinstrap (n = 68)", "Gentoo (n = 123)"]),
        ("mass-by-sex", ["female (n = 165)", "male (n = 168)"]),
    ],
)
def test_the_legend_counts_the_penguins(
    penguins: pd.DataFrame, name: str, labels: list[str]
) -> None:
    (axes,) = plots.FIGURES[name](penguins).axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][: len(labels)] == labels


@pytest.mark.parametrize("name", ["bill-shape", "flipper-and-mass"])
def test_a_line_is_drawn_for_each_species_and_for_all(
    penguins: pd.DataFrame, name: str
) -> None:
    (axes,) = plots.FIGURES[name](penguins).axes
    assert len(axes.get_lines()) == 4


def test_every_median_is_written(penguins: pd.DataFrame) -> None:
    (axes,) = plots.mass_by_sex(penguins).axes
    shown = [text.get_text() for text in axes.texts]
    assert shown == ["3,400", "3,550", "4,700", "4,000", "3,950", "5,500"]


@pytest.mark.parametrize("name", plots.FIGURES)
def test_a_figure_is_saved_as_the_same_png_each_time(
    penguins: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    for copy in ("one", "two"):
        plots.save(plots.FIGURES[name](penguins), tmp_path / copy / "figure.png")
    image = (tmp_path / "one/figure.png").read_bytes()
    assert (image[:8], int.from_bytes(image[16:20])) == (PNG, 1500)
    assert image == (tmp_path / "two/figure.png").read_bytes()


def test_drawing_needs_no_window(penguins: pd.DataFrame) -> None:
    plots.bill_shape(penguins)
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize("name", plots.FIGURES)
def test_one_penguin_of_unknown_sex_can_be_drawn(
    penguins: pd.DataFrame, name: str
) -> None:
    one = penguins[penguins["sex"].isna()].head(1)
    image = io.BytesIO()
    plots.FIGURES[name](one).savefig(image, format="png", dpi=50)
    assert image.getvalue().startswith(PNG)


def test_a_line_is_fitted_by_least_squares() -> None:
    x = pd.Series([0.0, 1.0, 2.0])
    assert plots.fit_line(x, 3 * x - 1) == pytest.approx((3, -1))
    assert plots.fit_line(x, pd.Series([0.0, 3.0, 0.0])) == pytest.approx((0, 1))


def test_bills_slope_up_in_each_species_and_down_over_all(
    penguins: pd.DataFrame,
) -> None:
    slopes = {
        species: plots.fit_line(group["bill_length_mm"], group["bill_depth_mm"])[0]
        for species, group in penguins.groupby("species", observed=True)
    }
    assert slopes == pytest.approx(
        {"Adelie": 0.179, "Chinstrap": 0.222, "Gentoo": 0.205}, abs=5e-4
    )
    slope, _ = plots.fit_line(penguins["bill_length_mm"], penguins["bill_depth_mm"])
    assert slope == pytest.approx(-0.085, abs=5e-4)


def test_a_millimetre_of_flipper_goes_with_50_g(penguins: pd.DataFrame) -> None:
    slope, _ = plots.fit_line(penguins["flipper_length_mm"], penguins["body_mass_g"])
    assert slope == pytest.approx(49.7, abs=0.05)


def test_males_are_heavier_in_every_species(penguins: pd.DataFrame) -> None:
    medians = penguins.groupby(["sex", "species"], observed=True)[
        "body_mass_g"
    ].median()
    assert medians["female"].to_dict() == {
        "Adelie": 3400,
        "Chinstrap": 3550,
        "Gentoo": 4700,
    }
    assert medians["male"].to_dict() == {
        "Adelie": 4000,
        "Chinstrap": 3950,
        "Gentoo": 5500,
    }
