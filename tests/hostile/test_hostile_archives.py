"""ZIP and TAR archives for prediction: nothing is unpacked to the disk, and no member exceeds the memory limit."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from bounds import memory_below
from made import encoded, photo

from munseo._data.container.archive_bytes import MAX_MEMBER_BYTES, read_member
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.stream import SourceList

PAGE = encoded(photo(), "PNG")
NAMES = ("../../etc/passwd.png", "/etc/passwd.png", "a/../../b.png", "..\\c.png", "C:\\d.png", "fine/e.png")


def make_zip(path: Path, names=NAMES, data: bytes = PAGE) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, data)
    return path


def make_tar(path: Path, names=NAMES) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(PAGE)
            archive.addfile(info, io.BytesIO(PAGE))
    return path


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_names_that_lead_out_are_names_and_nothing_more(tmp_path, ending):
    path = tmp_path / f"pages.{ending}"
    (make_zip if ending == "zip" else make_tar)(path)
    before = sorted(tmp_path.rglob("*"))
    sources = list(SourceList([str(path)]).sources())
    assert [source.id for source in sources] == [f"pages.{ending}/{name}" for name in NAMES]
    for source in sources:
        assert source.member is not None
    assert ending == "tar.gz" or all(read_member(str(path), source.member) == PAGE for source in sources)
    assert sorted(tmp_path.rglob("*")) == before, "nothing was unpacked"


def test_links_devices_and_fifos_in_a_tar(tmp_path):
    path = tmp_path / "pages.tar"
    with tarfile.open(path, "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"x{kind.decode()}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert all(source.problem for source in SourceList([str(path)]).sources())


def test_a_packed_bomb(tmp_path):
    path = make_zip(tmp_path / "bomb.zip", ["a.png"], b"\0" * (MAX_MEMBER_BYTES + 1))
    assert path.stat().st_size < 2_000_000
    (source,) = SourceList([str(path)]).sources()
    assert "larger than" in str(source.problem)


def test_a_member_that_is_larger_than_it_claims(tmp_path):
    path = make_zip(tmp_path / "lie.zip", ["a.png"], b"\0" * 100_000_000)
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\1\2")
    struct.pack_into("<I", data, place + 24, 1000)  # the size in the table of contents
    path.write_bytes(data)
    (source,) = SourceList([str(path)]).sources()
    assert source.member is not None
    with memory_below(60), pytest.raises(UnreadableError):
        read_member(str(path), source.member)


@pytest.mark.parametrize("kind", [b"x", b"L", b"g"])
def test_a_tar_whose_words_about_a_member_claim_gigabytes(tmp_path, kind):
    info = tarfile.TarInfo("pax")
    info.type, info.size = kind, 2 * 2**30
    path = tmp_path / "words.tar.gz"
    with gzip.open(path, "wb", 1) as stream:
        stream.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(64):
            stream.write(b"\0" * 2**20)
    with memory_below(60):
        (source,) = SourceList([str(path)]).sources()
    assert "name of more than 1,048,576 bytes" in str(source.problem)


def test_a_tar_whose_sparse_map_never_ends(tmp_path):
    path = tmp_path / "map.tar.gz"
    info = tarfile.TarInfo("a.png")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a.png"}
    info.size = 2**33
    with gzip.open(path, "wb", 1) as stream:
        stream.write(info.tobuf(tarfile.PAX_FORMAT))
        stream.write(b"999999999\n")
        for _ in range(64):
            stream.write(b"1\n" * 2**19)
    with memory_below(60):
        (source,) = SourceList([str(path)]).sources()
    assert "name of more than 1,048,576 bytes" in str(source.problem)


def test_a_tar_that_leads_back_to_its_start_ends(tmp_path):
    path = make_tar(tmp_path / "circle.tar", ["a.png"])
    info = tarfile.TarInfo("b.png")
    info.size = -2 * tarfile.BLOCKSIZE - len(PAGE)  # of which Python before 3.11.14 makes a step back
    start = tarfile.BLOCKSIZE + -(-len(PAGE) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    path.write_bytes(path.read_bytes()[:start] + info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024)
    assert [source.problem is None for source in SourceList([str(path)]).sources()] == [True, False]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz"])
def test_a_fifo_named_as_an_archive(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for word in (tmp_path / name, tmp_path / f"*{name[1:]}"):
        (source,) = SourceList([str(word)]).sources()
        assert str(source.problem) == "is not a file"
    assert list(SourceList([str(tmp_path)]).sources()) == []


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_what_is_no_archive(tmp_path, ending):
    for number, data in enumerate([b"", b"PK", b"<html>", b"\x1f\x8b" + b"\xff" * 50, b"\0" * 100, PAGE]):
        path = tmp_path / f"{number}.{ending}"
        path.write_bytes(data)
        assert all(source.problem for source in SourceList([str(path)]).sources())


def test_archives_in_archives_are_not_followed(tmp_path):
    inner = make_zip(tmp_path / "inner.zip", ["a.png"]).read_bytes()
    path = make_zip(tmp_path / "outer.zip", ["inner.zip"], inner)
    (source,) = SourceList([str(path)]).sources()
    assert source.problem == ImageProblem(ProblemCode.ARCHIVE_IN_ARCHIVE)
