from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from munseo._data import Page, check_images, fingerprint
from munseo._errors import UserError


@pytest.fixture
def pages(tmp_path, encoded):
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    contents = {
        "가.jpg": encoded(image, "JPEG"),
        "cut.jpg": encoded(image, "JPEG")[:-20],
        "many.tif": encoded(image, "TIFF", save_all=True, append_images=[image, image]),
        "html.png": b"<html></html>",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [Page(name, tmp_path / name, 0) for name in (*contents, "gone.jpg")]


def test_all_unreadable_images_are_named(pages):
    with pytest.raises(UserError) as caught:
        check_images(pages)
    assert "3 of 5 images cannot be read" in caught.value.message
    assert "--on-bad-image skip" in caught.value.message
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["cut.jpg", "html.png", "gone.jpg"]
    assert "cut short" in caught.value.problems[0]
    assert "HTML" in caught.value.problems[1]
    assert caught.value.problems[2] == "gone.jpg: there is no such file"


def test_skip_goes_on_without_them(pages):
    checked = check_images(pages, "skip")
    assert [page.id for page in checked.pages] == ["가.jpg", "many.tif"]
    assert [page.id for page, _ in checked.skipped] == ["cut.jpg", "html.png", "gone.jpg"]
    assert checked.digests == {page.id: hashlib.sha256(page.path.read_bytes()).hexdigest() for page in checked.pages}
    assert checked.notes == ("many.tif: first of 3 pages used",)


def test_nothing_left_and_nothing_given(pages):
    with pytest.raises(UserError, match="none is left"):
        check_images(pages[-1:], "skip")
    assert check_images([]).pages == ()


def test_fingerprint_knows_ids_and_content_and_no_order():
    digests = {"a": "1", "b": "2"}
    assert fingerprint(digests) == fingerprint(dict(reversed(digests.items())))
    others = [{"a": "2", "b": "1"}, {"a": "1"}, {"a": "1", "c": "2"}, {}]
    assert len({fingerprint(digests), *map(fingerprint, others)}) == 5


def test_pdfs_in_threads(tmp_path, encoded):
    data = encoded(Image.new("RGB", (60, 80), "red"), "PDF")
    for number in range(12):
        (tmp_path / f"{number}.pdf").write_bytes(data)
    pages = [Page(str(number), tmp_path / f"{number}.pdf", 0) for number in range(12)]
    assert check_images(pages).pages == tuple(pages)
