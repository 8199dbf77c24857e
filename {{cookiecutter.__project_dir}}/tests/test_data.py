"""The raw table is checked and cleaned."""

from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import (
    data,
    tables,
)

HEADER = ",".join(data.COLUMNS)
CSV = f"""{HEADER}
Adelie,Torgersen,male,39.1,18.7,181,3750,2007
Gentoo,Biscoe,NA,47.5,14.2,209,4600,2008
Gentoo,Biscoe,NA,NA,NA,NA,NA,2009
"""


def test_only_penguins_without_sizes_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text(CSV, encoding="utf-8")
    raw = data.load_raw(tmp_path / "raw.csv")
    before = raw.copy()
    penguins = data.clean(raw)
    assert penguins["body_mass_g"].tolist() == [3750, 4600]
    assert penguins["sex"].isna().tolist() == [False, True]
    pd.testing.assert_frame_equal(raw, before)


def test_a_size_of_zero_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text(CSV.replace("3750", "0"), encoding="utf-8")
    with pytest.raises(tables.DataError, match=r"body_mass_g is 0\.0, not above 0"):
        data.load_raw(tmp_path / "raw.csv")
