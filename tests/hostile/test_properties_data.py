"""Any table is refused clearly or gives its rows, and Korean names are found in either Unicode form."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from munseo import UserError
from munseo._data import decode, inspect, load_pages, read_table
from munseo._data.folder_walk import FolderWalk
from munseo._data.image_error import ImageError, UnreadableError
from munseo._data.image_finder import ImageFinder
from munseo._data.stream import SourceList
from munseo._spreadsheet import inert_cell, original_cell

CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LETTERS = st.text(
    st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3) | st.sampled_from("abéÅñ1 _-()"), min_size=1, max_size=12
)


@contextmanager
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as path:
        yield Path(path)


@given(
    rows=st.lists(st.lists(CELL, min_size=0, max_size=4), max_size=6),
    separator=st.sampled_from([",", ";", "\t", ",,"]),
    end=st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "cp949", "utf-16", "latin-1"]),
    quote=st.sampled_from(["", '"', "'"]),
    header=st.sampled_from(["", "ID,target\n", "\ufeffID,target\n", "id , Target\r\n", '"ID","target"\n']),
)
def test_any_text_is_refused_or_a_table(rows, separator, end, codec, quote, header):
    text = header + end.join(separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows)
    read_somehow(text.encode(codec, "ignore"))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_a_table(data):
    read_somehow(data)
    read_somehow(b"ID,target\n" + data)
    read_somehow(b"PAR1" + data + b"PAR1")


def read_somehow(data: bytes) -> None:
    with folder() as path:
        (path / "train.csv").write_bytes(data)
        try:
            table = read_table(path / "train.csv")
            assert all(set(row.values) == set(table.columns) for row in table.rows)
        except UserError:
            pass
        for read in (lambda: load_pages(path), lambda: list(SourceList([str(path / "train.csv")]).sources())):
            try:
                read()
            except UserError:
                continue


@given(LETTERS, st.sampled_from(["NFC", "NFD"]), st.sampled_from(["NFC", "NFD"]), st.booleans())
def test_a_name_is_found_in_either_form(name, on_disk, in_table, whole):
    name = name.strip(" .")
    assume(name)
    with folder() as path:
        file = path / unicodedata.normalize(on_disk, f"{name}.jpg")
        file.write_bytes(b"x")
        asked = unicodedata.normalize(in_table, f"{name}.jpg" if whole else name)
        assert ImageFinder([path], path).find(asked) == file
        (path / "t.csv").write_text(f"ID\n{asked}\n", encoding="utf-8")
        (source,) = SourceList([str(path / "t.csv")]).sources()
        assert source.problem is None
        assert source.id == unicodedata.normalize("NFC", asked)
        assert Path(source.path).name == file.name
        assert [source.path for source in FolderWalk(path).sources(str(path), "")] == [str(file)]


@given(CELL)
def test_no_name_reaches_a_file_outside(name):
    with folder() as path:
        (path / "data").mkdir()
        (path / "secret.jpg").write_bytes(b"x")
        for asked in (name, f"../{name}", f"{name}/../../secret.jpg", f"/{name}", f"..\\{name}secret.jpg"):
            with pytest.raises(UnreadableError):
                ImageFinder([path / "data"], path / "data").find(asked)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a", b"%PDF-"]),
)
def test_any_bytes_are_refused_or_a_picture(data, start):
    assert inspect(start + data).problem is None or decode_is_refused(start + data)


def decode_is_refused(data: bytes) -> bool:
    try:
        decode(data)
    except ImageError:
        return True
    return False


@given(st.text(max_size=20))
def test_every_cell_comes_back_from_a_spreadsheet(text):
    assert original_cell(inert_cell(text)) == text
