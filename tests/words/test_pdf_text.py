"""PDFs that the tests write: an image of a page, and a layer of invisible text over it."""

import zlib
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from drawn_pages import LINES, draw_page, english, needs_engine, recall

from munseo._words.pdf_text import PdfPage, read_pdf_text

WIDTH, HEIGHT, SIZE = 720, 1000, 19


def write_pdf(path: Path, layer: str, image: np.ndarray | None = None, rotate: int = 0) -> PdfPage:
    """Write a page of 720 × 1000 points with an image and a layer, a content stream of text operators."""
    image = draw_page() if image is None else image
    pixels, content = (
        zlib.compress(image.tobytes()),
        f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm /Im Do Q {layer}".encode("latin-1"),
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Rotate {rotate} /Contents 4 0 R /Resources "
        "<< /XObject << /Im 5 0 R >> /Font << /F 6 0 R >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter "
        b"/FlateDecode /Length %d >>\nstream\n%s\nendstream" % (image.shape[1], image.shape[0], len(pixels), pixels),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(data)
    data += b"xref\n0 7\n0000000000 65535 f \n" + table
    data += b"trailer << /Size 7 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    path.write_bytes(data)
    return PdfPage(path, 0)


def layer(lines: tuple[str, ...] = LINES, moved: float = 0, stretch: float = 122) -> str:
    """Invisible text where ``draw_page`` has its lines; the font is narrower than the drawn one."""
    parts = [
        f"1 0 0 1 60 {HEIGHT - 70 - moved - number * 2.1 * SIZE - 0.8 * SIZE:.1f} Tm ({line}) Tj"
        for number, line in enumerate(lines)
    ]
    return f"BT 3 Tr /F {SIZE} Tf {stretch} Tz {' '.join(parts)} ET"


def rendered(page: PdfPage) -> np.ndarray:
    document = pypdfium2.PdfDocument(page.path)
    try:
        return document[page.number].render(scale=1.6, grayscale=True).to_numpy().copy()
    finally:
        document.close()


def test_a_layer_that_says_what_the_picture_shows_is_believed(tmp_path: Path) -> None:
    page = write_pdf(tmp_path / "scan.pdf", layer())
    words = read_pdf_text(page, rendered(page), None)
    assert words is not None
    assert (words.source, words.quarter_turns, words.confidences) == ("pdf", 0, None)
    assert recall(words.words) == 1
    assert words.boxes is not None
    x0, y0, x1, y1 = words.boxes[words.words.index("hospital.")]
    assert 0.5 < x0 < x1 < 0.9
    assert (70 + 2 * 2.1 * SIZE) / HEIGHT - 0.01 < y0 < y1 < (70 + 3 * 2.1 * SIZE) / HEIGHT


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_words_of_a_page_that_is_shown_turned_stand_on_the_upright_page(tmp_path: Path, rotate: int) -> None:
    straight = write_pdf(tmp_path / "straight.pdf", layer())
    page = write_pdf(tmp_path / "turned.pdf", layer(), rotate=rotate)
    expected, words = read_pdf_text(straight, rendered(straight), None), read_pdf_text(page, rendered(page), None)
    assert words is not None
    assert expected is not None
    # /Rotate turns clockwise.
    assert words.quarter_turns == -rotate // 90 % 4
    np.testing.assert_allclose(words.boxes, expected.boxes, atol=0.002)


@pytest.mark.parametrize(
    "text",
    [
        "",
        layer(LINES[:1]),  # a stamp on a scan
        layer(moved=300),  # letters where no ink is
        layer(("\\001\\002\\003 \\004\\005 \\006\\007\\001",) * 8),  # letters that stand for nothing
        "BT 3 Tr /F 9 Tf 1 0 0 1 5000 5000 Tm (words far outside of the page) Tj ET",
    ],
    ids=["none", "stamp", "moved", "unmapped", "outside"],
)
def test_a_misleading_layer_is_not_believed(tmp_path: Path, text: str) -> None:
    page = write_pdf(tmp_path / "scan.pdf", text)
    assert read_pdf_text(page, rendered(page), None) is None


@needs_engine
def test_other_words_in_the_right_places_are_found_out_by_reading_some_lines(tmp_path: Path) -> None:
    letters = str.maketrans("abcdefghijklmnopqrstuvwxyz", "zqxjkvwzqxjkvwzqxjkvwzqxjk")
    wrong = tuple(line.translate(letters) for line in LINES)
    page = write_pdf(tmp_path / "wrong.pdf", layer(wrong))
    assert read_pdf_text(page, rendered(page), english()) is None
    right = write_pdf(tmp_path / "right.pdf", layer())
    assert read_pdf_text(right, rendered(right), english()) is not None


def test_a_file_that_is_no_pdf_or_has_no_such_page_has_no_layer(tmp_path: Path) -> None:
    grey = draw_page()
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4 and nothing else")
    assert read_pdf_text(PdfPage(broken, 0), grey, None) is None
    assert read_pdf_text(PdfPage(tmp_path / "gone.pdf", 0), grey, None) is None
    page = write_pdf(tmp_path / "scan.pdf", layer())
    assert read_pdf_text(PdfPage(page.path, 7), grey, None) is None
