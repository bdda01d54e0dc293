"""The cache of decoded pages gives the same bits as decoding, whatever happens to the images, files and folder."""

from __future__ import annotations

import hashlib
import pickle

import cv2
import numpy as np
import pytest

from munseo._data import Page, cache_pages, decode, letterbox, square
from munseo._data.cache.cached_page import CachedPage
from munseo._data.cache.pack import ENTRY_BYTES
from munseo._data.cache.pack_storage import pack_files

SIZE = 48


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def pages(tmp_path):
    """Colour and grey pages: larger than the square, smaller, and of its size."""
    made = []
    shapes = [(97, 64, 3), (64, 97, 1), (20, 31, 3), (48, 36, 1), (1, 90, 3), (48, 48, 3)]
    for number, shape in enumerate(shapes):
        path = tmp_path / f"{number}.png"
        write(path, number, shape)
        made.append(Page(path.stem, path, number % 2))
    return made


def write(path, seed, shape):
    path.write_bytes(cv2.imencode(".png", np.random.default_rng(seed).integers(0, 256, shape, np.uint8))[1].tobytes())


def cached(pages, folder, *sizes):
    digests = [hashlib.sha256(page.path.read_bytes()).hexdigest() for page in pages]
    return cache_pages(pages, digests, sizes or (SIZE,), folder)


def straight(page, size=SIZE):
    return letterbox(decode(page.path), size)


def assert_right(pages, size=SIZE):
    for page in pages:
        found = square(page, size)
        assert np.array_equal(found, straight(page, size)), page.id
        found[:] = 7  # the caller may write into it, and the cache stays as it is
        assert np.array_equal(square(page, size), straight(page, size)), page.id


def test_the_same_bits_as_without(pages, folder):
    found = cached(pages, folder)
    assert all(isinstance(page, CachedPage) for page in found)
    assert [(page.id, page.path, page.label) for page in found] == [(page.id, page.path, page.label) for page in pages]
    assert_right(found)


def test_the_files_are_not_needed_any_more(pages, folder):
    found, expected = cached(pages, folder), [straight(page) for page in pages]
    for page in pages:
        page.path.unlink()
    assert all(np.array_equal(square(page, SIZE), whole) for page, whole in zip(found, expected, strict=True))


def test_other_sizes_are_decoded_or_cached_for_themselves(pages, folder):
    assert_right(cached(pages, folder), 33)
    both = cached(pages, folder, 33, SIZE)
    assert [{place.pack.size_px for place in page.places} for page in both] == [{33, SIZE}] * len(pages)
    assert_right(both, 33)
    assert_right(both, SIZE)


def test_grey_pages_have_one_channel(pages, folder):
    cached(pages, folder)
    boxes = [(48, 32, 3), (32, 48, 1), (31, 48, 3), (48, 36, 1), (1, 48, 3), (48, 48, 3)]
    (file,) = pack_files(folder)
    assert file.stat().st_size == sum(h * w * c for h, w, c in boxes) + ENTRY_BYTES * len(boxes) + 20


def test_equal_images_are_kept_once(pages, folder, tmp_path):
    twin = Page("twin", tmp_path / "twin.png", None)
    twin.path.write_bytes(pages[0].path.read_bytes())
    found = cached([*pages, twin], folder)
    assert found[-1].places == found[0].places
    assert_right(found)


def test_a_second_run_decodes_nothing(pages, folder, capsys):
    cached(pages, folder)
    (file,) = pack_files(folder)
    written = file.stat().st_ino
    capsys.readouterr()
    again = cached(pages[1:4], folder)  # another split of the same images
    assert "of 3 pages at 48 px 3 were there, 0 are new" in capsys.readouterr().err
    assert [path.stat().st_ino for path in pack_files(folder)] == [written]
    assert_right(again)


def test_a_changed_image_is_noticed(pages, folder, capsys):
    cached(pages, folder)
    write(pages[2].path, 99, (50, 20, 3))
    capsys.readouterr()
    found = cached(pages, folder)
    assert "6 pages at 48 px 5 were there, 1 are new" in capsys.readouterr().err
    assert_right(found)


def test_an_image_that_changes_while_the_run_starts_is_not_cached(pages, folder, capsys):
    digests = [hashlib.sha256(page.path.read_bytes()).hexdigest() for page in pages]
    write(pages[0].path, 99, (50, 20, 3))
    pages[1].path.unlink()
    found = cache_pages(pages, digests, [SIZE], folder)
    assert "4 are new, 2 are decoded anew each time" in capsys.readouterr().err
    assert found[:2] == pages[:2]
    assert_right([found[0], *found[2:]])


def test_pages_travel_to_workers(pages, folder):
    again = pickle.loads(pickle.dumps(cached(pages, folder)))
    assert len({id(page.places[0].pack) for page in again}) == 1, "one open file, not one a page"
    assert_right(again)


def test_a_worker_that_finds_another_file_or_none_decodes(pages, folder, capsys):
    found = cached(pages, folder)
    sent = pickle.dumps(found)
    (file,) = pack_files(folder)
    whole = file.read_bytes()
    file.unlink()
    assert_right(pickle.loads(sent))
    assert capsys.readouterr().err.count("is gone or damaged") == 1, "said once, not once a page"
    cached(pages[::-1], folder)
    (other,) = pack_files(folder)
    other.rename(file)
    assert_right(pickle.loads(sent))
    file.write_bytes(whole)
    assert_right(pickle.loads(sent))
    assert_right(found)


@pytest.mark.parametrize("harm", ["cut", "pixels", "index", "end", "empty"])
def test_a_damaged_file_is_replaced(pages, folder, capsys, harm):
    cached(pages, folder)
    (file,) = pack_files(folder)
    content = bytearray(file.read_bytes())
    places = {"pixels": 100, "index": len(content) - 100, "end": len(content) - 1}
    if harm in places:
        content[places[harm]] ^= 1
    file.write_bytes(content[: {"cut": -1000, "empty": 0}.get(harm, len(content))])
    capsys.readouterr()
    found = cached(pages, folder)
    told = capsys.readouterr().err
    assert "is damaged; its pages are decoded again" in told
    assert "0 were there, 6 are new" in told
    assert_right(found)
    cached(pages, folder)
    assert "6 were there, 0 are new" in capsys.readouterr().err


def test_without_a_usable_folder_the_pages_are_right(pages, tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    found = cached(pages, tmp_path / "file")
    assert "pages are decoded anew each time" in capsys.readouterr().err
    assert found == pages
    assert_right(found)
