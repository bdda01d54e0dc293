"""Tables: names that lead out of the folder, bytes that are not text, endless lines, circular links."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bounds import memory_below
from made import encoded, photo

from munseo import UserError
from munseo._data import DataLayout, load_pages, read_table
from munseo._data.folder_walk import FolderWalk
from munseo._data.image_error import UnreadableError
from munseo._data.image_finder import MAX_DEPTH, ImageFinder
from munseo._data.left_out import Reason
from munseo._data.stream import SourceList
from munseo._data.stream import table_rows as streamed
from munseo._data.tables import MAX_BYTES

PAGE = encoded(photo(), "PNG")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Make a data folder with pages, and a secret file next to it."""
    (tmp_path / "secret.png").write_bytes(PAGE)
    folder = tmp_path / "data"
    (folder / "train").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        (folder / "train" / name).write_bytes(PAGE)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "../../etc/passwd",
        "train/../../secret.png",
        "..\\secret.png",
        "/etc/passwd",
        "C:\\Windows\\win.ini",
        "\\\\server\\share\\x.png",
        "~/secret.png",
        "file:///etc/passwd",
        "https://example.org/x.png",
        "$HOME/secret.png",
        "a.png\u202egnp.exe",
        "con",
        ".",
        "x" * 5000,
    ],
)
def test_a_name_never_leads_out_of_the_data(folder, name):
    (folder / "train.csv").write_text(f'ID,target\na.png,1\nb.png,2\n"{name}",1\n', encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_pages(folder)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("train.csv:4: ")
    sources = list(SourceList([str(folder / "train.csv")]).sources())
    assert [source.problem is None for source in sources] == [True, True, False]


def test_a_name_with_a_nul_from_a_parquet_file(folder):
    pq.write_table(pa.table({"ID": ["a.png", "b.png\0.png"], "target": ["1", "2"]}), folder / "train.parquet")
    with pytest.raises(UserError, match="no such file"):
        load_pages(folder, DataLayout(train_table="train.parquet"))


def test_a_table_of_two_gigabytes_in_one_line_is_refused_before_it_is_read(folder):
    table = folder / "train.csv"
    with table.open("wb") as file:
        file.write(b"ID,target\n")
        file.truncate(2 * 2**30)  # a hole: the disk holds nothing of it
    with memory_below(2 * MAX_BYTES // 2**20), pytest.raises(UserError, match="larger than 268,435,456 bytes"):
        read_table(table)
    with memory_below(50), pytest.raises(UserError, match="is not UTF-8, UTF-16 or CP949 text"):
        list(SourceList([str(table)]).sources())


def test_a_streamed_table_with_a_line_of_text_without_an_end(folder, monkeypatch):
    monkeypatch.setattr(streamed, "MAX_LINE", 1000)
    table = folder / "list.csv"
    table.write_text("ID\na.png\n" + "x" * 1001)
    with pytest.raises(UserError, match=r"list\.csv:3: has more than 1,000 characters in a line"):
        list(SourceList([str(table)]).sources())


def test_two_gigabytes_of_text_in_one_line(folder):
    """Return sixteen megabytes, or the full size in `make torture`; the code is the same."""
    table = folder / "list.csv"
    with table.open("wb") as file:
        file.write(b"ID\na.png\n")
        for _ in range(2**11 if os.environ.get("MUNSEO_TORTURE") else 2**4):
            file.write(b"x" * 2**20)
    with memory_below(60), pytest.raises(UserError, match=r"list\.csv:3: has more than 1,048,576 characters in a line"):
        list(SourceList([str(table)]).sources())
    table.rename(folder / "train.csv")
    with memory_below(4 * MAX_BYTES // 2**20), pytest.raises(UserError, match=r"larger than|field"):
        load_pages(folder)


DOUBLED = pa.DictionaryArray.from_arrays(pa.array(np.zeros(40_000, np.int32)), pa.array(["x" * 100_000]))
OFFSETS = pa.array(range(40_001), pa.int32())


@pytest.mark.parametrize(
    "column",
    [
        DOUBLED,
        pa.ListArray.from_arrays(OFFSETS, DOUBLED),
        pa.StructArray.from_arrays([DOUBLED], ["x"]),
        pa.MapArray.from_arrays(OFFSETS, pa.array(range(40_000)), DOUBLED),
    ],
    ids=["words", "lists", "structs", "maps"],
)
def test_a_parquet_file_of_kilobytes_that_unpacks_to_gigabytes(column, folder):
    table = folder / "train.parquet"
    pq.write_table(pa.table({"ID": column}), table, compression="zstd")
    assert table.stat().st_size < 400_000
    # It would unpack to gigabytes. Maps take 492 MB up to the refusal in a new process.
    # Where memory is free already, it is less.
    with memory_below(600), pytest.raises(UserError, match="unpacks to more than"):
        read_table(table)
    if column is DOUBLED:
        with memory_below(400):
            reasons = {str(source.problem) for source in SourceList([str(table)]).sources()}
        assert reasons == {"the ID has more than 4,096 characters"}


@pytest.mark.parametrize(
    "data",
    [
        b"ID,target\na.png,1\0\n",
        b"\0" * 100,
        b"\xff\xfeI\0D\0",
        b'ID,target\n"a.png,1\n',
        b"ID,target\n" + b'"' * 99 + b"\n",
        b"ID" + b",x" * 70_000 + b"\n",
        b"ID,target\n" + b"x" * 200_000 + b",1\n",
        b"PAR1" + b"\xff" * 50 + b"PAR1",
        b"PK\3\4" + b"\0" * 50,
        b"<!DOCTYPE html><html>",
        b"",
    ],
)
def test_what_is_no_table_is_said_so(folder, data):
    (folder / "train.csv").write_bytes(data)
    with pytest.raises(UserError):
        load_pages(folder)


def test_links_in_circles_cost_no_other_page(folder):
    train = folder / "train"
    (train / "x.png").symlink_to("x.png")
    (train / "y.png").symlink_to("z.png")
    (train / "z.png").symlink_to("y.png")
    (train / "up").symlink_to("..")
    walk = FolderWalk(folder)
    found = {source.id: source.problem is None for source in walk.sources(str(train), "train/")}
    assert found == {f"train/{name}.png": name in "ab" for name in "abxyz"}
    assert walk.left_out.names == {Reason.LINKED_FOLDER: ["train/up"]}
    finder = ImageFinder([train], folder)
    assert finder.find("a.png") == train / "a.png"
    for name in ("x.png", "y.png", "up/train/x.png"):
        with pytest.raises(UnreadableError):
            finder.find(name)
    sources = list(SourceList([str(train)]).sources())
    assert [(source.id, source.problem is None) for source in sources[:2]] == [("a.png", True), ("b.png", True)]
    assert {source.id: str(source.problem) for source in sources[2:]} == dict.fromkeys(
        ["up", "x.png", "y.png", "z.png"],
        "is a link that leaves the folder; follow_links (--follow-links) reads it",
    )


def test_a_pattern_does_not_follow_links_in_circles(folder, monkeypatch):
    for name in "cd":  # two of them are 2^40 paths
        (folder / "train" / name).symlink_to(".")
    monkeypatch.chdir(folder)
    for word in ("**/*.png", "train/**", "./**/**/a.png", f"{folder}/**/b.png", "train/**/train/*.png"):
        sources = list(SourceList([word]).sources())
        assert all(source.problem is None for source in sources)
        assert len(sources) == {"**/*.png": 2, "train/**": 2, "train/**/train/*.png": 0}.get(word, 1)
    assert [source.id for source in SourceList(["*/*.png"]).sources()] == ["train/a.png", "train/b.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_named_as_a_table(folder):
    os.mkfifo(folder / "train.csv")
    table = folder / "train.csv"
    for read in (
        lambda: load_pages(folder),
        lambda: read_table(table),
        lambda: list(SourceList([str(table)]).sources()),
    ):
        with pytest.raises(UserError, match=r"there is no such table|neither train\.csv nor"):
            read()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_fifos_and_folders_named_as_pages(folder):
    os.mkfifo(folder / "train" / "f.png")
    (folder / "train" / "g.png").mkdir()
    (folder / "train.csv").write_text("ID,target\na.png,1\nb.png,2\nf.png,1\ng.png,1\n")
    with pytest.raises(UserError) as caught:
        load_pages(folder)
    assert caught.value.problems == ["train.csv:4: f.png: is not a file", "train.csv:5: g.png: is a folder, not a file"]


def test_folders_deeper_than_a_walk_may_go(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for _ in range(MAX_DEPTH + 10):
        Path("d").mkdir()
        os.chdir("d")
    for word in (str(folder), "**/*.png", f"{folder}/**"):
        monkeypatch.chdir(folder)
        sources = list(SourceList([word]).sources())
        assert sum(source.problem is None for source in sources) == 2
        assert [str(source.problem) for source in sources if source.problem] == [
            f"lies more than {MAX_DEPTH} folders deep; such folders are not read"
        ]


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_file_names_that_are_no_utf8(folder):
    for name in (b"\xff\xfe.png", b"\x1b]0;owned\x07.png", b"a\nb.png"):
        Path(os.fsdecode(os.fsencode(folder / "train") + b"/" + name)).write_bytes(PAGE)
    names = [source.id for source in SourceList([str(folder / "train")]).sources()]
    assert [name.encode().decode() for name in names] == names
    (folder / "train" / "c").mkdir()
    (folder / "train" / "d").mkdir()
    for part in ("c", "d"):
        Path(os.fsdecode(os.fsencode(folder / "train" / part) + b"/\xe9.png")).write_bytes(PAGE)
    pages = load_pages(folder).train
    assert [page.id for page in pages] == ["train/c/\\udce9.png", "train/d/\\udce9.png"]
    assert all(page.path.is_file() for page in pages)
