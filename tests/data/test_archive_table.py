"""ZIP and TAR archives as tables: samples of WebDataset, folders of classes, and names of Korean Windows."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from munseo._data import DataLayout, check_images, load_pages, read_table
from munseo._data.input_pages import find_pages
from munseo._data.stream import SourceList
from munseo._errors import UserError


def page(shade: int) -> bytes:
    return cv2.imencode(".png", np.full((6, 8, 3), shade, np.uint8))[1].tobytes()


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_zip(path: Path, files: dict[bytes, bytes]) -> Path:
    """Write a ZIP whose names have these bytes and no flag for UTF-8, as old programs write them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(_OldName(name.decode("cp437")), data)
    return path


class _OldName(zipfile.ZipInfo):
    def _encodeFilenameFlags(self):  # noqa: N802 — the name in zipfile
        return self.filename.encode("cp437"), self.flag_bits


def samples(start: int, labels: str) -> dict[str, bytes]:
    files = {}
    for number, label in enumerate(labels, start):
        files |= {f"{number:06}.png": page(number), f"{number:06}.cls": label.encode()}
    return files


def problems_of(folder: Path, **layout: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        load_pages(folder, DataLayout(**layout))
    return caught.value.problems


def test_shards_of_webdataset(tmp_path):
    write_tar(tmp_path / "train-000000.tar", samples(0, "001"))
    write_tar(tmp_path / "train-000001.tar", samples(0, "10"))  # keys may start again in every shard
    write_tar(tmp_path / "val-000000.tar", samples(0, "01"))
    write_tar(tmp_path / "test-000000.tar", {"000009.png": page(9)})
    (tmp_path / "meta.csv").write_text("target,class_name\n0,letter\n1,invoice\n")
    pages = load_pages(tmp_path)
    assert pages.class_names == ("letter", "invoice")
    assert [(one.id, one.label) for one in pages.train] == [
        ("train-000000.tar/000000.png", 0),
        ("train-000000.tar/000001.png", 0),
        ("train-000000.tar/000002.png", 1),
        ("train-000001.tar/000000.png", 1),
        ("train-000001.tar/000001.png", 0),
    ]
    assert [one.label for one in pages.val] == [0, 1]
    assert [(one.id, one.label) for one in pages.test] == [("test-000000.tar/000009.png", None)]
    assert len(check_images(pages.train).pages) == 5


def test_columns_come_from_json_and_a_sample_is_named_by_the_archive(tmp_path):
    files = {}
    for number, label in enumerate(["None", "NA", "None"]):
        entry = {"label": label, "sender": f"00{number}", "boxes": [1, 2]}
        files |= {f"a/{number}.png": page(number), f"a/{number}.json": json.dumps(entry).encode()}
    table = read_table(write_tar(tmp_path / "train.tar", files))
    assert table.columns == ("ID", "label", "sender")
    assert [row.values["sender"] for row in table.rows] == ["000", "001", "002"]
    assert table.where(table.rows[1]) == "train.tar: sample 2"
    assert load_pages(tmp_path).class_names == ("NA", "None")


def test_a_key_that_ends_at_the_first_dot_joins_samples(tmp_path):
    files = {"scan.v2.0001.png": page(1), "scan.v2.0001.cls": b"0", "scan.v2.0002.png": page(2)}
    write_tar(tmp_path / "train.tar", {**files, **samples(5, "01")})
    (problem,) = problems_of(tmp_path)
    assert problem.startswith("train.tar: scan.v2.0001.png, scan.v2.0002.png: are one sample with 2 images")
    assert "first dot (scan)" in problem


def test_what_is_wrong_with_samples(tmp_path):
    files = {
        **samples(0, "01"),
        "000007.cls": b"1",
        "000008.png": page(8),
        "000009.png": page(9),
        "000009.cls": b"\xff",
        "000010.json": b"[1]",
    }
    write_tar(tmp_path / "train.tar", files)
    assert problems_of(tmp_path) == [
        "train.tar: 000009.cls: is not UTF-8 text, or no JSON",
        "train.tar: 000010.json: is JSON, but no object with keys",
        "train.tar: 000007: has a class but no image",
        "train.tar: sample 3: train.tar/000008.png: the label is empty",
        "train.tar: sample 4: train.tar/000009.png: the label is empty",
    ]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_folders_of_classes_in_an_archive(tmp_path, kind):
    files = {"영수증/1.png": page(1), "영수증/a/2.front.png": page(2), "편지/1.png": page(3), "편지/notes.md": b"x"}
    if kind == "tar":
        write_tar(tmp_path / "train.tar", files)
    else:
        write_zip(tmp_path / "train.zip", {name.encode("cp949"): data for name, data in files.items()})
    pages = load_pages(tmp_path)
    assert pages.class_names == ("a", "영수증", "편지"), "the folder that the page itself is in"
    assert pages.train[0].id == f"train.{kind}/영수증/1.png"
    assert pages.notes == ("left out, because they are no pages: 1 files (편지/notes.md)",)
    assert len(check_images(pages.train).pages) == 3


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_a_compressed_archive_is_for_prediction_to_parquet_only(tmp_path, mode):
    write_tar(tmp_path / "pages.tar.x", samples(0, "01"), mode).rename(tmp_path / f"pages.tar.{mode[2:]}")
    (problem,) = problems_of(tmp_path, train_table=f"pages.tar.{mode[2:]}")
    assert "is compressed as a whole" in problem
    assert f" -d pages.tar.{mode[2:]}" in problem
    assert len(list(SourceList([str(tmp_path / f"pages.tar.{mode[2:]}")]).sources())) == 2


def test_an_archive_in_a_class_folder(tmp_path):
    write_tar(tmp_path / "a" / "scans.tar", {"1.png": page(1), "2.png": page(2)})
    write_zip(tmp_path / "b" / "scans.zip", {b"1.png": page(3)})
    pages = load_pages(tmp_path)
    assert [(one.id, one.label) for one in pages.train] == [
        ("a/scans.tar/1.png", 0),
        ("a/scans.tar/2.png", 0),
        ("b/scans.zip/1.png", 1),
    ]
    assert len(check_images(pages.train).pages) == 3


@pytest.mark.parametrize(
    ("names", "read"),
    [
        ([n.encode("cp949") for n in ("계약서/문서_0.png", "확인/똠방각하.png", "plain.png")], None),
        ([n.encode("utf-8") for n in ("계약서/문서_0.png", "plain.png")], None),
        (["café.png".encode("cp437"), b"plain.png"], ["café.png", "plain.png"]),
        ([b"\xb0\xa1.png", b"\x82.png"], ["░í.png", "é.png"]),  # one is no CP949, so none is
    ],
)
def test_names_of_zip_files_that_do_not_say_their_encoding(tmp_path, names, read):
    file = write_zip(tmp_path / "scan.zip", {name: page(number) for number, name in enumerate(names)})
    if read is None:
        codec = "cp949" if names[0] == "계약서/문서_0.png".encode("cp949") else "utf-8"
        read = [name.decode(codec) for name in names]
    assert [source.id for source in SourceList([str(file)]).sources()] == [f"scan.zip/{name}" for name in read]
    found = find_pages([file]).pages
    assert [one.id for one in found] == [f"scan.zip/{name}" for name in read]
    assert [one.path.read() for one in found] == [page(number) for number in range(len(names))]


def test_a_name_in_utf8_that_info_zip_adds(tmp_path):
    import struct
    import zlib

    stored = b"?.png"
    extra = struct.pack("<BI", 1, zlib.crc32(stored)) + "送.png".encode()
    info = _OldName("?.png")
    info.extra = struct.pack("<HH", 0x7075, len(extra)) + extra
    with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
        archive.writestr(info, page(1))
    assert [source.id for source in SourceList([str(tmp_path / "scan.zip")]).sources()] == ["scan.zip/送.png"]


def test_names_of_tar_files_in_cp949(tmp_path):
    with tarfile.open(tmp_path / "scan.tar", "w", encoding="cp949", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("계약서/문서.png")
        info.size = len(page(1))
        archive.addfile(info, io.BytesIO(page(1)))
    assert [source.id for source in SourceList([str(tmp_path / "scan.tar")]).sources()] == ["scan.tar/계약서/문서.png"]
