"""Folders, patterns, lists, tables and archives become pages in one order, and none is missing or occurs twice."""

from __future__ import annotations

import io
import struct
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from munseo import UserError
from munseo._data.container import archive_bytes, archives
from munseo._data.decoder import decode_pages, decode_stored, has_pages
from munseo._data.stream import SourceList, list_sources, read_sources, stream_pages
from munseo._data.stream.read_ahead import read_ahead
from munseo._prediction.parts_folder import Shard

ALONE = Shard()


def png(shade: int = 0, size=(8, 6)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (shade, 255 - shade, 90)).save(stream, "PNG")
    return stream.getvalue()


def several(format: str, shades, size=(8, 6), **options) -> bytes:
    first, *others = [Image.new("RGB", size, (shade, shade, shade)) for shade in shades]
    stream = io.BytesIO()
    first.save(stream, format, save_all=True, append_images=others, **options)
    return stream.getvalue()


def write(folder: Path, **files: bytes) -> None:
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def rows(*words, shard=ALONE, tmp: Path, **others):
    """Return the ID of all pages of some inputs, with the shade of red or the reason why there is none."""
    wanted = SourceList([str(word) for word in words], **others)
    listing = list_sources(wanted, shard.has, tmp / "listing.parquet")
    pages = list(stream_pages(read_sources(tmp / "listing.parquet"), 0, lambda pixels: int(pixels[0, 0, 0]), 3, 4))
    assert len({page.index for page in pages}) == listing.num_own
    assert [page.index for page in pages] == sorted(page.index for page in pages)
    return [(page.id, str(page.problem) if page.content is None else page.content) for page in pages]


def ids(*words, tmp, **others):
    return [name for name, _ in rows(*words, tmp=tmp, **others)]


@pytest.fixture
def inbox(tmp_path) -> Path:
    folder = tmp_path / "inbox"
    write(
        folder, b_dot_png=png(2), a_dot_png=png(1), sub__c_dot_png=png(3), notes_dot_txt=b"x", _dot_hidden_dot_png=png()
    )
    return folder


def test_a_folder_in_the_order_of_names(inbox, tmp_path):
    assert rows(inbox, tmp=tmp_path) == [("a.png", 1), ("b.png", 2), ("sub/c.png", 3)]


def test_a_pattern(inbox, tmp_path):
    assert ids(f"{inbox}/*.png", tmp=tmp_path) == [f"{inbox}/a.png", f"{inbox}/b.png"]
    assert ids(f"{inbox}/[b-z]*", tmp=tmp_path) == [f"{inbox}/b.png", f"{inbox}/sub/c.png"]
    assert ids(f"{inbox}/**/?.png", tmp=tmp_path) == [f"{inbox}/a.png", f"{inbox}/b.png", f"{inbox}/sub/c.png"]
    with pytest.raises(UserError, match=r"2 of the inputs") as caught:
        SourceList([f"{inbox}/*.bmp", str(inbox / "nowhere")]).check()
    assert len(caught.value.problems) == 2


def test_a_name_with_signs_of_a_pattern_is_the_file(tmp_path):
    write(tmp_path, **{"a[1]_dot_png": png(7)})
    assert rows(tmp_path / "a[1].png", tmp=tmp_path) == [("a[1].png", 7)]


def test_a_list_of_paths(inbox, tmp_path):
    listed = tmp_path / "stdin.txt"
    listed.write_bytes(f"{inbox}/b.png\r\n\n{inbox}/gone.png\n{inbox}/sub\n".encode() + b"\xff.png\n")
    found = rows("-", tmp=tmp_path, stdin_file=listed)
    assert found == [
        (f"{inbox}/b.png", 2),
        (f"{inbox}/gone.png", "there is no such file"),
        (f"{inbox}/sub", "is not a file"),
        ("\\udcff.png", "there is no such file"),
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table(inbox, tmp_path, kind):
    table = pd.DataFrame({"target": ["", "", "", ""], "ID": ["b.png", "sub/c", "gone.png", "../up.png"]})
    file = inbox / f"list.{kind}"
    table.to_csv(file, index=False) if kind == "csv" else table.to_parquet(file)
    found = rows(file, tmp=tmp_path)
    assert found[:2] == [("b.png", 2), ("sub/c", 3)]
    assert "no such file" in found[2][1]
    assert "'..'" in found[3][1]
    with pytest.raises(UserError, match="no column 'name'"):
        rows(file, tmp=tmp_path, id_column="name")


LEAVES = "is a link that leaves the folder; follow_links (--follow-links) reads it"


def test_links_that_leave_the_folder(inbox, tmp_path):
    write(tmp_path, secret_dot_png=png(9))
    (inbox / "z.png").symlink_to(tmp_path / "secret.png")
    (inbox / "y.png").symlink_to(inbox / "a.png")
    assert rows(inbox, tmp=tmp_path)[-2:] == [("y.png", 1), ("z.png", LEAVES)]
    assert [row for row in rows(inbox, tmp=tmp_path, follow_links=True) if row[0] == "z.png"] == [("z.png", 9)]


def test_ids_that_occur_twice_are_named(inbox, tmp_path):
    other = tmp_path / "other"
    write(other, a_dot_png=png(), x_dot_png=png())
    with pytest.raises(UserError, match="1 files have an ID") as caught:
        rows(inbox, other, tmp=tmp_path)
    assert caught.value.problems == [f"a.png: {other}/a.png and {inbox}/a.png"]


def test_nothing_there(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no images there"):
        rows(tmp_path / "empty", tmp=tmp_path)


def test_pages_of_pdf_and_tiff(tmp_path):
    folder = tmp_path / "in"
    write(folder, one_dot_tif=several("TIFF", [5]), three_dot_tif=several("TIFF", [10, 20, 30]))
    write(folder, two_dot_pdf=several("PDF", [40, 250]), a_dot_png=png(1))
    found = rows(folder, tmp=tmp_path)
    assert [name for name, _ in found] == [
        "a.png", "one.tif", "three.tif#1", "three.tif#2", "three.tif#3", "two.pdf#1", "two.pdf#2",
    ]  # fmt: skip
    assert np.allclose([shade for _, shade in found], [1, 5, 10, 20, 30, 40, 250], atol=2)


def test_every_page_of_a_tiff_is_what_it_would_be_alone(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    images = [Image.fromarray(noise), Image.fromarray(noise[:, :9, 0]), Image.fromarray(noise).convert("1")]
    stream = io.BytesIO()
    images[0].save(stream, "TIFF", save_all=True, append_images=images[1:])
    for page, image in zip(decode_pages(stream.getvalue()), images, strict=True):
        alone = io.BytesIO()
        image.save(alone, "TIFF")
        assert np.array_equal(page.pixels, decode_stored(alone.getvalue()))


def test_only_formats_with_pages_have_to_be_counted():
    assert [has_pages(data) for data in (several("TIFF", [5]), several("PDF", [5]))] == [True, True]
    assert [has_pages(data) for data in (png(1), b"", b"nothing that is known")] == [False, False, False]


def test_a_damaged_page_does_not_cost_the_others():
    data = bytearray(several("TIFF", [10, 20, 30], size=(64, 64), compression="tiff_lzw"))
    with Image.open(io.BytesIO(data)) as image:
        image.seek(1)
        place, length = image.tag_v2[273][0], image.tag_v2[279][0]
    data[place : place + length] = b"\xff" * length
    pages = list(decode_pages(bytes(data)))
    assert [page.problem is None for page in pages] == [True, False, True]
    assert pages[2].pixels[0, 0, 0] == 30


def test_a_file_of_too_many_pages(monkeypatch):
    monkeypatch.setattr("munseo._data.decoder.MAX_PAGES", 3)
    for format in ("TIFF", "PDF"):
        pages = list(decode_pages(several(format, [1, 2, 3, 4, 5])))
        assert [page.problem is None for page in pages] == [True, True, True, False]
        assert "no more than 3 pages" in str(pages[-1].problem)
        assert {page.num_pages for page in pages} == {4}
        assert len(list(decode_pages(several(format, [1, 2, 3])))) == 3


def make_zip(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def make_tar(path: Path, mode: str, **files: bytes) -> Path:
    with tarfile.open(path, f"w:{mode}") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


NAMES = {"../up.png": png(1), "/etc/passwd.png": png(2), "가/나.png": png(3), "a\\b.png": png(4), "n\n.png": png(5)}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_archives_with_hostile_names(tmp_path, kind):
    files = {**NAMES, "notes.txt": b"x", "__MACOSX/._a.png": b"x", "in.zip": b"PK", "two.tif": several("TIFF", [6, 7])}
    file = tmp_path / f"a.{kind}"
    make_zip(file, **files) if kind == "zip" else make_tar(file, kind[4:], **files)
    before = set(tmp_path.parent.rglob("*"))
    found = rows(file, tmp=tmp_path)
    assert found == [
        (f"{file.name}/../up.png", 1),
        (f"{file.name}//etc/passwd.png", 2),
        (f"{file.name}/가/나.png", 3),
        (f"{file.name}/a\\b.png", 4),
        (f"{file.name}/n\n.png", 5),
        (f"{file.name}/in.zip", "is an archive in an archive; unpack it"),
        (f"{file.name}/two.tif#1", 6),
        (f"{file.name}/two.tif#2", 7),
    ]
    assert set(tmp_path.parent.rglob("*")) == before | {tmp_path / "listing.parquet"}, "nothing is unpacked"
    shards = [row for number in range(3) for row in rows(file, tmp=tmp_path, shard=Shard(number, 3))]
    assert sorted(map(str, shards)) == sorted(map(str, found))


def test_an_archive_in_a_folder_and_a_name_that_it_has_twice(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    with tarfile.open(folder / "b.tar", "w") as archive:
        for shade in (1, 2):
            info = tarfile.TarInfo("x.png")
            info.size = len(png(shade))
            archive.addfile(info, io.BytesIO(png(shade)))
        for name, kind in (("l.png", tarfile.SYMTYPE), ("h.png", tarfile.LNKTYPE), ("d.png", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    write(folder, a_dot_png=png(5))
    assert rows(folder, tmp=tmp_path) == [
        ("a.png", 5),
        ("b.tar/x.png", 1),
        ("b.tar/x.png (2)", 2),
        ("b.tar/l.png", "is a link in an archive"),
        ("b.tar/h.png", "is a link in an archive"),
        ("b.tar/d.png", "is no file in an archive"),
    ]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_damaged_archives_are_rows(tmp_path, kind):
    file = tmp_path / f"a.{kind}"
    files = {f"{n}.png": png(n, (64, 64)) + bytes(600) for n in range(9)}
    make_zip(file, **files) if kind == "zip" else make_tar(file, kind[4:], **files)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    found = dict(rows(file, tmp=tmp_path))
    assert "damaged" in found[file.name]
    file.write_bytes(b"")
    assert "damaged" in dict(rows(file, tmp=tmp_path))[file.name]


def test_a_tar_with_rubbish_in_its_middle_says_so(tmp_path):
    file = make_tar(tmp_path / "a.tar", "", **{"a.png": png(1), "b.png": png(2)})
    data = bytearray(file.read_bytes())
    second = bytes(data).index(b"b.png")
    data[second : second + 512] = b"\x07" * 512
    file.write_bytes(data)
    found = rows(file, tmp=tmp_path)
    assert found[0] == ("a.tar/a.png", 1)
    assert "files may be missing" in dict(found)["a.tar"]


def test_a_damaged_member_and_one_with_a_password(tmp_path):
    file = make_zip(tmp_path / "a.zip", **{"a.png": png(1, (80, 80)), "b.png": png(2), "c.png": png(3)})
    data = bytearray(file.read_bytes())
    data[45] ^= 0xFF
    central = bytes(data).rindex(b"PK\x01\x02")
    flags = struct.unpack_from("<H", data, central + 8)[0]
    struct.pack_into("<H", data, central + 8, flags | 1)
    file.write_bytes(data)
    found = dict(rows(file, tmp=tmp_path))
    assert "cannot be read from its archive" in found["a.zip/a.png"]
    assert found["a.zip/b.png"] == 2
    assert "password" in found["a.zip/c.png"]


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_member_that_is_too_large_is_not_read(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 2000)
    monkeypatch.setattr(archive_bytes, "MAX_MEMBER_BYTES", 2000)
    file = tmp_path / f"a.{kind}"
    files = {"bomb.png": bytes(5_000_000), "b.png": png(2)}
    make_zip(file, **files) if kind == "zip" else make_tar(file, kind[4:], **files)
    found = dict(rows(file, tmp=tmp_path))
    assert "larger than 2,000 bytes" in found[f"a.{kind}/bomb.png"]
    assert found[f"a.{kind}/b.png"] == 2
    if kind == "zip":
        data = bytearray(file.read_bytes())
        struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 100)
        file.write_bytes(data)
        assert "cannot be read" in dict(rows(file, tmp=tmp_path))["a.zip/bomb.png"], "it lies about its size"


def test_shards_part_the_files(inbox, tmp_path):
    parts = [rows(inbox, tmp=tmp_path, shard=Shard(number, 2)) for number in range(2)]
    assert parts == [[("a.png", 1), ("sub/c.png", 3)], [("b.png", 2)]]
    listings = [list_sources(SourceList([str(inbox)]), Shard(number, 2).has, None) for number in range(2)]
    assert listings[0].ids_sha256 == listings[1].ids_sha256
    assert [(one.num_sources, one.num_own) for one in listings] == [(3, 2), (3, 1)]


def test_a_list_is_read_from_any_place(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02d}.png").touch()
    list_sources(SourceList([str(folder)]), Shard().has, tmp_path / "listing.parquet")
    for start in (0, 7, 29, 30):
        names = [source.id for source in read_sources(tmp_path / "listing.parquet", start)]
        assert names == [f"{number:02d}.png" for number in range(start, 30)]


def test_reading_ahead_keeps_the_order_and_its_bound():
    lock, waiting, most = threading.Lock(), 0, 0

    def read(source: int):
        nonlocal waiting, most
        for page in range(source % 5 + 1):
            time.sleep(0.0002 * (source * 7 % 3))
            with lock:
                waiting += 1
                most = max(most, waiting)
            yield source, page

    found = []
    for page in read_ahead(range(60), read, num_threads=4, num_pages=6):
        found.append(page)
        with lock:
            waiting -= 1
    assert found == [(source, page) for source in range(60) for page in range(source % 5 + 1)]
    assert most <= 6 + 4 + 1


def test_an_error_in_a_thread_is_raised_and_ends_the_threads():
    def read(source: int):
        if source == 5:
            raise RuntimeError("five")
        yield source

    before = threading.active_count()
    pages = read_ahead(range(9), read, 3, 3)
    assert [next(pages) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(RuntimeError, match="five"):
        next(pages)
    assert threading.active_count() == before
    pages = read_ahead(range(1000), lambda source: [source], 3, 3)
    assert next(pages) == 0
    pages.close()
    assert threading.active_count() == before
