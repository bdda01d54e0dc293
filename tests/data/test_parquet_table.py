"""Parquet tables with the bytes of images, as Hugging Face's datasets and pandas write them."""

from __future__ import annotations

import gc
import json
import pickle
import weakref
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from munseo._data import DataLayout, check_images, load_pages, read_table
from munseo._data.container import parquet_cell
from munseo._data.edited_table import write_edited
from munseo._data.image_error import UnreadableError
from munseo._data.parquet_table import ParquetTable
from munseo._data.stream import SourceList
from munseo._errors import UserError

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
NAMES = ["letter", "None", "NA"]


def page(shade: int) -> bytes:
    return cv2.imencode(".png", np.full((6, 8, 3), shade, np.uint8))[1].tobytes()


def hf_table(images, labels, names=NAMES, **columns) -> pa.Table:
    """Return a table as ``datasets.Dataset.to_parquet`` writes it."""
    feature = {"names": names, "_type": "ClassLabel"}
    info = {"info": {"features": {"image": {"_type": "Image"}, "label": feature}}}
    values = {"image": pa.array(images, IMAGE), "label": pa.array(labels, pa.int64()), **columns}
    return pa.table(values).replace_schema_metadata({"huggingface": json.dumps(info)})


def images(count: int, start: int = 0, path: str | None = "{}.png") -> list[dict]:
    return [{"bytes": page(number), "path": path and path.format(number)} for number in range(start, start + count)]


@pytest.fixture
def folder(tmp_path) -> Path:
    """A data folder with two train shards of several row groups, a validation and an unlabelled test shard."""
    data = tmp_path / "data"
    data.mkdir()
    write = pq.write_table
    write(hf_table(images(7), [0, 1, 2, 0, 1, 2, 0]), data / "train-00000-of-00002.parquet", row_group_size=3)
    write(hf_table(images(3, 7), [1, 2, 0]), data / "train-00001-of-00002.parquet")
    write(hf_table(images(2, 20, None), [1, 0]), data / "validation-00000-of-00001.parquet")
    write(hf_table(images(2, 30), [-1, -1]), data / "test-00000-of-00001.parquet")
    return tmp_path


def test_the_shards_of_a_hugging_face_dataset(folder):
    pages = load_pages(folder)
    assert pages.class_names == ("NA", "None", "letter"), "names from the schema; None and NA are classes"
    assert [pages.class_names[one.label] for one in pages.train] == [NAMES[k] for k in (0, 1, 2, 0, 1, 2, 0, 1, 2, 0)]
    assert [one.id for one in pages.train][6:8] == [
        "train-00000-of-00002.parquet/6.png",
        "train-00001-of-00002.parquet/7.png",
    ]
    assert [one.id for one in pages.val] == [f"validation-00000-of-00001.parquet/{row}" for row in (1, 2)], "no names"
    assert [one.label for one in pages.test] == [None, None]
    checked = check_images(pages.train)
    assert list(checked.digests.values()) == list(check_images(pages.train[::-1]).digests.values())[::-1]
    files = [folder / f"{number}.png" for number in range(10)]
    for number, file in enumerate(files):
        file.write_bytes(page(number))
    assert [one.path.read() for one in pages.train] == [file.read_bytes() for file in files]


def test_a_table_that_is_named_with_its_columns(folder):
    layout = DataLayout(train_table="data/train-00001-of-00002.parquet", id_column="image", target_column="label")
    assert len(load_pages(folder, layout).train) == 3
    everything = load_pages(folder, DataLayout(train_table="data/train-*.parquet"))
    assert len(everything.train) == 10
    table = read_table(folder / "data" / "train-*.parquet")
    assert table.where(table.rows[8]) == "train-00001-of-00002.parquet: row 2"
    assert len(table.sha256()) == 64


def test_ids_of_a_column_of_texts_and_its_groups(tmp_path):
    table = hf_table(images(4), [0, 1, 0, 1], doc=pa.array(["007", "8", "9", "10"]), box=pa.array([b"x"] * 4))
    pq.write_table(table, tmp_path / "train.parquet")
    pages = load_pages(tmp_path, DataLayout(id_column="doc"))
    assert [(one.id, one.path.suffix) for one in pages.train] == [
        ("007", ".png"),
        ("8", ".png"),
        ("9", ".png"),
        ("10", ".png"),
    ]
    with pytest.raises(UserError, match="1 problem") as caught:
        load_pages(tmp_path, DataLayout(id_column="box"))
    assert "column 'box' holds bytes that are no image" in caught.value.problems[0]


def test_a_plain_column_of_bytes_and_names_that_occur_twice(tmp_path):
    plain = pa.table({"jpg": [page(1), None, page(3)], "target": ["a", "b", "a"]})
    pq.write_table(plain, tmp_path / "train.parquet")
    pages = load_pages(tmp_path)
    assert [one.id for one in pages.train] == ["train.parquet/1", "train.parquet/2", "train.parquet/3"]
    checked = check_images(pages.train, "skip")
    assert [(one.id, problem.code) for one, problem in checked.skipped] == [("train.parquet/2", "empty_cell")]
    twice = hf_table([{"bytes": page(k), "path": "image.png"} for k in range(3)], [0, 1, 2])
    pq.write_table(twice, tmp_path / "train.parquet")
    assert [one.id for one in load_pages(tmp_path).train] == ["train.parquet/1", "train.parquet/2", "train.parquet/3"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.struct([("bytes", pa.string()), ("path", pa.string())]), {"bytes": "x", "path": "y"}),
        (pa.struct([("bytes", pa.list_(pa.uint8())), ("path", pa.string())]), {"bytes": [1], "path": "y"}),
        (pa.list_(IMAGE), [{"bytes": page(1), "path": "y"}]),
        (pa.struct([("path", pa.string())]), {"path": "y.png"}),
        (pa.binary(4), b"abcd"),
        (pa.map_(pa.string(), pa.binary()), [("a", b"b")]),
    ],
)
def test_what_is_no_column_of_images(tmp_path, kind, value):
    pq.write_table(pa.table({"image": pa.array([value], kind), "label": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(UserError) as caught:
        load_pages(tmp_path, DataLayout(train_table="t.parquet", id_column="image"))
    assert len(str(caught.value)) < 500, "no bytes of the cells on the terminal"


def test_two_columns_of_images_need_a_name(tmp_path):
    back = pa.array(images(2, 5), IMAGE)
    pq.write_table(hf_table(images(2), [0, 1], back=back), tmp_path / "train.parquet")
    with pytest.raises(UserError) as caught:
        load_pages(tmp_path)
    assert "has images in several columns ('image', 'back'); name one as id_column" in caught.value.problems[0]
    pages = load_pages(tmp_path, DataLayout(id_column="back")).train
    assert [one.path.read() for one in pages] == [page(5), page(6)]


def test_places_are_sent_to_other_processes_and_read_in_any_order(folder):
    pages = pickle.loads(pickle.dumps(load_pages(folder).train))
    order = [6, 0, 9, 3, 3, 8, 1, 0]
    assert [pages[index].path.read() for index in order] == [page(index) for index in order]


def test_few_readers_are_open_and_pages_are_read_once_in_order(folder, monkeypatch):
    pages = load_pages(folder).train
    opened = []
    real = parquet_cell._cells
    monkeypatch.setattr(parquet_cell, "_cells", lambda *place: opened.append(place[2]) or real(*place))
    monkeypatch.setattr(parquet_cell, "_readers", parquet_cell._Readers())
    for one in pages[:7]:
        one.path.read()
    assert opened == [0, 1, 2]
    assert len(parquet_cell._readers._readers) == 2


@pytest.mark.parametrize("claimed", [6, 8])
def test_a_table_that_claims_other_rows_than_it_has_is_damaged(folder, monkeypatch, claimed):
    monkeypatch.setattr(ParquetTable, "num_rows", property(lambda self: claimed))
    with pytest.raises(UserError, match="have different numbers of rows"):
        read_table(folder / "data" / "train-00000-of-00002.parquet")


def test_a_reader_that_is_needed_no_more_is_freed_at_once(folder, monkeypatch):
    """It holds the pages that pyarrow has unpacked, which may be hundreds of megabytes."""
    made, start = [], parquet_cell._GroupReader.__init__

    def note(self, *place):
        made.append(weakref.ref(self))
        start(self, *place)

    monkeypatch.setattr(parquet_cell._GroupReader, "__init__", note)
    monkeypatch.setattr(parquet_cell, "_readers", parquet_cell._Readers())
    gc.disable()
    try:
        for one in load_pages(folder).train:
            one.path.read()
        assert sum(reader() is not None for reader in made) == 2 < len(made)
    finally:
        gc.enable()


def test_a_table_that_was_written_again_is_not_read_by_old_readers(tmp_path):
    file = tmp_path / "train.parquet"
    pq.write_table(hf_table(images(2), [0, 1]), file)
    first = load_pages(tmp_path).train[0]
    assert first.path.read() == page(0)
    pq.write_table(hf_table(images(3, 40), [0, 1, 2]), file)
    assert first.path.read() == page(40)
    file.unlink()
    with pytest.raises(UnreadableError):
        first.path.read()


def test_bulk_prediction_takes_the_images_of_a_table(folder, tmp_path):
    file = folder / "data" / "train-00000-of-00002.parquet"
    sources = list(SourceList([str(file)]).sources())
    assert [source.id for source in sources] == [f"{file.name}/{number}.png" for number in range(7)]
    assert [source.file.read() for source in sources] == [page(number) for number in range(7)]
    pattern = list(SourceList([str(file.parent / "train-*.parquet")]).sources())
    assert len(pattern) == 10
    named = list(SourceList([str(file)], id_column="label").sources())
    assert [source.id for source in named][:3] == NAMES


def test_labels_are_changed_where_they_are_numbers_of_classes(folder, tmp_path):
    file = folder / "data" / "train-00000-of-00002.parquet"
    write_edited(read_table(file), "label", {1: "NA", 3: None}, tmp_path / "new.parquet")
    before, after = pq.read_table(file).to_pylist(), pq.read_table(tmp_path / "new.parquet").to_pylist()
    assert after == [{**before[0], "label": 2}, before[1], *before[3:]]
    with pytest.raises(UserError, match="cannot hold the new labels"):
        write_edited(read_table(file), "label", {1: "unknown"}, tmp_path / "new.parquet")
