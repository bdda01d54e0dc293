"""Files that cannot be read, are blank, or have an unusual size or a wrong name."""

import struct

import cv2
import numpy as np
import pytest
from printed import CLASSES, draw, jpeg

from munseo._data.jpeg_check import MAX_SCANS
from munseo._doctor import bad_files as files
from munseo._doctor.bad_files import find_bad_files
from munseo._doctor.inspected_page import inspect_pages
from munseo._doctor.issue import PageEvidence


@pytest.fixture
def kinds(make_pages):
    """Return the kinds of issue that are found on a page next to three good ones."""

    def found(name, data):
        sound = {f"{n}.jpg": (jpeg(draw(n)), 0) for n in range(3)}
        pages = make_pages(train={**sound, name: (data, 0)})
        issues = find_bad_files(PageEvidence([page for page, _ in inspect_pages(pages, None)], CLASSES))
        assert all(issue.page.id == name for issue in issues), "sound pages are left alone"
        return {issue.kind for issue in issues}

    return found


def test_sound_pages(kinds):
    assert kinds("sound.jpg", jpeg(draw(9))) == set()


def test_unreadable_and_truncated(kinds):
    assert kinds("text.jpg", b"no picture at all") == {"unreadable"}
    assert kinds("empty.jpg", b"") == {"unreadable"}
    whole = jpeg(draw(9))
    assert kinds("cut.jpg", whole[: len(whole) // 2]) == {"truncated"}


def test_blank_is_told_from_a_page_number(kinds):
    paper = generator_noise(np.full((560, 400), 240, np.int16))
    assert kinds("blank.jpg", jpeg(paper)) == {"blank"}
    numbered = paper.copy()
    numbered[500:512, 190:206] = 20
    assert kinds("numbered.jpg", jpeg(numbered)) == set()


def generator_noise(page):
    from munseo._randomness import generator

    return np.clip(page + generator(1, "doctor-test-noise").normal(0, 4, page.shape), 0, 255).astype(np.uint8)


def test_sizes(kinds, monkeypatch):
    assert kinds("small.jpg", jpeg(cv2.resize(draw(9), (64, 90), interpolation=cv2.INTER_AREA))) == {"tiny"}
    monkeypatch.setattr(files, "HUGE_PIXELS", 1_000_000)
    assert kinds("large.jpg", jpeg(draw(9, 1200, 900))) == {"huge"}
    header = struct.pack(">II5B", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", 0)
    assert kinds("bomb.png", bomb) == {"huge"}


def test_a_jpeg_of_very_many_scans_is_an_attack_and_not_a_large_page(kinds):
    page = cv2.imencode(".jpg", draw(9), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    scan = page[page.rfind(b"\xff\xda") : -2]
    assert kinds("scans.jpg", page[:-2] + scan * (MAX_SCANS + 50) + b"\xff\xd9") == {"suspicious"}


def test_extension(kinds):
    assert kinds("page.png", jpeg(draw(9))) == {"wrong_extension"}
    assert kinds("page.JPEG", jpeg(draw(9))) == set()
