import cv2
import numpy as np
import pytest
from drawn_pages import WORDS, draw_page, english, needs_engine, recall
from PIL import Image, ImageDraw, ImageFont

from munseo._words.page_pose import POSES, Pose
from munseo._words.page_reader import read_page


def photographed(page: np.ndarray, pose: Pose) -> np.ndarray:
    """The page in a pose, 5° skewed on a dark table, with light that falls off."""
    posed = np.rot90(page[:, ::-1] if pose.mirrored else page, pose.quarter_turns)
    height, width = posed.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 5, 1)
    matrix[:, 2] += 80
    photo = cv2.warpAffine(np.ascontiguousarray(posed), matrix, (width + 160, height + 160), borderValue=70)
    return (photo * np.linspace(1, 0.6, photo.shape[1])).astype(np.uint8)


@needs_engine
@pytest.mark.parametrize("pose", POSES)
def test_a_page_is_read_in_every_pose(pose: Pose) -> None:
    page = draw_page(width=720, height=500)
    photo = photographed(page, pose)
    words = read_page(photo, english())

    assert (words.quarter_turns, words.mirrored) == (pose.quarter_turns, pose.mirrored)
    assert words.pose_certainty > 0.5
    assert recall(words.words) >= 0.9
    # The boxes lead back to the print on the photo.
    boxes = words.boxes_as_given()
    assert boxes is not None
    height, width = photo.shape
    for word, box in zip(words.words, boxes, strict=True):
        if word in ("treatment", "insurance", "examinations"):
            x0, y0, x1, y1 = (round(float(side)) for side in box * [width, height, width, height])
            cut = photo[y0:y1, x0:x1]
            # As much ink as print has, and a box about as long as the word.
            assert 0.1 < (cut < np.median(cut) - 40).mean() < 0.6
            assert 4 < max(cut.shape) / min(cut.shape) < 13


@needs_engine
@pytest.mark.parametrize("pose", [Pose(0, False), Pose(0, True), Pose(1, False), Pose(2, False)])
def test_print_that_is_larger_than_the_windows_is_read_in_its_pose(pose: Pose) -> None:
    picture = Image.new("L", (900, 900), 255)
    font = ImageFont.load_default(44)
    for number, line in enumerate(("Invoice of the company", "Please pay the amount of", "dollars before the end")):
        ImageDraw.Draw(picture).text((60, 180 + 90 * number), line, font=font, fill=0)
    page = np.asarray(picture)
    words = read_page(
        np.ascontiguousarray(np.rot90(page[:, ::-1] if pose.mirrored else page, pose.quarter_turns)), english()
    )
    assert (words.quarter_turns, words.mirrored) == (pose.quarter_turns, pose.mirrored)
    assert {"invoice", "company", "please", "amount", "dollars"} <= {word.lower() for word in words.words}


@needs_engine
def test_pages_without_words_have_none() -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (200, 160)).astype(np.uint8)
    photo = cv2.GaussianBlur(rng.integers(0, 256, (500, 400)).astype(np.uint8), (0, 0), 25)
    photo = cv2.normalize(photo, None, 0, 255, cv2.NORM_MINMAX)
    for page in (noise, photo, np.full((400, 300), 255, np.uint8), np.zeros((1, 1), np.uint8)):
        words = read_page(page, english())
        assert (words.words, words.source) == ((), "ocr")
        assert words.boxes is not None
        assert words.boxes.shape == (0, 4)


@needs_engine
def test_small_and_huge_pages_are_read() -> None:
    page = draw_page(width=720, height=500)
    small = cv2.resize(page, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    assert recall(read_page(small, english()).words) >= 0.8
    huge = np.full((9000, 7200), 250, np.uint8)
    huge[:5000] = cv2.resize(page, (7200, 5000), interpolation=cv2.INTER_LINEAR)
    assert recall(read_page(huge, english()).words) >= 0.9


@needs_engine
def test_noise_that_hides_the_lines_is_read_as_one_block() -> None:
    page = draw_page(width=1000, height=900, size=28).astype(np.float64)
    noisy = np.clip(page + np.random.default_rng(3).normal(0, 55, page.shape), 0, 255).astype(np.uint8)
    assert recall(read_page(noisy, english()).words, WORDS) >= 0.5
