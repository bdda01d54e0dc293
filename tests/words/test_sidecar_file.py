import time
from pathlib import Path

import numpy as np
import pytest

from munseo._errors import UserError
from munseo._words import sidecar_file
from munseo._words.sidecar_file import MOST_LETTERS, MOST_WORDS, find_sidecar, read_sidecar, words_of_text

HOCR = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<html><head><title>scan</title><style>.ocrx_word { color: red }</style></head><body>
<div class='ocr_page' id='page_1' title='image "/etc/passwd"; bbox 0 0 1000 2000; ppageno 0'>
 <!-- <span class='ocrx_word' title='bbox 0 0 9 9; x_wconf 9'>comment</span> -->
 <span class='ocr_line' title="bbox 100 100 700 150">
  <span class='ocrx_word' id='w1' title='bbox 100 100 300 150; x_wconf 96'><strong>Invoice</strong></span>
  <span class="ocrx_word" title="bbox 400 100 500 150; x_wconf 40">R&amp;D</span>
  <span class='ocrx_word' title='bbox 510 100 520 150; x_wconf 95'> </span>
  <span class='ocrx_word' title='bbox 510 100 9999 -5; x_wconf 300'>진단<span>서</span></span>
 </span>
</div>
<div class='ocr_page' title='bbox 0 0 10 10'><span class='ocrx_word' title='bbox 1 1 2 2; x_wconf 9'>second</span></div>
</body></html>"""


def hocr(tmp_path: Path, text: str):
    file = tmp_path / "page.hocr"
    file.write_text(text, encoding="utf-8")
    return read_sidecar(file)


def test_words_of_hocr_have_places_and_confidences(tmp_path: Path) -> None:
    page = hocr(tmp_path, HOCR)
    assert page.words == ("Invoice", "R&D", "진단서")
    assert page.source == "sidecar"
    # What lies outside of the page is moved to its edge.
    np.testing.assert_allclose(
        page.boxes, [[0.1, 0.05, 0.3, 0.075], [0.4, 0.05, 0.5, 0.075], [0.51, 0.05, 1, 0.05]], atol=1e-6
    )
    np.testing.assert_allclose(page.confidences, [0.96, 0.4, 1.0], atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        ("bbox 0 0 1000 2000", "bbox 1000 2000 0 0"),  # a page without size
        ("bbox 0 0 1000 2000", ""),
        ("bbox 400 100 500 150", "bbox 400 100 500"),  # a word without a box
        ("bbox 400 100 500 150", "bbox 1e9 inf nan 3"),
        ("bbox 400 100 500 150", "bbox 99999999999999999999 1 2 3"),
    ],
)
def test_without_every_box_there_are_none_and_the_words_stay(tmp_path: Path, change: tuple[str, str]) -> None:
    page = hocr(tmp_path, HOCR.replace(*change))
    assert page.words == ("Invoice", "R&D", "진단서")
    assert page.boxes is None


def test_without_every_confidence_there_are_none(tmp_path: Path) -> None:
    page = hocr(tmp_path, HOCR.replace("x_wconf 40", ""))
    assert page.confidences is None
    assert page.boxes is not None


@pytest.mark.parametrize(
    "text",
    [
        "<" * 200_000,
        "<span " * 30_000,
        "<!-- " * 40_000,
        "<span class='ocrx_word' title='" * 8_000,
        "<span class='ocrx_word'>" * 10_000 + "deep",
        "<a title='" + "bbox 1 " * 30_000,
        "&lt;" * 50_000,
        "\0\x07" * 50_000,
        HOCR.replace("Invoice", "&a;&b;" * 1000),
    ],
    ids=range(9),
)
def test_hostile_hocr_ends_soon_and_has_few_words(tmp_path: Path, text: str) -> None:
    started = time.process_time()
    page = hocr(tmp_path, text)
    # Linear time: milliseconds. Quadratic time would take minutes.
    assert time.process_time() - started < 20
    assert len(page.words) <= 3
    assert all(len(word) <= MOST_LETTERS for word in page.words)


def test_words_are_bounded_and_printable(tmp_path: Path) -> None:
    many = words_of_text("w " * (MOST_WORDS + 50), "column")
    assert len(many.words) == MOST_WORDS
    page = words_of_text(f"a\x00b\u202e {'x' * 5000} \x1b[31m", "column")
    assert page.words == ("ab", "x" * MOST_LETTERS, "[31m")
    spans = "<span class='ocrx_word' title='bbox 1 1 2 2'>w</span>" * (MOST_WORDS + 5)
    assert len(hocr(tmp_path, spans).words) == MOST_WORDS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_files_may_have_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "page.txt"
    file.write_bytes("진단서  No. 7\n\n".encode(encoding))
    assert read_sidecar(file).words == ("진단서", "No.", "7")


def test_bytes_that_are_no_text_do_not_stop_anything(tmp_path: Path) -> None:
    file = tmp_path / "page.txt"
    file.write_bytes(bytes(range(256)) + b" end")
    assert read_sidecar(file).words[-1] == "end"


def test_files_that_cannot_be_read_or_are_too_large_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"gone\.txt"):
        read_sidecar(tmp_path / "gone.txt")
    monkeypatch.setattr(sidecar_file, "MOST_BYTES", 10)
    (tmp_path / "book.txt").write_text("more than ten bytes")
    with pytest.raises(UserError, match="larger than"):
        read_sidecar(tmp_path / "book.txt")


def test_the_file_of_a_page_is_found(tmp_path: Path) -> None:
    image = tmp_path / "page.jpg"
    assert find_sidecar(image) is None
    (tmp_path / "page.jpg.txt").write_text("a")
    assert find_sidecar(image) == tmp_path / "page.jpg.txt"
    (tmp_path / "page.hocr").write_text(HOCR, encoding="utf-8")
    assert find_sidecar(image) == tmp_path / "page.hocr"
