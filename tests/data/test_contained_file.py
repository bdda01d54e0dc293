"""A page in an archive or a table is the same page as its file: same content, same pixels, in every process."""

from __future__ import annotations

import multiprocessing
import tarfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from munseo._data import CheckedFiles, cache_pages, check_images, fingerprint, load_pages, square
from munseo._data.page import Page

SIZE_PX = 16


def content(number: int) -> bytes:
    shape = np.random.default_rng(number).integers(0, 255, (20 + number, 30, 3), dtype=np.uint8)
    return cv2.imencode(".png", shape)[1].tobytes()


@pytest.fixture(params=["tar", "zip", "parquet"])
def folder(request, tmp_path) -> Path:
    """The same ten pages of two classes as files in ``files`` and in a container in ``data``."""
    data = tmp_path / "data"
    data.mkdir()
    contents = {f"{'ab'[number % 2]}/{number}.png": content(number) for number in range(10)}
    for name, one in contents.items():
        (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / name).write_bytes(one)
    if request.param == "tar":
        with tarfile.open(data / "train.tar", "w") as archive:
            for name in contents:
                archive.add(tmp_path / "files" / name, name)
    elif request.param == "zip":
        with zipfile.ZipFile(data / "train.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, one in contents.items():
                archive.writestr(name, one)
    else:
        rows = [{"image": {"bytes": one, "path": name}, "label": name[0]} for name, one in contents.items()]
        pq.write_table(pa.Table.from_pylist(rows), data / "train.parquet", row_group_size=4)
    return tmp_path


def both(folder: Path) -> tuple[list[Page], list[Page]]:
    """Return the pages of the container and those of the files, in the same order."""
    packed, files = load_pages(folder / "data").train, load_pages(folder / "files").train
    by_name = {page.id: page for page in files}
    return list(packed), [by_name[page.id.partition("/")[2]] for page in packed]


def test_content_class_and_pixels_are_those_of_the_file(folder):
    packed, files = both(folder)
    assert len(packed) == 10
    assert [page.label for page in packed] == [page.label for page in files]
    digests = [list(check_images(pages).digests.values()) for pages in (packed, files)]
    assert digests[0] == digests[1]
    for one, other in zip(packed, files, strict=True):
        assert np.array_equal(square(one, SIZE_PX), square(other, SIZE_PX))


def test_the_cache_knows_a_page_wherever_it_is(folder, capsys):
    packed, files = both(folder)
    cache = folder / "cache"
    known = CheckedFiles(cache)
    checked = check_images(files, known=known)
    known.close()
    cache_pages(files, list(checked.digests.values()), [SIZE_PX], cache)
    known = CheckedFiles(cache)
    again = check_images(packed, known=known)
    known.close()
    assert fingerprint(dict(enumerate_values(again))) == fingerprint(dict(enumerate_values(checked)))
    cached = cache_pages(packed, list(again.digests.values()), [SIZE_PX], cache)
    assert "of 10 pages at 16 px 10 were there, 0 are new" in capsys.readouterr().err
    (next((folder / "data").iterdir())).unlink()
    for one, other in zip(cached, files, strict=True):
        assert np.array_equal(square(one, SIZE_PX), square(other, SIZE_PX)), "the container is needed no more"


def enumerate_values(checked) -> list[tuple[str, str]]:
    return [(str(number), digest) for number, digest in enumerate(checked.digests.values())]


def _squares(pages: list[Page]) -> list[bytes]:
    return [square(page, SIZE_PX).tobytes() for page in pages]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same_pages(folder, method):
    """A forked one while this one has the container open and is in the middle of it."""
    packed, files = both(folder)
    packed[5].path.read()
    order = [7, 2, 9, 0, 5]
    with multiprocessing.get_context(method).Pool(2) as pool:
        read = pool.map(_squares, [[packed[index]] for index in order])
    assert [one for (one,) in read] == _squares([files[index] for index in order])
