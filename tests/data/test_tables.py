from __future__ import annotations

import codecs

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from munseo._data import read_table
from munseo._errors import UserError

ROWS = [{"ID": "가.jpg", "target": "3"}, {"ID": "b, c.png", "target": "영수증"}]
TEXT = 'ID,target\n가.jpg,3\n"b, c.png",영수증\n'


def write(tmp_path, data):
    path = tmp_path / "t.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    ("data", "encoding", "lines"),
    [
        (TEXT.encode(), "UTF-8", [2, 3]),
        (TEXT.encode("utf-8-sig"), "UTF-8", [2, 3]),
        (TEXT.encode("cp949"), "CP949", [2, 3]),
        (TEXT.replace("\n", "\r\n").encode("cp949"), "CP949", [2, 3]),
        (TEXT.replace("\n", "\r\n").encode("utf-8-sig"), "UTF-8", [2, 3]),
        (TEXT.replace("\n", "\r").encode(), "UTF-8", [2, 3]),
        (TEXT.rstrip().encode(), "UTF-8", [2, 3]),
        (TEXT.replace("\n", "\n\n , \n").encode(), "UTF-8", [4, 7]),
        (TEXT.replace(",t", " , t").replace(",3", ", 3 ").encode(), "UTF-8", [2, 3]),
    ],
)
def test_every_editor_and_korean_excel(tmp_path, data, encoding, lines):
    table = read_table(write(tmp_path, data))
    assert [row.values for row in table.rows] == ROWS
    assert [row.line for row in table.rows] == lines
    assert table.columns == ("ID", "target")
    assert table.encoding == encoding
    assert table.where(table.rows[0]) == f"t.csv:{lines[0]}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_separator_in_every_encoding(tmp_path, separator, encoding):
    text = f'ID{separator}target\r\n가.jpg{separator}3\r\n"b, c.png"{separator}영수증\r\n'
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    table = read_table(write(tmp_path, mark + text.encode(encoding)))
    assert [row.values for row in table.rows] == ROWS
    assert [row.line for row in table.rows] == [2, 3]
    assert table.layout.separator == separator


def test_the_separator_is_the_one_of_all_lines(tmp_path):
    """A semicolon within a value, or in the only header without a comma, does not mislead."""
    table = read_table(write(tmp_path, "ID,target,note\na.png,1,x;y;z;w\nb.png,2,u;v\n"))
    assert table.columns == ("ID", "target", "note")
    table = read_table(write(tmp_path, "ID;target\na,b.png;1\n"))
    assert [row.cells for row in table.rows] == [("a,b.png", "1")]


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_a_list_without_a_header_begins_with_the_name_of_an_image(tmp_path, separator):
    table = read_table(write(tmp_path, f"x/a.TIF{separator}3\ny/b.tif{separator}0\n"))
    assert [row.values for row in table.rows] == [{"ID": "x/a.TIF", "target": "3"}, {"ID": "y/b.tif", "target": "0"}]
    assert [row.line for row in table.rows] == [1, 2]
    assert read_table(write(tmp_path, "a.tif\nb.tif\n")).columns == ("ID",)
    assert read_table(write(tmp_path, "a.tif,3,x\nb.tif,3,y\n")).columns == ("ID", "target", "column_3")


def test_json_lines(tmp_path):
    lines = '{"file_name": "가.jpg", "label": 3}\n\n{"label": "letter", "file_name": " b.png ", "box": [1, null]}\n'
    table = read_table(write(tmp_path, lines))
    assert table.columns == ("file_name", "label", "box")
    assert [row.cells for row in table.rows] == [("가.jpg", "3", ""), ("b.png", "letter", "[1, null]")]
    assert [row.line for row in table.rows] == [1, 3]
    assert (table.column("ID"), table.column("target")) == ("file_name", "label")


def test_own_names_of_columns_come_first(tmp_path):
    table = read_table(write(tmp_path, "id,file_name,target,label\na,b,1,2\n"))
    assert (table.column("ID"), table.column("target")) == ("id", "target")


def test_rows_are_a_sequence(tmp_path):
    rows = read_table(write(tmp_path, "ID,target\na,1\nb,2\nc,3\n")).rows
    assert len(rows) == 3
    assert (rows[-1].line, rows[-1].cells) == (4, ("c", "3"))
    assert [row.cells for row in rows[:2]] == [("a", "1"), ("b", "2")]
    assert rows[1] in rows
    with pytest.raises(IndexError):
        rows[3]


def test_a_value_over_two_lines_keeps_the_count(tmp_path):
    table = read_table(write(tmp_path, 'ID,note\na,"one\ntwo"\nb,x\n'))
    assert [row.line for row in table.rows] == [2, 4]


def test_parquet_values_are_text(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"ID": ["가", "b", None], "target": [1, None, None], "f": [1.0, 2.5, None]}), path)
    table = read_table(path)
    assert [row.values for row in table.rows] == [
        {"ID": "가", "target": "1", "f": "1.0"},
        {"ID": "b", "target": "", "f": "2.5"},
    ]
    assert table.where(table.rows[1]) == "t.parquet: row 2"


def test_rows_of_a_wrong_length_are_named(tmp_path):
    table = read_table(write(tmp_path, "ID,target\na,1\nb\nc,1,2\n"))
    assert [row.values["ID"] for row in table.rows] == ["a"]
    assert table.problems == (
        "t.csv:3: has 1 values; the header has 2 columns",
        "t.csv:4: has 3 values; the header has 2 columns",
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"ID,target,ID\n", "names a column twice: 'ID'"),
        (b'ID,target\n"a,1\nb,2\n', "t.csv:2: is not valid CSV"),
        (b"ID,target\n\xff\xff\xff,1\n", "is not UTF-8, UTF-16 or CP949 text"),
        (TEXT.encode("utf-16-le"), "is not UTF-8, UTF-16 or CP949 text"),
        (TEXT.encode("utf-16")[:-1], "is not UTF-8, UTF-16 or CP949 text"),
        (b'{"ID": "a.png"}\n[1]\n', r"t\.csv:2: is not a JSON object"),
        (b'{"ID": "a.png"}\n{"ID": ' + b"[" * 100_000, r"t\.csv:2: is not a JSON object"),
        (b"PK\x03\x04workbook", "another ZIP archive"),
        (b"PAR1 and no more", "damaged parquet"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, data, words):
    with pytest.raises(UserError, match=words):
        read_table(write(tmp_path, data))


def test_missing_table(tmp_path):
    with pytest.raises(UserError, match=r"x\.csv: there is no such table"):
        read_table(tmp_path / "x.csv")


def test_columns_by_name(tmp_path):
    table = read_table(write(tmp_path, "image_id,Target\na,1\n"))
    assert table.column("target") == "Target"
    with pytest.raises(UserError) as caught:
        table.column("image_ID2")
    assert str(caught.value) == (
        "t.csv:1: there is no column 'image_ID2'; did you mean 'image_id'? (columns: 'image_id', 'Target')"
    )
