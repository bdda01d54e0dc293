"""Duplicates within a split and leaks between splits; pages that are only similar are neither."""

import cv2
import numpy as np
from printed import CLASSES, draw, jpeg

from munseo._doctor.duplicates import find_copies, find_duplicates
from munseo._doctor.inspected_page import inspect_pages
from munseo._doctor.issue import PageEvidence


def askew(page, degrees):
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(page, matrix, (width, height), borderValue=255)


def found(pages):
    inspected = [page for page, _ in inspect_pages(pages, None)]
    issues = find_duplicates(PageEvidence(inspected, CLASSES, find_copies(inspected, 1)))
    return {(issue.kind, issue.other.id, issue.page.id): issue for issue in issues}


def test_different_pages_are_no_copies(make_pages):
    assert found(make_pages(train={f"{n}.jpg": (jpeg(draw(n)), 0) for n in range(12)})) == {}


def test_same_words_are_needed_not_only_the_same_form(make_pages):
    first, second = draw(1), draw(1)
    second[90:540, 20:380] = draw(2)[90:540, 20:380]  # the heading stays
    assert found(make_pages(train={"a.jpg": (jpeg(first), 0), "b.jpg": (jpeg(second), 0)})) == {}


def test_equal_pixels_in_other_files(make_pages):
    page = draw(1)
    png = cv2.imencode(".png", cv2.imdecode(np.frombuffer(jpeg(page), np.uint8), 0))[1].tobytes()
    pages = make_pages(train={"a.jpg": (jpeg(page), 0), "b.png": (png, 0), "c.jpg": (jpeg(draw(2)), 0)})
    assert set(found(pages)) == {("duplicate", "a.jpg", "b.png")}


def test_turned_mirrored_askew_and_saved_again(make_pages):
    page = draw(1)
    damaged = {
        "quarter.jpg": cv2.rotate(page, cv2.ROTATE_90_CLOCKWISE),
        "mirrored.jpg": cv2.flip(page, 1),
        "askew.jpg": askew(page, 3),
        "both.jpg": cv2.flip(cv2.rotate(askew(page, -3), cv2.ROTATE_90_COUNTERCLOCKWISE), 0),
    }
    others = {f"{n}.jpg": (jpeg(draw(n)), 0) for n in range(2, 8)}
    for name, copy in damaged.items():
        pages = make_pages(train={"a.jpg": (jpeg(page), 0), **others, name: (jpeg(copy, 30), 0)})
        assert set(found(pages)) == {("near_duplicate", "a.jpg", name)}, name


def test_conflicting_labels_come_first_and_are_named(make_pages):
    page = jpeg(draw(1))
    (issue,) = found(make_pages(train={"a.jpg": (page, 0), "b.jpg": (page, 1)})).values()
    assert issue.severity == "high"
    assert "letter and form" in str(issue.detail)
    (issue,) = found(make_pages(train={"a.jpg": (page, 0), "b.jpg": (page, 0)})).values()
    assert issue.severity == "medium"


def test_leaks_between_parts_and_silence_within_test(make_pages):
    one, two = jpeg(draw(1)), jpeg(cv2.flip(draw(2), 1), 40)
    pages = make_pages(
        train={"a.jpg": (one, 0), "b.jpg": (jpeg(draw(2)), 0)},
        val={"v.jpg": (one, 0)},
        test={"t.jpg": (two, None), "u.jpg": (jpeg(draw(3)), None), "w.jpg": (jpeg(draw(3)), None)},
    )
    assert set(found(pages)) == {("leak", "a.jpg", "v.jpg"), ("near_leak", "t.jpg", "b.jpg")}


def test_a_group_of_copies_is_told_once_each(make_pages):
    page = jpeg(draw(1))
    told = found(make_pages(train={f"{name}.jpg": (page, 0) for name in "abcd"}))
    assert len(told) == 3
    assert {second for _, _, second in told} == {"b.jpg", "c.jpg", "d.jpg"}


def test_blank_pages_are_not_near_duplicates(make_pages):
    blank = [np.full((560, 400), level, np.uint8) for level in (240, 244)]
    assert found(make_pages(train={f"{n}.jpg": (jpeg(page), 0) for n, page in enumerate(blank)})) == {}
