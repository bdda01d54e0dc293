"""The words of a page that speak for a class: the strongest first, marked where they stand on the page as given."""

from types import SimpleNamespace

import numpy as np

from munseo._prediction.loader import DecodedPage
from munseo._ui.word_marks import NUM_WORDS, spoken_words
from munseo._words.page_words import PageWords


def predictor_of(evidence):
    return SimpleNamespace(word_evidence=lambda page, label: None if page.words is None else np.array(evidence))


def page_of(words, boxes=None, **pose):
    return DecodedPage({}, PageWords(tuple(words), boxes, None, "ocr", **pose))


def test_the_words_that_speak_for_the_class_are_listed_the_strongest_first():
    page = page_of(["the", "total", "dear", "due"])
    spoken = spoken_words(predictor_of([0.0, 0.5, -1.0, 0.9]), page, 0, np.full((100, 80, 3), 255, np.uint8), 50)
    assert spoken.num_words == 4
    assert spoken.words == (("due", 0.9), ("total", 0.5))
    assert (spoken.marked == 255).all()  # words without places leave the picture as it is
    many = page_of([f"w{number}" for number in range(40)])
    listed = spoken_words(predictor_of(np.arange(40) + 1.0), many, 0, np.full((9, 9), 255, np.uint8), 9).words
    assert len(listed) == NUM_WORDS


def test_marks_are_where_the_words_stand_on_the_page_as_it_was_given():
    boxes = np.array([[0.0, 0.0, 0.25, 0.1], [0.5, 0.5, 1.0, 1.0]], np.float32)
    pixels = np.full((100, 100), 255, np.uint8)
    upright = spoken_words(predictor_of([1.0, -1.0]), page_of("ab", boxes), 0, pixels, 100).marked
    assert (upright[4, 10] != 255).any()
    assert (upright[4, 60] == 255).all()
    assert (upright[75, 75] == 255).all()  # it speaks against the class
    mirrored = spoken_words(predictor_of([1.0, -1.0]), page_of("ab", boxes, mirrored=True), 0, pixels, 100).marked
    assert (mirrored[4, 90] != 255).any()
    assert (mirrored[4, 10] == 255).all()


def test_a_run_without_words_has_none():
    assert spoken_words(predictor_of([]), DecodedPage({}), 0, np.zeros((5, 5), np.uint8), 5) is None
