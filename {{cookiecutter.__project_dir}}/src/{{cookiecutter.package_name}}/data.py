"""The raw data: sizes of the Palmer penguins (data/raw/README.md).

For other data, change what is here; the commands ask for `RAW_FILE`, `PROCESSED_FILE`,
`COLUMNS`, `load_raw` and `clean`.
"""

from pathlib import Path

import pandas as pd

from . import tables

RAW_FILE = "penguins.csv"
PROCESSED_FILE = "penguins.parquet"
SIZES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
LABELS = ["species", "island", "sex"]
COLUMNS: dict[str, type] = {
    **dict.fromkeys(LABELS, str),
    **dict.fromkeys(SIZES, float),
    "year": int,
}


def load_raw(path: Path) -> pd.DataFrame:
    """Read the raw table.

    Args:
        path: A CSV file with at least the columns `COLUMNS`, in any order.

    Returns:
        One row per penguin, with sizes in mm and g.

    Raises:
        DataError: The file is missing or not such a table; or a size is not above 0.
    """
    table = tables.convert(tables.read(path), COLUMNS, path)
    for name in SIZES:
        if (table[name] <= 0).any():
            raise tables.DataError(
                f"{path}: {name} is {table[name].min()}, not above 0"
            )
    return table


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Leave out penguins without a species or without all four sizes.

    Those of unknown sex stay.

    Args:
        raw: A table as `load_raw` returns it; it is not changed.

    Returns:
        The other rows, numbered from 0, with labels as categories.
    """
    kept = raw.dropna(subset=["species", *SIZES])
    return kept.astype(dict.fromkeys(LABELS, "category")).reset_index(drop=True)
