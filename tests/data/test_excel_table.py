"""Excel workbooks as tables: what a person sees in a cell is its value."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from munseo._data import DataLayout, excel_table, load_pages, read_table
from munseo._data.edited_table import write_edited
from munseo._data.input_pages import find_pages
from munseo._data.stream import SourceList
from munseo._errors import UserError


def workbook(path: Path, **sheets: list[list]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def cells(table) -> list[list[str]]:
    return [list(row.cells) for row in table.rows]


def test_ids_and_classes_are_texts(tmp_path):
    file = workbook(
        tmp_path / "t.xlsx",
        Sheet=[
            ["ID", "target"],
            ["00123", "None"],
            ["007", "NA"],
            ["1e5", "null"],
            [" 가.png ", "n/a"],
            ["=a", "yes"],
        ],
    )
    book = openpyxl.load_workbook(file)
    book.active["A6"].data_type = "s"
    book.save(file)
    table = read_table(file)
    assert cells(table) == [["00123", "None"], ["007", "NA"], ["1e5", "null"], ["가.png", "n/a"], ["=a", "yes"]]
    assert (table.encoding, table.problems, table.where(table.rows[0])) == ("Excel", (), "t.xlsx: row 2")


def test_numbers_as_they_are_shown(tmp_path):
    file = workbook(
        tmp_path / "t.xlsx",
        Sheet=[
            ["ID", "target"],
            [123, 3.0],
            [7, 0.5],
            [42, True],
            [5, date(2026, 12, 1)],
            [6, datetime(2026, 12, 1, 9, 30)],
        ],
    )
    book = openpyxl.load_workbook(file)
    book.active["A3"].number_format = "00000"
    book.active["A4"].number_format = '"doc-"000'
    book.save(file)
    assert cells(read_table(file)) == [
        ["123", "3"],
        ["00007", "0.5"],
        ["doc-042", "TRUE"],
        ["5", "2026-12-01"],
        ["6", "2026-12-01T09:30:00"],
    ]


def test_a_table_of_pandas(tmp_path):
    frame = pd.DataFrame({"ID": ["01", "02"], "target": ["None", "NA"]})
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    assert cells(read_table(tmp_path / "t.xlsx")) == [["01", "None"], ["02", "NA"]]


def test_the_first_sheet_or_the_one_that_is_named(tmp_path):
    file = workbook(tmp_path / "t.xlsx", 표1=[["ID"], ["a"]], **{"B#2": [["ID"], ["b"]]})
    assert cells(read_table(file)) == [["a"]]
    assert cells(read_table(Path(f"{file}#표1"))) == [["a"]]
    with pytest.raises(UserError, match=r"there is no sheet 'C' \(sheets: '표1', 'B#2'\)"):
        read_table(Path(f"{file}#C"))
    odd = workbook(tmp_path / "odd#1.xlsx", Sheet=[["ID"], ["c"]])
    assert cells(read_table(odd)) == [["c"]]


def test_empty_rows_cells_beyond_the_header_and_errors(tmp_path):
    rows = [[], [None, None], ["ID", "target", None], ["a", 1], [], ["b"], ["c", 2, "note"], [123456789012345678, 1]]
    file = workbook(tmp_path / "t.xlsx", Sheet=rows)
    book = openpyxl.load_workbook(file)
    book.active["B11"] = "#N/A"
    book.save(file)
    table = read_table(file)
    assert [(row.line, *row.cells) for row in table.rows] == [
        (4, "a", "1"),
        (6, "b", ""),
        (8, "123456789012345696", "1"),
        (11, "", "#N/A"),
    ]
    assert list(table.problems) == [
        "t.xlsx: row 7: has a value beyond the 2 columns of the header",
        "t.xlsx: row 8: the number 123456789012345696 has over 15 digits, of which Excel keeps no more; "
        "write it as text",
        "t.xlsx: row 11: holds the error #N/A of Excel",
    ]


def test_a_list_without_a_header(tmp_path):
    table = read_table(workbook(tmp_path / "t.xlsx", Sheet=[["a.tif", 3], ["b.tif", 4]]))
    assert (table.columns, cells(table)) == (("ID", "target"), [["a.tif", "3"], ["b.tif", "4"]])


def test_training_and_prediction_by_a_workbook(make_data):
    data = make_data(["train/007.png", "train/008.png"])
    file = workbook(data / "labels.xlsx", notes=[["x"]], 라벨=[["ID", "target"], ["007", "None"], ["008", "NA"]])
    pages = load_pages(data, DataLayout(train_table="labels.xlsx#라벨"))
    assert [(page.id, pages.class_names[page.label]) for page in pages.train] == [("007", "None"), ("008", "NA")]
    named = Path(f"{file}#라벨")
    assert [page.id for page in find_pages([named]).pages] == ["007", "008"]
    assert [(one.id, one.problem) for one in SourceList([str(named)]).sources()] == [("007", None), ("008", None)]


def test_an_edited_copy_is_text(tmp_path):
    rows = [["ID", "target"], ["007", "a"], ["=1+1", "b"], ["9", "a"]]
    file = workbook(tmp_path / "t.xlsx", Labels=rows)
    book = openpyxl.load_workbook(file)
    book.active["A3"].data_type = "s"
    book.save(file)
    write_edited(read_table(file), "target", {2: "00", 4: None}, tmp_path / "new.xlsx")
    assert cells(read_table(tmp_path / "new.xlsx")) == [["007", "00"], ["=1+1", "b"]]


def with_part(path: Path, name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Add a part to a workbook, in place of one of that name."""
    workbook(path, Sheet=[["ID"], ["a"]])
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in {**parts, name: data}.items():
            archive.writestr(part, content, method)
    return path


def test_a_workbook_is_refused_by_what_it_unpacks_to(tmp_path, monkeypatch):
    monkeypatch.setattr(excel_table, "MAX_UNPACKED_BYTES", 2**20)
    file = with_part(tmp_path / "t.xlsx", "xl/media/image1.bin", b"0" * 2**21)
    assert file.stat().st_size < 20_000
    with pytest.raises(UserError, match="unpacks to more than 1,048,576 bytes"):
        read_table(file)


def test_a_part_that_claims_to_be_small_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(excel_table, "MAX_UNPACKED_BYTES", 2**20)
    size = 2**21
    file = with_part(tmp_path / "t.xlsx", "xl/media/image1.bin", b"0" * size)
    data = file.read_bytes()
    claimed = data.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert claimed != data
    file.write_bytes(claimed)
    with pytest.raises(UserError, match="unpacks to more than"):
        read_table(file)


def test_a_cell_at_the_end_of_a_sheet_costs_nothing(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["A2"], sheet["XFD1048576"] = "ID", "a", "far"
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert cells(table) == [["a"]]
    assert table.problems == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[: len(data) // 2], "is a damaged Excel workbook"),
        (lambda data: b"\xd0\xcf\x11\xe0" + data, "is an old Excel workbook"),
        (lambda data: data.replace(b"xl/workbook.xml", b"xl/workbook.xmm"), "is a damaged Excel workbook"),
    ],
)
def test_damaged_workbooks(tmp_path, change, words):
    file = workbook(tmp_path / "t.xlsx", Sheet=[["ID"], ["a"]])
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(UserError, match=words):
        read_table(file)


def test_entities_and_other_packings_are_refused(tmp_path):
    file = with_part(tmp_path / "t.xlsx", "xl/styles.xml", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>')
    with pytest.raises(UserError, match=r"xl/styles\.xml has a document type"):
        read_table(file)
    file = with_part(tmp_path / "u.xlsx", "xl/other.bin", b"x" * 1000, zipfile.ZIP_BZIP2)
    with pytest.raises(UserError, match="packed by another method"):
        read_table(file)
