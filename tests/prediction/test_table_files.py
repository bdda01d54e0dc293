"""Tables of predictions are read back equal, by the programs that people use for it."""

from __future__ import annotations

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from munseo._errors import UserError
from munseo._prediction.table_files import table_file
from munseo._spreadsheet import cell_text

TRICKY = [
    *("=1+1", "00123", "12345678901234567", "NA", "None", "null", "-5", "1.0", "TRUE", "보험금\n청구서", 'a"b', "a,b"),
    *("a\rb", "a\r\nb", " x ", "'x", "\ufeffx", "a\tb", ";", "가나다.jpg"),
]
texts = st.one_of(
    st.sampled_from(TRICKY),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20),
)
ids = st.lists(st.tuples(texts, texts), min_size=1, max_size=6)


def table(rows):
    page_ids, names = zip(*rows, strict=True)
    confidence = pa.array(np.linspace(0, 1, len(rows)), pa.float32())
    errors = pa.array([None] * len(rows), pa.string())
    return pa.table({"ID": page_ids, "class_name": names, "confidence": confidence, "error": errors})


def write(file, *pieces, **words):
    with table_file(file, **words) as output:
        for piece in pieces:
            output.write(piece)
    return file


@settings(deadline=None, max_examples=60)
@given(ids, st.booleans())
def test_a_csv_is_read_back_equal(tmp_path_factory, rows, excel):
    file = write(tmp_path_factory.mktemp("csv") / "o.csv", table(rows), table(rows), excel=excel)
    read = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert list(read[["ID", "class_name"]].itertuples(index=False, name=None)) == rows + rows
    assert set(read["error"]) == {""}


@settings(deadline=None, max_examples=30)
@given(ids)
def test_a_workbook_is_read_back_equal(tmp_path_factory, rows):
    rows = [tuple(text.replace("_x", "-x") for text in row) for row in rows]  # see test_spreadsheet.py
    file = write(tmp_path_factory.mktemp("book") / "O.XLSX", table(rows), table(rows))
    expected = [tuple(map(cell_text, row)) for row in rows + rows]
    sheet = openpyxl.load_workbook(file).active
    read = list(sheet.iter_rows(min_row=2, max_col=2, values_only=True))
    assert [tuple(cell or "" for cell in row) for row in read] == expected
    by_pandas = pd.read_excel(file, dtype=str, keep_default_na=False)
    assert list(by_pandas[["ID", "class_name"]].itertuples(index=False, name=None)) == expected


def test_numbers_have_six_digits_in_a_csv_and_all_in_a_workbook(tmp_path):
    rows = table([("a", "x"), ("b", "y"), ("c", "z"), ("d", "w")])
    text = pd.read_csv(write(tmp_path / "o.csv", rows), dtype=str)
    assert list(text["confidence"]) == ["0.000000", "0.333333", "0.666667", "1.000000"]
    book = pd.read_excel(write(tmp_path / "o.xlsx", rows))
    assert np.allclose(book["confidence"], np.linspace(0, 1, 4), atol=1e-7)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_an_error_while_writing_leaves_what_was_there(tmp_path, ending):
    file = tmp_path / f"o.{ending}"
    file.write_text("before")
    with pytest.raises(AttributeError):
        write(file, table([("a", "x")]), None)
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_a_place_that_cannot_be_written(tmp_path, ending):
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "nowhere" / f"o.{ending}", table([("a", "x")]))


def test_ids_that_begin_as_formulas_are_told_for_a_csv_only(tmp_path, capsys):
    rows = table([("=1+1", "x"), ("-5", "y")])
    write(tmp_path / "o.xlsx", rows)
    assert "formulas" not in capsys.readouterr().err
    write(tmp_path / "o.csv", rows)
    assert "1 IDs begin as formulas do" in " ".join(capsys.readouterr().err.split())
