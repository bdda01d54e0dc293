"""PDFs that were made to do harm: bounded, whatever their objects say."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from bounds import memory_below
from opened_image import image_decoder
from pdf_file import HELVETICA, descriptor, font_of_two_bytes, pdf, stream, text, written

from munseo._data import decode, inspect
from munseo._data.image_error import ProblemCode
from munseo._data.pdf_annotations import MAX_ANNOTATIONS, MAX_POINTS

WORDS = text(b"(Form)")
LINE = b"<</Type/Annot/Subtype/%s/Rect[0 0 200 300]/F 4/C[1 0 0]/Border[0 0 9]%s>>"


def has_red(data: bytes) -> bool:
    return bool((decode(data, "page.pdf") == [255, 0, 0]).all(2).any())


def test_annotations_are_looked_at_up_to_the_limit():
    """All of them are one object, so that the file is small."""
    line = LINE % (b"Line", b"/L[0 0 200 300]")
    for before, is_drawn in ((MAX_ANNOTATIONS - 1, True), (MAX_ANNOTATIONS, False)):
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]/Annots[%s 5 0 R]>>" % (b"4 0 R " * before)
        link = b"<</Type/Annot/Subtype/Link/Rect[0 0 1 1]>>"
        catalogue, pages = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
        with memory_below(300):
            assert has_red(written([catalogue, pages, page, link, line])) == is_drawn


def test_a_polygon_of_more_points_than_the_limit_is_left_out():
    for number, is_drawn in ((MAX_POINTS, True), (MAX_POINTS + 1, False)):
        points = b"/Vertices[%s]" % (b"10 10 190 290 " * (number // 2) + b"10 10 " * (number % 2))
        assert has_red(pdf(annotations=[LINE % (b"PolyLine", points)])) == is_drawn


def image_pdf(width: int, height: int, bits: int, data: bytes, how: bytes, more: bytes = b"") -> bytes:
    """Return a page that is covered by one image."""
    about = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent %d/ColorSpace/DeviceGray/Filter/%s%s"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>"
    pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    shown, image = stream(b"q 200 0 0 300 0 0 cm /I Do Q"), stream(data, about % (width, height, bits, how, more))
    return written([b"<</Type/Catalog/Pages 2 0 R>>", pages, page, shown, image])


def large_images() -> list[bytes]:
    """Return pages with images of 400 million pixels and more, in a few kilobytes."""
    fax = b"/DecodeParms<</K -1/Columns 26000/Rows 37000>>"  # A0 at 800 dpi, of which each row is one bit: "as above"
    packed = zlib.compressobj(1)
    grey = b"".join(packed.compress(b"\xc8" * 1_000_000) for _ in range(400)) + packed.flush()
    return [
        image_pdf(26_000, 37_000, 1, b"\xff" * (37_000 // 8 + 1), b"CCITTFaxDecode", fax),
        image_pdf(20_000, 20_000, 8, grey, b"FlateDecode"),
    ]


def test_four_readers_of_enormous_images_at_once_take_little_memory():
    white, grey = large_images()
    with ThreadPoolExecutor(4) as pool, memory_below(500):
        found = list(pool.map(decode, [white, grey] * 2))
    assert all(page.shape == (1600, 1067, 3) for page in found)
    assert [round(float(page.mean())) for page in found] == [255, 200] * 2


CIRCLES = {
    "a page that is its own parent": pdf(WORDS).replace(b"/Parent 2 0 R", b"/Parent 5 0 R"),
    "pages that hold themselves": pdf(WORDS).replace(b"/Kids[5 0 R]", b"/Kids[2 0 R]"),
    "a font of two bytes that is made of itself": pdf(
        text(b"<0003>"), font_of_two_bytes(b"Batang", b"UniKS-UCS2-H", b"Korea1")
    ).replace(b"/DescendantFonts[5 0 R]", b"/DescendantFonts[4 0 R]"),
    "an appearance that draws itself": pdf(
        annotations=[b"<</Type/Annot/Subtype/Widget/Rect[50 200 150 240]/F 4/AP<</N 6 0 R>>>>"],
        others=[stream(b"/X Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>")],
    ),
    "a form whose fields hold themselves": pdf(
        annotations=[b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/Rect[50 200 150 240]/Kids[5 0 R]/Parent 5 0 R>>"],
        catalogue=b"/AcroForm<</Fields[5 0 R]>>",
    ),
    "attachments that hold themselves": pdf(
        WORDS, catalogue=b"/Collection<<>>/Names<</EmbeddedFiles 5 0 R>>", others=[b"<</Kids[5 0 R]/Names[(a) 5 0 R]>>"]
    ),
    "a map of letters that is no map": pdf(
        text(b"<0003>"), font_of_two_bytes(b"Batang", b"Identity-H", b"Identity", b"999999999 beginbfchar <0003>")
    ),
    "a name of a font with zero bytes and 10,000 letters": pdf(
        WORDS, [b"<</Type/Font/Subtype/TrueType/BaseFont/%s>>" % (b"#00Batang#ff" * 1000)]
    ),
    "a font with widths of 10^38": pdf(
        WORDS,
        [
            b"<</Type/Font/Subtype/TrueType/BaseFont/Arial/FirstChar 0/LastChar 255/Widths[%s]/FontDescriptor 5 0 R>>"
            % (b"1e38 " * 256),
            descriptor(b"Arial"),
        ],
    ),
    "an XFA form of random bytes": pdf(
        WORDS, catalogue=b"/AcroForm<</Fields[]/XFA[(template) 5 0 R]>>", others=[stream(b"\xff<xml\0" * 999)]
    ),
    "a line to infinity": pdf(annotations=[LINE % (b"Line", b"/L[-1e38 -1e38 1e38 1e38]")], font=[HELVETICA]),
}


@pytest.mark.parametrize("name", CIRCLES)
def test_objects_that_lead_nowhere_end(name):
    with memory_below(300):
        image_decoder(CIRCLES[name])


@pytest.mark.parametrize(
    "tail",
    [
        b"endobj" * 1_000_000,
        b"\n1 0 obj" * 1_000_000,
        b"xref" * 1_000_000,
        b"/Catalog" * 1_000_000,
        b"\xff" * 9_000_000,
    ],
    ids=["ends of objects", "starts of objects", "tables", "catalogues", "noise"],
)
def test_an_end_of_megabytes_without_its_mark(tail):
    with memory_below(300):
        found = inspect(pdf(WORDS)[:-30] + tail)
        assert found.problem is None or found.problem.code in (ProblemCode.TRUNCATED, ProblemCode.PDF_DAMAGED)


def test_the_same_page_after_all_of_these():
    """None of them leaves something behind in PDFium."""
    expected = decode(pdf(WORDS))
    for data in CIRCLES.values():
        inspect(data)
    assert np.array_equal(decode(pdf(WORDS)), expected)
