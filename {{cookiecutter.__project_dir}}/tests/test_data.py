"""The table is read, checked, cleaned and kept."""

from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.data import (
    COLUMNS,
    MEASUREMENTS,
    DataError,
    clean,
    load,
    load_raw,
    save,
)

HEADER = ",".join(COLUMNS)
PENGUIN = "Adelie,Dream,female,39.5,17.4,186,3800,2007"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_sample_has_344_penguins_in_the_expected_columns(raw: pd.DataFrame) -> None:
    assert len(raw) == 344
    assert list(raw) == COLUMNS
    assert raw["species"].value_counts().to_dict() == {
        "Adelie": 152,
        "Gentoo": 124,
        "Chinstrap": 68,
    }


def test_labels_are_text_and_measurements_are_numbers(raw: pd.DataFrame) -> None:
    assert raw.dtypes.astype(str).tolist() == ["str"] * 3 + ["float64"] * 4 + ["Int64"]
    assert raw["body_mass_g"].max() == 6300
    assert sorted(raw["year"].unique()) == [2007, 2008, 2009]


def test_missing_values_stay_missing(raw: pd.DataFrame) -> None:
    assert raw[MEASUREMENTS].isna().sum().tolist() == [2, 2, 2, 2]
    assert raw["sex"].isna().sum() == 11


def test_columns_may_come_in_any_order_and_with_others(tmp_path: Path) -> None:
    table = pd.read_csv(write(tmp_path / "a.csv", HEADER, PENGUIN), dtype=str)
    table["nest"] = "N12"
    table[table.columns[::-1]].to_csv(tmp_path / "b.csv", index=False)
    assert load_raw(tmp_path / "b.csv").equals(load_raw(tmp_path / "a.csv"))


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "excel.csv", "\ufeff" + HEADER, PENGUIN)
    assert load_raw(path)["species"].tolist() == ["Adelie"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([""], "is empty"),
        (
            ["name;mass", "a;1"],
            f"no column {', '.join(COLUMNS)}; it has 'name;mass'",
        ),
        ([HEADER.replace("sex,", ""), PENGUIN], "has more values in its rows"),
        (
            [HEADER.replace("sex", "gender"), PENGUIN],
            "has no column sex; it has 'species', ",
        ),
        (
            [HEADER, PENGUIN, PENGUIN + ",9"],
            "is not a CSV table: Expected 8 fields in line 3, saw 9",
        ),
        ([HEADER, '"' + PENGUIN], "is not a CSV table"),
        (
            [HEADER, PENGUIN, PENGUIN.replace("3800", "heavy")],
            "row 2 below the header: body_mass_g is 'heavy', not a positive number",
        ),
        ([HEADER, PENGUIN.replace("186", "-186")], "'-186', not a positive number"),
        ([HEADER, PENGUIN.replace("39.5", "inf")], "'inf', not a positive number"),
        ([HEADER, PENGUIN.replace("2007", "2007.5")], "year is '2007.5', not a year"),
    ],
)
def test_a_bad_table_is_refused_in_one_line_that_says_why(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    path = write(tmp_path / "bad.csv", *lines)
    with pytest.raises(DataError) as caught:
        load_raw(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no raw data at .*nowhere\.csv; put the file"):
        load_raw(tmp_path / "nowhere.csv")


def test_a_directory_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        load_raw(tmp_path)


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes(
        f"{HEADER}\n{PENGUIN.replace('Adelie', 'Adélie')}".encode("latin-1")
    )
    with pytest.raises(DataError, match="is not UTF-8 text"):
        load_raw(path)


def test_cleaning_keeps_the_342_measured_penguins(penguins: pd.DataFrame) -> None:
    assert len(penguins) == 342
    assert not penguins[MEASUREMENTS].isna().any(axis=None)
    assert penguins.index.equals(pd.RangeIndex(len(penguins)))


def test_a_penguin_of_unknown_sex_is_kept(penguins: pd.DataFrame) -> None:
    assert penguins["sex"].value_counts(dropna=False).tolist() == [168, 165, 9]


def test_labels_become_categories(penguins: pd.DataFrame) -> None:
    assert list(penguins["species"].cat.categories) == ["Adelie", "Chinstrap", "Gentoo"]
    assert list(penguins["island"].cat.categories) == ["Biscoe", "Dream", "Torgersen"]


def test_cleaning_leaves_the_raw_table_as_it_was(raw: pd.DataFrame) -> None:
    before = raw.copy()
    clean(raw)
    assert raw.equals(before)


def test_cleaning_says_when_nothing_is_left(raw: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="no rows left: none of 2 has"):
        clean(raw[raw["body_mass_g"].isna()])


def test_what_is_saved_is_what_is_loaded(
    penguins: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "made on demand" / "pingüinos.parquet"
    save(penguins, path)
    pd.testing.assert_frame_equal(load(path), penguins)


def test_a_table_that_was_not_prepared_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="`prepare` makes it"):
        load(tmp_path / "none.parquet")


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a cleaned table"):
        load(write(tmp_path / "text.parquet", HEADER))


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"species": ["Adelie"]}),
        pd.DataFrame([["Adelie"] * len(COLUMNS)], columns=COLUMNS),
    ],
    ids=["a column", "all eight, as text"],
)
def test_a_parquet_file_with_other_content_is_refused(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    table.to_parquet(tmp_path / "other.parquet")
    with pytest.raises(DataError, match="is not a cleaned table"):
        load(tmp_path / "other.parquet")
