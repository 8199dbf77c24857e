"""Tables are read and written, and a bad one is named with what is wrong."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import tables

COLUMNS = {"name": str, "size": float, "count": int, "day": date}


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_a_table_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / name
    table = pd.DataFrame({"name": ["007", None], "size": [1.5, None]})
    table["count"] = pd.Series([10, None], dtype="Int64")
    table["day"] = pd.to_datetime(pd.Series(["2024-02-29", None]))
    tables.write(table, path)
    found = tables.convert(tables.read(path), COLUMNS, path)
    pd.testing.assert_frame_equal(found, table, check_dtype=False)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("", "is not a table: No columns"),
        ("name,size,count,day\n", "has no rows"),
        ("name,size,day\na,1,\n", "has no column count; it has name, size, day"),
        ("name,size,count,day\na,1,1,,x\n", "has rows with more values"),
        ("name,size,count,day\na,1,,\nb,big,,\n", "row 2 below the header: size is"),
        ("name,size,count,day\na,inf,,\n", "size is 'inf', not a number"),
        ("name,size,count,day\na,1,1.5,\n", "count is '1.5', not a whole number"),
        ("name,size,count,day\na,1,1,2023-02-29\n", "day is '2023-02-29', not a date"),
    ],
)
def test_a_bad_table_is_named_with_its_problem(
    tmp_path: Path, lines: str, problem: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(tables.DataError, match=problem) as caught:
        tables.convert(tables.read(path), COLUMNS, path)
    assert str(path) in str(caught.value)


def test_whole_numbers_are_the_same_text_beside_missing_values() -> None:
    table = pd.DataFrame({"name": [1, None]})
    assert tables.convert(table, {"name": str}, "here")["name"].iloc[0] == "1"
