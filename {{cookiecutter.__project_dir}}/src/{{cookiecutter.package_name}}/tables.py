"""Read, check and write tables, whatever is in them."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from .config import ProjectError

WANTED = {float: "a number", int: "a whole number", date: "a date (YYYY-MM-DD)"}


class DataError(ProjectError):
    """A table cannot be used; the text names the file and what is wrong with it."""


def read(path: Path, hint: str = "put the file there") -> pd.DataFrame:
    """Read a table; the values of a CSV file are text, which `convert` checks.

    Args:
        path: A Parquet file (`.parquet`), else a UTF-8 CSV file with a header, where a
            missing value is empty or `NA`.
        hint: How to get the file, for the error.

    Raises:
        DataError: The file does not exist or is not such a table.
    """
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        table = pd.read_csv(
            path, dtype="str", keep_default_na=False, na_values=["", "NA"]
        )
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; {hint}") from None
    except ValueError as error:
        raise DataError(f"{path} is not a table: {error}") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise DataError(f"{path} has rows with more values than the header has names")
    return table


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet (`.parquet`) or CSV; the directory is created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False, na_rep="NA")


def require(table: pd.DataFrame, columns: Iterable[str], source: object) -> None:
    """Raise DataError, which names the source, unless it has rows and these columns."""
    missing = [name for name in columns if name not in table]
    if missing:
        found = ", ".join(map(str, table))
        raise DataError(f"{source} has no column {', '.join(missing)}; it has {found}")
    if table.empty:
        raise DataError(f"{source} has no rows")


def convert(
    table: pd.DataFrame, columns: Mapping[str, type], source: object
) -> pd.DataFrame:
    """Return these columns in their types; missing values stay missing.

    Args:
        table: Any table; it is not changed.
        columns: Names and types: str, float, int or datetime.date (ISO 8601).
        source: Where the table comes from, such as its file, for the error.

    Returns:
        As many rows, in the types str, float64, Int64 and datetime64.

    Raises:
        DataError: A column is missing, or a value is not of its column's type.
    """
    require(table, columns, source)
    return pd.DataFrame(
        {name: _convert(table[name], kind, source) for name, kind in columns.items()}
    )


def _convert(values: pd.Series, kind: type, source: object) -> pd.Series:
    if kind is str:
        if values.dtype.kind == "f":
            values = values.convert_dtypes()  # 1.0 is 1 beside a missing value
        return values.astype("str")
    found: pd.Series
    if kind is date:
        found = pd.to_datetime(values, errors="coerce", format="ISO8601")
    else:
        found = pd.to_numeric(values, errors="coerce").astype("float64")
        found = found.where(np.isfinite(found))
        if kind is int:
            whole = (found % 1 == 0) & (found.abs() < 2**53)
            found = found.where(whole).astype("Int64")
    bad = np.flatnonzero(values.notna() & found.isna())
    if bad.size:
        raise DataError(
            f"{source}, row {bad[0] + 1} below the header: "
            f"{values.name} is {values.iloc[bad[0]]!r}, not {WANTED[kind]}"
        )
    return found
