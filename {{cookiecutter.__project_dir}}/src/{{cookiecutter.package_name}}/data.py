"""The penguin table: read it, check it, clean it, keep it.

To use other data, put its file in `data/raw`, name it in `config.py`, and say here
which columns it has and what cleaning means.
"""

from collections.abc import Callable
from pathlib import Path
from textwrap import shorten

import numpy as np
import pandas as pd

from .config import ProjectError

LABELS = ["species", "island", "sex"]
MEASUREMENTS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
COLUMNS = [*LABELS, *MEASUREMENTS, "year"]
TYPES = (
    dict.fromkeys(LABELS, "category")
    | dict.fromkeys(MEASUREMENTS, "float64")
    | {"year": "Int64"}
)


class DataError(ProjectError):
    """A table cannot be used; the text is one line that says which and why."""


def load_raw(path: Path) -> pd.DataFrame:
    """Read the raw table and check it.

    Args:
        path: A UTF-8 file of comma-separated values with a header that names at least
            `COLUMNS`, in any order. A missing value is empty or `NA`.

    Returns:
        One row per penguin, in the file's order, and the columns `COLUMNS`: the labels
        as strings, the measurements (mm and g) as float64, the year as Int64.

    Raises:
        DataError: The file is missing, empty or not such a table, a column is missing,
            or a value is not the number that its column asks for.
    """
    table = read_text(path)
    require(table, COLUMNS, path)
    for column in MEASUREMENTS:
        table[column] = numbers(table[column], path, "a positive number", is_size)
    table["year"] = numbers(table["year"], path, "a year", _is_year).astype("Int64")
    return table[COLUMNS]


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Keep the penguins that were identified and measured.

    A penguin without a species or without one of the four measurements is left out. One
    whose sex alone is unknown stays: it counts wherever sex is not asked for.

    Args:
        raw: A table as `load_raw` returns it; it is not changed.

    Returns:
        The rows that are kept, numbered from 0, with the labels as categories.

    Raises:
        DataError: No row is left.
    """
    kept = raw.dropna(subset=["species", *MEASUREMENTS])
    if kept.empty:
        raise DataError(
            f"no rows left: none of {len(raw)} has a species and all four measurements"
        )
    return kept.astype(TYPES).reset_index(drop=True)


def save(penguins: pd.DataFrame, path: Path) -> None:
    """Write a cleaned table as Parquet, and make the directory if there is none.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    penguins.to_parquet(path, engine="pyarrow", index=False)


def load(path: Path) -> pd.DataFrame:
    """Read a cleaned table that `save` wrote, with the same columns and types.

    Raises:
        DataError: The file is missing, or is not such a table.
    """
    try:
        table = pd.read_parquet(path, engine="pyarrow", columns=COLUMNS)
        return table.astype(TYPES)
    except FileNotFoundError:
        raise DataError(f"no cleaned table at {path}; `prepare` makes it") from None
    except (TypeError, ValueError):
        raise DataError(f"{path} is not a cleaned table; `prepare` makes one") from None


def read_text(path: Path) -> pd.DataFrame:
    """Read every value as text, so that a bad one can be named as it stands.

    Args:
        path: A UTF-8 file of comma-separated values with a header. A missing value is
            empty or `NA`.

    Returns:
        The file's rows and columns, as strings.

    Raises:
        DataError: The file is missing, empty, or not such a table.
    """
    try:
        table = pd.read_csv(
            path,
            dtype="str",
            keep_default_na=False,
            na_values=["", "NA"],
        )
    except FileNotFoundError:
        raise DataError(
            f"no raw data at {path}; put the file there or name another"
        ) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text") from None
    except pd.errors.ParserError as error:
        reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
        raise DataError(f"{path} is not a CSV table: {reason}") from None
    if not isinstance(table.index, pd.RangeIndex):  # pandas took a column as the index
        raise DataError(f"{path} has more values in its rows than names in its header")
    return table


def require(table: pd.DataFrame, columns: list[str], path: Path) -> None:
    """See that a table has the columns.

    Raises:
        DataError: One is missing; the text names `path`, the table's file.
    """
    missing = [column for column in columns if column not in table]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(missing)}; "
            f"it has {shorten(', '.join(map(repr, table)), 200)}"
        )


def numbers(
    text: pd.Series,
    path: Path,
    wanted: str,
    is_wanted: Callable[[pd.Series], pd.Series],
) -> pd.Series:
    """Turn text into numbers, or say which value is not what is wanted.

    Args:
        text: Numbers as text, or as numbers; missing values stay missing.
        path: The file of the column, for the error.
        wanted: What every value must be, in words.
        is_wanted: Tells of each number (float64) whether it is that.

    Returns:
        As many numbers, as float64.

    Raises:
        DataError: A value is not what is wanted.
    """
    found = pd.to_numeric(text, errors="coerce").astype("float64")
    bad = np.flatnonzero(text.notna() & ~is_wanted(found))
    if bad.size:
        raise DataError(
            f"{path}, row {bad[0] + 1} below the header: "
            f"{text.name} is {text.iloc[bad[0]]!r}, not {wanted}"
        )
    return found


def is_size(numbers: pd.Series) -> pd.Series:
    """Tell of each number whether it is positive and finite."""
    return numbers.between(0, np.inf, inclusive="neither")


def _is_year(numbers: pd.Series) -> pd.Series:
    return numbers.isin(range(1900, 2101))
