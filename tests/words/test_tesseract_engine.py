import sys

import numpy as np
import pytest
from drawn_pages import LINES, draw_page, english, needs_engine, needs_korean, recall
from PIL import ImageFont

from munseo._errors import UserError
from munseo._report.fonts import font_file
from munseo._words import tesseract_engine
from munseo._words.tesseract_engine import TesseractEngine, find_data, in_order, tesseract_version


@needs_engine
def test_words_are_read_where_they_stand() -> None:
    page = draw_page(width=1440, height=1000, size=36)
    reading = english().read(page, "page")

    assert recall(reading.words) >= 0.9
    assert reading.plausible_letters > 200
    index = reading.words.index("hospital.")
    _, y0, x1, y1 = (int(side) for side in reading.boxes[index])
    # "hospital." ends the third line.
    assert 70 + 2 * 2.1 * 36 <= y0 < y1 <= 70 + 3 * 2.1 * 36
    ink = np.flatnonzero((page[y0:y1] < 128).any(axis=0))
    assert abs(int(ink.max()) - x1) <= 2
    assert reading.confidences[index] > 0.8
    assert reading.known.mean() > 0.7


@needs_engine
def test_a_reading_does_not_depend_on_the_pages_before(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (400, 400)).astype(np.uint8)
    engine = TesseractEngine(["eng"])
    page = draw_page(LINES[:2], width=1400, height=260, size=36)
    first = engine.read(page, "block")
    for other in (noise, np.full((300, 3), 255, np.uint8), np.zeros((1, 1), np.uint8), np.zeros((500, 9), np.uint8)):
        engine.read(other, "page")
    again = engine.read(page, "block")

    assert first.words == again.words
    np.testing.assert_array_equal(first.confidences, again.confidences)
    # Leptonica's and Tesseract's own lines stay off the terminal.
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


@needs_engine
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_page_of_one_grey_has_no_words(level: int) -> None:
    reading = english().read(np.full((300, 200), level, np.uint8), "page")
    assert (reading.words, reading.boxes.shape, reading.plausible_letters) == ((), (0, 4), 0)


@needs_engine
def test_turned_and_mirrored_print_is_hardly_plausible() -> None:
    page = draw_page(width=1440, height=1000, size=36)
    plausible = english().read(page, "block").plausible_letters
    for other in (page[::-1, ::-1], page[:, ::-1], page[::-1]):
        assert english().read(np.ascontiguousarray(other), "block").plausible_letters < plausible / 4


@needs_korean
def test_korean_words_are_whole_and_english_stays_readable() -> None:
    lines = ["진단서", "환자 성명 김민수 생년월일 1984년 3월 12일", "위와 같이 진단함 (Certificate of diagnosis)"]
    # Lines this far apart are taken for vertical text by the automatic segmentation.
    page = draw_page(lines, width=1400, height=420, size=40, font=ImageFont.truetype(str(font_file()), 32))
    reading = TesseractEngine(["eng", "kor"]).read(page, "page")

    assert {"진단서", "생년월일", "진단함", "1984년", "diagnosis)"} <= set(reading.words)
    assert len(reading.boxes) == len(reading.words)


def test_english_is_named_last() -> None:
    assert in_order(["eng", "kor", "eng", "jpn"]) == ["kor", "jpn", "eng"]


@needs_engine
def test_languages_without_data_are_named_together() -> None:
    with pytest.raises(UserError) as caught:
        find_data(["eng", "xyz", "../eng", "qqq"])
    assert len(caught.value.problems) == 3
    assert "xyz.traineddata" in caught.value.problems[0]
    with pytest.raises(UserError, match="empty"):
        find_data([])


@needs_engine
def test_a_folder_of_data_comes_first_and_others_fill_it_up(tmp_path) -> None:
    own = tmp_path / "own.traineddata"
    own.write_bytes(find_data(["eng"])["eng"].read_bytes())
    found = find_data(["own", "eng"], tmp_path)
    assert found["own"] == own
    assert found["eng"].parent != tmp_path
    page = draw_page(LINES[:1], width=900, height=200, size=36)
    assert "Henderson," in TesseractEngine(["own", "eng"], tmp_path).read(page, "block").words


@needs_engine
def test_the_version_follows_the_data(tmp_path) -> None:
    before = tesseract_version(["eng"])
    data = find_data(["eng"])["eng"].read_bytes()
    (tmp_path / "eng.traineddata").write_bytes(data)
    assert tesseract_version(["eng"], tmp_path) == before
    (tmp_path / "eng.traineddata").write_bytes(data + b"\0")
    assert tesseract_version(["eng"], tmp_path) != before


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tesserocr", None)
    with pytest.raises(UserError, match=r"munseo\[ocr\]"):
        tesseract_engine.import_tesserocr()
