"""Files that an earlier run checked are not decoded again, and every result is the same as without that."""

import cv2
import numpy as np
import pytest
from PIL import Image

from munseo._data import CheckedFiles, Page, check_images, image_check
from munseo._data.cache.cache_contents import clear_cache, list_cache
from munseo._data.cache.checked_files import PAIRS_SUFFIX
from munseo._errors import UserError


@pytest.fixture
def pages(tmp_path):
    """Three pages that can be read."""
    made = []
    for number in range(3):
        file = tmp_path / f"{number}.png"
        pixels = np.random.default_rng(number).integers(0, 255, (60, 40 + number, 3), np.uint8)
        cv2.imwrite(str(file), pixels)
        made.append(Page(file.name, file, number))
    return made


@pytest.fixture
def decoded(monkeypatch):
    """The names of the pages that are decoded, as they are decoded."""
    names = []
    inspect = image_check.inspect
    monkeypatch.setattr(
        image_check, "inspect", lambda data, name, look: (names.append(name), inspect(data, name, look))[1]
    )
    return names


def check(pages, folder, thumbnails=True, on_bad_image="skip"):
    """Check pages as a run does: with the files that earlier ones knew."""
    known = CheckedFiles(folder)
    try:
        return check_images(pages, on_bad_image, thumbnails, known)
    finally:
        known.close()


def assert_equal(checked, other):
    assert (checked.pages, checked.skipped, checked.digests) == (other.pages, other.skipped, other.digests)
    assert checked.notes == other.notes
    assert checked.thumbnails.keys() == other.thumbnails.keys()
    for name, thumbnail in checked.thumbnails.items():
        np.testing.assert_array_equal(thumbnail, other.thumbnails[name])


def test_known_files_are_not_decoded_again(pages, tmp_path, decoded):
    expected = check_images(pages, thumbnails=True)
    decoded.clear()
    assert_equal(check(pages, tmp_path / "cache"), expected)
    assert sorted(decoded) == ["0.png", "1.png", "2.png"]
    decoded.clear()
    again = [Page(f"renamed-{page.id}", page.path, page.label) for page in pages]
    found = check(again, tmp_path / "cache")
    assert decoded == []
    assert [*found.digests.values()] == [*expected.digests.values()]
    assert_equal(check(pages, tmp_path / "cache"), expected)


def test_a_changed_file_is_decoded_and_a_bad_one_is_refused_every_time(pages, tmp_path, decoded):
    check(pages, tmp_path / "cache")
    pages[1].path.write_bytes(pages[0].path.read_bytes())
    pages[2].path.write_bytes(pages[2].path.read_bytes()[:500])
    for _ in range(2):
        decoded.clear()
        with pytest.raises(UserError, match=r"1 of 3 images cannot be read"):
            check(pages, tmp_path / "cache", on_bad_image="fail")
        assert decoded == ["2.png"], "the second page is now the content of the first one, which is known"
    decoded.clear()
    content = bytearray(pages[0].path.read_bytes())
    pages[1].path.write_bytes(content + b"appended")
    check(pages, tmp_path / "cache")
    assert sorted(decoded) == ["1.png", "2.png"]


def test_what_a_run_says_about_a_file_is_said_by_every_run(tmp_path):
    sheets = [Image.new("RGB", (30, 40), "white") for _ in range(2)]
    sheets[0].save(tmp_path / "two.tif", save_all=True, append_images=sheets[1:])
    sheets[0].save(tmp_path / "fax.tif", dpi=(100, 200))
    pages = [Page(name, tmp_path / name, 0) for name in ("two.tif", "fax.tif")]
    expected = check_images(pages, thumbnails=True)
    assert len(expected.notes) == 2
    for _ in range(2):
        assert_equal(check(pages, tmp_path / "cache"), expected)


def test_a_file_is_decoded_again_when_its_thumbnail_is_needed_for_the_first_time(pages, tmp_path, decoded):
    folder = tmp_path / "cache"
    assert check(pages, folder, thumbnails=False).thumbnails == {}
    decoded.clear()
    assert check(pages, folder, thumbnails=False).thumbnails == {}
    assert decoded == []
    expected = check_images(pages, thumbnails=True)
    decoded.clear()
    assert_equal(check(pages, folder), expected)
    assert len(decoded) == 3
    decoded.clear()
    assert_equal(check(pages, folder), expected)
    assert check(pages, folder, thumbnails=False).thumbnails == {}
    assert decoded == []


def test_damaged_thumbnails_are_made_again(pages, tmp_path, decoded):
    expected = check(pages, tmp_path / "cache")
    (pack,) = (tmp_path / "cache").rglob("*.pages")
    content = bytearray(pack.read_bytes())
    content[5] ^= 255
    pack.write_bytes(content)
    decoded.clear()
    assert_equal(check(pages, tmp_path / "cache"), expected)
    assert len(decoded) == 1
    pack.write_bytes(content[:-1])
    assert_equal(check(pages, tmp_path / "cache"), expected)


def test_copies_are_looked_for_once_for_the_same_files(tmp_path):
    searches = []

    def find(pairs):
        return lambda: (searches.append(pairs), pairs)[1]

    known = CheckedFiles(tmp_path)
    assert known.copies(["aa", "bb", "cc"], find([(0, 2)])) == [(0, 2)]
    assert known.copies(["aa", "bb", "cc"], find([(0, 1)])) == [(0, 2)], "found before"
    assert known.copies(["bb", "aa", "cc"], find([(1, 2)])) == [(1, 2)], "indices depend on the order"
    assert searches == [[(0, 2)], [(1, 2)]]
    for damaged in ("", "[[0, 3]]", "[[1, 0]]", "[[-1, 0]]", '{"a": 1}', "[[0, 1, 2]]", '[["0", "1"]]', "[[0, 1.5]]"):
        for file in tmp_path.rglob(f"*{PAIRS_SUFFIX}"):
            file.write_text(damaged)
        assert known.copies(["aa", "bb", "cc"], find([(0, 2)])) == [(0, 2)], damaged


def test_a_folder_that_cannot_be_made_is_no_hindrance(pages, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert_equal(check(pages, tmp_path / "cache"), check_images(pages, thumbnails=True))
    assert CheckedFiles(tmp_path / "cache").copies(["aa", "bb"], lambda: [(0, 1)]) == [(0, 1)]


def test_thumbnails_are_listed_and_deleted_with_the_cache(pages, tmp_path):
    check(pages, tmp_path / "cache")
    CheckedFiles(tmp_path / "cache").copies(["aa", "bb"], lambda: [(0, 1)])
    (entry,) = list_cache(tmp_path / "cache").entries
    assert (entry.image_size, entry.num_pages, entry.current, entry.thumbnails) == (96, 3, True, True)
    assert not entry.in_use
    assert clear_cache(tmp_path / "cache").num_bytes == entry.num_bytes
    assert not [*(tmp_path / "cache").rglob("*px-*")]
