from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import ImageDraw, ImageFont

from munseo._randomness import generator
from munseo._synth import KINDS
from munseo._synth.canvas import Canvas, Weight, font
from munseo._synth.form import draw_style
from munseo._synth.marks import SPECIMEN_WORDS
from munseo._synth.people import person, plate
from munseo._synth.random_draws import pick
from munseo._synth.vocabulary import VOCABULARY, words

KIND_NAMES = [kind.name for kind in KINDS]


@pytest.fixture
def written(monkeypatch) -> Iterator[list[tuple[str, ImageFont.FreeTypeFont]]]:
    """Every text that is drawn, with its font."""
    texts: list[tuple[str, ImageFont.FreeTypeFont]] = []
    original = ImageDraw.ImageDraw.text

    def record(self, xy, text, *args, **kwargs):
        texts.append((text, kwargs["font"]))
        return original(self, xy, text, *args, **kwargs)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    return texts


@pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
def test_a_page_follows_from_its_seed(kind):
    first, again, other = (kind.draw(generator(seed, "page"), 160) for seed in (0, 0, 1))
    assert first.dtype == np.uint8
    assert first.ndim == 3
    assert first.shape[2] == 3
    assert max(first.shape) == 160
    assert np.array_equal(first, again)
    assert first.shape != other.shape or np.abs(first.astype(int) - other).mean() > 2


@pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
def test_the_smallest_pages_can_be_drawn(kind):
    for seed in range(25):
        assert max(kind.draw(generator(seed, "small"), 50).shape) == 50


@pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
def test_pages_are_written_on_and_marked(kind, written):
    for seed in range(6):
        written.clear()
        page = kind.draw(generator(seed, "marked"), 200)
        texts = [text for text, _ in written]
        assert any(text in SPECIMEN_WORDS or ("SPECIMEN" in text and "견본" in text) for text in texts)
        assert sum(len(text) for text in texts) > 8
        assert page.std() > 4


def test_letters_are_not_boxes(written):
    for kind in KINDS:
        for seed in range(5):
            kind.draw(generator(seed, "letters"), 160)
    drawn = {(face.path, letter) for text, face in written for letter in text}
    assert len({letter for _, letter in drawn if "가" <= letter <= "힣"}) > 250
    missing = {path: bytes(ImageFont.truetype(path, 24).getmask("\U0010ffff")) for path in {path for path, _ in drawn}}
    assert all(any(box) for box in missing.values())
    faces = {path: ImageFont.truetype(path, 24) for path in missing}
    boxes = [(path, letter) for path, letter in drawn if bytes(faces[path].getmask(letter)) == missing[path]]
    assert not boxes


@pytest.mark.parametrize("weight", ["light", "regular", "bold", "black"])
def test_the_vocabulary_can_be_written_in_every_weight(weight: Weight):
    def strings(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for item in value:
                yield from strings(item)
        elif isinstance(value, dict):
            yield from strings([*value, *value.values()])

    letters = {letter for text in strings(list(VOCABULARY.values())) for letter in text}
    assert len(letters) > 250
    box = bytes(font(weight, 24).getmask("\U0010ffff"))
    assert not [letter for letter in letters if bytes(font(weight, 24).getmask(letter)) == box]


def test_values_are_nobodys(written):
    for kind in KINDS:
        for seed in range(4):
            kind.draw(generator(seed, "values"), 96)
    texts = "\n".join(text for text, _ in written)
    assert not re.search(r"\b\d{6}-[1-8]\d{6}\b", texts)
    phones = re.findall(r"\b01[016-9]-(\d{4})-\d{4}\b", texts)
    assert phones
    assert set(phones) == {"0000"}


def test_people_and_plates():
    rng = generator(0, "people")
    for _ in range(200):
        someone = person(rng)
        assert re.fullmatch(r"\d{6}-[1-4]\*{6}", someone.id_number)
        assert (someone.id_number[7] in "24") == someone.female
        assert (someone.id_number[7] in "34") == (someone.birth.year >= 2000)
        assert someone.roman_surname.isupper()
        assert re.fullmatch(rf"\d{{2,3}}[{''.join(words('plate_letters'))}] \d{{4}}", plate(rng))


def test_styles_do_not_depend_on_the_kind():
    """The medical forms start from the same draw: with one seed they all have the same paper."""
    forms = [KINDS[target] for target in (1, 3, 4, 6, 7, 10, 11, 12, 14)]
    for seed in range(3):
        paper = draw_style(generator(seed, "look")).paper
        for kind in forms:
            page = kind.draw(generator(seed, "look"), 160).reshape(-1, 3)
            colours, counts = np.unique(page, axis=0, return_counts=True)
            assert tuple(colours[counts.argmax()]) == paper


@pytest.mark.parametrize(("width", "height"), [(60, 20), (200, 30), (90, 200)])
def test_text_stays_in_its_box(width, height):
    canvas = Canvas(400, 400, 1.0, (255, 255, 255))
    text = "향후 치료에 대한 의견을 적는 칸 " * 4
    canvas.text_in((100, 100, 100 + width, 100 + height), text, 14, (0, 0, 0))
    ys, xs = np.nonzero(canvas.pixels()[:, :, 0] < 200)
    assert len(xs) > 10
    assert xs.min() >= 98
    assert ys.min() >= 98
    assert ys.max() <= 102 + height
    assert xs.max() <= 102 + width


def test_wrapping_keeps_every_letter():
    canvas = Canvas(100, 100, 1.0, (255, 255, 255))
    text = "진료비 세부산정내역확인용영수증발급기 Aa\n둘째 줄"
    lines = canvas.wrap(text, 12, "regular", 50)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    assert all(canvas.length(line, 12) <= 50 for line in lines)


def test_pick_is_fair():
    rng = generator(0, "pick")
    assert {pick(rng, "abc") for _ in range(60)} == set("abc")


def test_importing_draws_in_no_heavy_package():
    heavy = ("torch", "matplotlib", "koreanize_matplotlib")
    code = f"import sys, munseo._synth; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
