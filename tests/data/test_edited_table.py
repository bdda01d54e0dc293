"""Copies of tables with changed labels: every other byte stays."""

from __future__ import annotations

import pytest

from munseo._data import read_table
from munseo._data.edited_table import write_edited


def edited(tmp_path, data, edits, column="target"):
    table = tmp_path / "t.csv"
    table.write_bytes(data)
    write_edited(read_table(table), column, edits, tmp_path / "new.csv")
    return (tmp_path / "new.csv").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rows_keep_their_separator_and_encoding(tmp_path, separator, encoding):
    text = f'ID{separator}target\r\n"가{separator}.png"{separator}1\r\nb.png{separator}2\r\nc.png{separator}3\r\n'
    changed = text.replace(f"b.png{separator}2", f"b.png{separator}영수증").replace(f"c.png{separator}3\r\n", "")
    assert edited(tmp_path, text.encode(encoding), {3: "영수증", 4: None}) == changed.encode(encoding)


def test_a_list_without_a_header(tmp_path):
    assert edited(tmp_path, b"a.tif 3\nb.tif 4\nc.tif 5\n", {1: "7", 3: None}) == b"a.tif 7\nb.tif 4\n"


def test_json_lines_keep_the_type_of_a_label(tmp_path):
    text = (
        '{"file_name": "가.png", "label": 3}\n{"file_name":"b.png","label":"x"}\n{"file_name": "c.png", "label": 1}\n'
    )
    changed = '{"file_name": "가.png", "label": 4}\n{"file_name": "b.png", "label": "y"}\n'
    assert edited(tmp_path, text.encode(), {1: "4", 2: "y", 3: None}, "label") == changed.encode()
