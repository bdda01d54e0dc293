"""Words of pages of a run by the real engine: clean, damaged, decoded, cached, in any number of processes."""

import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from munseo._augment import Recipe
from munseo._config import Config
from munseo._data import Page, load_pages
from munseo._prediction import words_of_pages
from munseo._prediction.words_of_pages import PixelReader, find_damaged_words, find_words, reading_settings

pytest.importorskip("tesserocr", reason="the OCR engine is not installed (munseo[ocr])")

LINES = ("Invoice of the company", "Please pay the amount of", "dollars before the end", "the month by bank transfer")
MIRRORED = Recipe.of("mirrored", mirror=(1.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    file = tmp_path_factory.mktemp("words") / "invoice.png"
    picture = Image.new("L", (900, 700), 255)
    drawing = ImageDraw.Draw(picture)
    font = ImageFont.load_default(44)
    for number, line in enumerate(LINES):
        drawing.text((60, 80 + 90 * number), line, font=font, fill=0)
    picture.save(file)
    return Page("invoice.png", file, 0)


@pytest.fixture
def config(tmp_path):
    return Config(text="ocr", cache=str(tmp_path / "cache"))


def test_a_page_is_read_once_and_found_in_the_cache_afterwards(page, config, monkeypatch):
    [first] = find_words(config, [page], {})
    assert {"invoice", "company", "amount", "bank", "transfer"} <= {word.lower() for word in first.words}
    assert first.source == "ocr"
    monkeypatch.setattr(words_of_pages.StoredPage, "grey", None)  # nothing is decoded again
    assert find_words(config, [page], {}) == [first]


def test_a_page_in_an_archive_has_the_words_of_its_file(page, config, tmp_path):
    (tmp_path / "data").mkdir()
    with zipfile.ZipFile(tmp_path / "data" / "train.zip", "w") as archive:
        archive.write(page.path, "invoice/1.png")
        archive.write(page.path, "letter/2.png")
    contained = load_pages(tmp_path / "data").train
    assert len(contained) == 2
    assert find_words(config, contained, {}) == 2 * find_words(config, [page], {})


def test_a_page_that_is_gone_or_damaged_in_its_archive_has_no_words(page, config, tmp_path):
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "train.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(page.path, "invoice/1.png")
        archive.write(page.path, "letter/2.png")
    contained = load_pages(tmp_path / "data").train
    file.write_bytes(file.read_bytes()[:20])
    gone = Page("gone.png", tmp_path / "gone.png", 0)
    words = find_words(config, [gone, page, *contained], {})
    assert [bool(one.words) for one in words] == [False, True, False, False]


def test_other_damage_is_read_again(page, config, monkeypatch):
    find_damaged_words(config, [page], MIRRORED, 1)
    read = []
    apply = words_of_pages.apply_recipe
    monkeypatch.setattr(words_of_pages, "apply_recipe", lambda *given: read.append(given) or apply(*given))
    find_damaged_words(config, [page], MIRRORED, 1)
    assert not read
    monkeypatch.setattr(words_of_pages, "damage_version", lambda: "of other code")
    find_damaged_words(config, [page], MIRRORED, 1)
    assert len(read) == 1


def test_damaged_pages_are_read_themselves_and_alike_by_processes(page, config, monkeypatch):
    [[here], [again]] = find_damaged_words(config, [page], MIRRORED, 2)
    assert here.mirrored
    assert {"invoice", "amount"} <= {word.lower() for word in here.words}
    assert again.words == here.words, "mirroring has no strength, so that draws are alike"
    monkeypatch.setattr(words_of_pages, "_workers", lambda _: 2)
    assert find_damaged_words(config.model_copy(update={"cache": False}), [page], MIRRORED, 1) == [[here]]


def test_the_users_own_text_is_not_damaged_and_comes_first(page, config):
    own = config.model_copy(update={"text": "column"})
    assert find_damaged_words(own, [page], MIRRORED, 1) is None
    assert find_words(own, [page], {page.id: "the words of a table"})[0].words == ("the", "words", "of", "a", "table")
    assert find_words(own, [page], {})[0].words == ()
    auto = config.model_copy(update={"text": "auto"})
    assert find_words(auto, [page], {page.id: "table"})[0].words == ("table",)


def test_a_decoded_page_has_the_words_of_its_file(page, config):
    pixels = np.asarray(Image.open(page.path))
    reader = PixelReader(reading_settings(config))
    [of_file] = find_words(config, [page], {})
    assert reader(pixels, None) == of_file
    assert PixelReader(reading_settings(config.model_copy(update={"text": "auto"})))(pixels, "own").words == ("own",)


def test_a_page_without_print_has_no_words(tmp_path, config):
    file = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).normal(200, 30, (300, 200)).clip(0, 255).astype(np.uint8)).save(file)
    assert find_words(config, [Page("noise.png", file, None)], {})[0].words == ()
