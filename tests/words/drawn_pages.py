"""Pages with typed lines that tests draw, and what a test needs to be skipped where no engine is installed."""

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from munseo._errors import UserError
from munseo._words.tesseract_engine import TesseractEngine, find_data, import_tesserocr

LINES = (
    "Dear Doctor Henderson,",
    "thank you for the letter that you sent last Tuesday about",
    "the treatment of my mother in the regional hospital.",
    "The invoice contains three examinations which nobody",
    "remembers, and the amount for the medicine is wrong.",
    "Please correct the statement and send another copy to",
    "the insurance company before the end of September.",
    "Sincerely yours, Margaret Whitfield",
)
WORDS = " ".join(LINES).split()


def _is_missing(*languages):
    try:
        import_tesserocr()
        find_data(languages)
    except UserError:
        return True
    return False


needs_engine = pytest.mark.skipif(_is_missing("eng"), reason="tesserocr with English data is not installed (extra ocr)")
needs_korean = pytest.mark.skipif(_is_missing("kor", "eng"), reason="Tesseract's Korean data are not installed")


@cache
def english():
    """One engine for all tests: it takes 0.1 s to open."""
    return TesseractEngine(["eng"])


def _font(name, size):
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def draw_page(lines=LINES, width=720, height=1000, size=19, font=None):
    """A grey page (height, width) uint8 with lines from the upper left."""
    page = Image.new("L", (width, height), 250)
    drawing = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        drawing.text((60, 70 + number * 2.1 * size), line, font=font or _font("DejaVuSerif.ttf", size), fill=20)
    return np.array(page)


def recall(words, expected=WORDS):
    """The fraction of the expected words that were read."""
    left = list(words)
    found = 0
    for word in expected:
        if word in left:
            left.remove(word)
            found += 1
    return found / len(expected)
