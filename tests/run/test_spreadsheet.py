"""What a workbook holds when another program opens it: the texts and numbers that were written."""

from __future__ import annotations

import csv
import io
import math
import re

import openpyxl
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from munseo import _spreadsheet
from munseo._spreadsheet import MAX_CHARACTERS, CsvRows, Workbook, cell_text, csv_text

TRICKY = [
    *("=1+1", "+A1", "-5", "@sum", "00123", "12345678901234567", "1e5", "1.0", "NA", "None", "null", "n/a", "TRUE"),
    *(
        "보험금 청구서",
        "가\n나",
        'say "hi"',
        "'quoted'",
        " spaces ",
        "a,b;c\td",
        "http://x.kr/?a=1&b=<2>",
        "🙂",
        "\x85",
    ),
    *("2026-12-01", "1/2", "\u2028", "\ufeff가", "{=SUM(A1)}", "_x41_"),
]
"""Texts that spreadsheets and readers of tables like to take for something else."""
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
texts = st.one_of(
    st.sampled_from(TRICKY),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
).filter(lambda text: not re.search("_x[0-9A-Fa-f]{4}_", text))
"""Any text. An ``_x0041_`` is stored escaped, as the format asks; openpyxl does not undo that in rows (findings/)."""


def written(file, rows, columns=("ID", "class_name")):
    book = Workbook(file, columns, "predictions", rows[:200], ("confidence",))
    for row in rows:
        book.write(row)
    book.close()
    return file


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=8))
@example([("=1+1", "NA"), ("00123", "가 \n나")])
def test_texts_are_read_back_as_they_were_written(tmp_path_factory, rows):
    file = written(tmp_path_factory.mktemp("book") / "o.xlsx", rows)
    expected = [tuple(map(cell_text, row)) for row in rows]
    sheet = openpyxl.load_workbook(file)["predictions"]
    assert [tuple(cell.value or "" for cell in row) for row in sheet.iter_rows(min_row=2)] == expected
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "inlineStr", "n"}, "no formula"
    assert not any(cell.data_type == "n" and cell.value is not None for row in sheet.iter_rows() for cell in row)
    table = pd.read_excel(file, dtype=str, keep_default_na=False)
    assert list(table.itertuples(index=False, name=None)) == expected


@given(texts)
def test_a_text_loses_only_what_no_workbook_can_hold(text):
    assert cell_text(cell_text(text)) == cell_text(text)
    kept = text.replace("\r\n", "\n").replace("\r", "\n")
    assert cell_text(text) == "".join(
        sign for sign in kept if sign in "\t\n" or (sign >= " " and sign not in "\ufffe\uffff")
    )


def test_control_characters_of_ocr_and_halves_of_characters(tmp_path):
    file = written(tmp_path / "o.xlsx", [("a\x0cb\x00", "\ud800x")])
    assert [cell.value for cell in openpyxl.load_workbook(file).active[2]] == ["ab", "x"]


def test_a_text_that_is_too_long_is_cut_visibly(tmp_path):
    file = written(tmp_path / "o.xlsx", [("가" * 40_000, "x")])
    value = openpyxl.load_workbook(file).active["A2"].value
    assert (len(value), value[-1]) == (MAX_CHARACTERS, "…")


def test_numbers_truth_values_and_nothing(tmp_path):
    rows = [("1", 0.123456789, True), ("2", None, False)]
    sheet = openpyxl.load_workbook(written(tmp_path / "o.xlsx", rows, ("ID", "confidence", "needs_person"))).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)] == [
        ["1", pytest.approx(0.123456789), "yes"],
        ["2", None, "no"],
    ]
    assert [sheet.cell(2, column).number_format for column in (1, 2, 3)] == ["@", "0.0000", "@"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:C3"


def test_rows_beyond_a_sheet_go_on_in_the_next_one(tmp_path, monkeypatch):
    monkeypatch.setattr(_spreadsheet, "MAX_ROWS", 4)
    rows = [(f"{number:03d}", "x") for number in range(7)]
    book = openpyxl.load_workbook(written(tmp_path / "o.xlsx", rows))
    assert book.sheetnames == ["predictions", "predictions (2)", "predictions (3)"]
    read = [row for sheet in book for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert read == rows
    assert all(next(sheet.iter_rows(values_only=True)) == ("ID", "class_name") for sheet in book)
    assert [math.ceil(sheet.max_row) for sheet in book] == [4, 4, 2]


@settings(deadline=None)
@given(st.lists(st.tuples(any_text, any_text), min_size=1, max_size=6))
@example([("a\rb", "00123"), ("NA", "a\r\nb")])
def test_a_table_as_csv_is_read_back_equal(rows):
    table = pd.DataFrame(rows, columns=["ID", "class_name"])
    read = pd.read_csv(io.StringIO(csv_text(table), newline=""), dtype=str, keep_default_na=False)
    assert list(read.itertuples(index=False, name=None)) == rows
    file = io.StringIO(newline="")
    lines = CsvRows(file)
    lines.write(["ID", "class_name"])
    for row in rows:
        lines.write(row)
    file.seek(0)
    assert [tuple(row) for row in csv.reader(file)][1:] == rows
