"""PDFs as a whole: what is refused, what is said of a page, and what a cut file gives."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from pdf_file import font_of_two_bytes, pdf, stream, text

from munseo._data import Page, decode, inspect
from munseo._data.decoder import decode_pages
from munseo._data.image_check import check_images
from munseo._data.image_error import ProblemCode

FILES = b"/Names<</EmbeddedFiles<</Names[(a.pdf) 5 0 R]>>>>"
FILE = b"<</Type/Filespec/F(a.pdf)/UF(a.pdf)/EF<</F 6 0 R>>>>", stream(b"%PDF-", b"/Type/EmbeddedFile")
WORDS = text(b"(Please wait)")


def problem_of(data: bytes) -> ProblemCode | None:
    found = inspect(data, "page.pdf").problem
    return None if found is None else found.code


def test_a_portfolio_is_named_and_other_documents_with_attachments_are_read():
    portfolio = pdf(WORDS, catalogue=b"/Collection<</View/T>>" + FILES, others=FILE)
    assert problem_of(portfolio) == ProblemCode.PDF_PORTFOLIO
    invoice = pdf(WORDS, catalogue=FILES, others=FILE)
    letter = pdf(WORDS, catalogue=b"/Collection<</View/T>>" + FILES, others=FILE, num_pages=2)
    empty = pdf(WORDS, catalogue=b"/Collection<</View/T>>")
    for data in (invoice, letter, empty):
        assert np.array_equal(decode(data), decode(pdf(WORDS)))


FIELD = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/Rect[50 200 150 240]/F 4/AP<</N 6 0 R>>>>"
RED = stream(b"1 0 0 rg 0 0 100 40 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 100 40]")
XFA = b"/AcroForm<</Fields[%s]/XFA[(template) 3 0 R]>>%s"


@pytest.mark.parametrize("catalogue", [XFA % (b"", b""), XFA % (b"", b"/NeedsRendering true")])
def test_a_dynamic_form_is_named(catalogue, capfd):
    data = pdf(WORDS, catalogue=catalogue)
    assert problem_of(data) == ProblemCode.PDF_XFA_FORM
    assert [page.problem.code for page in decode_pages(data)] == [ProblemCode.PDF_XFA_FORM]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("catalogue", [XFA % (b"5 0 R", b""), XFA % (b"5 0 R", b"/NeedsRendering true")])
def test_a_form_whose_fields_are_on_the_page_is_drawn(catalogue, capfd):
    found = decode(pdf(WORDS, annotations=[FIELD], catalogue=catalogue, others=[RED]))
    assert (found == [255, 0, 0]).all(2).sum() > 10_000
    assert capfd.readouterr() == ("", "")


def undrawn_pdf() -> bytes:
    """Return a page with a letter that no font has."""
    letters = b"1 beginbfchar <0003> <2D30> endbfchar"
    return pdf(text(b"<00030003>"), font_of_two_bytes(b"Tamazight", b"Identity-H", b"Identity", letters))


def test_a_page_with_text_and_a_blank_picture_is_noted_once(tmp_path):
    assert inspect(undrawn_pdf()).has_undrawn_text
    for name, data in {"1": undrawn_pdf(), "2": undrawn_pdf(), "3": pdf(WORDS), "4": pdf()}.items():
        (tmp_path / f"{name}.pdf").write_bytes(data)
    pages = [Page(f"{number}.pdf", tmp_path / f"{number}.pdf", 0) for number in (1, 2, 3, 4)]
    (note,) = check_images(pages).notes
    assert note.startswith("2 pages of PDFs are blank although text stands on them")
    assert "1.pdf first" in note


@pytest.mark.parametrize("content", [b"", text(b"(   )"), WORDS, b"0.9 g 0 0 200 300 re f", b"0 0 9 9 re f"])
def test_a_page_is_not_called_blank_if_it_has_no_text_or_a_picture(content):
    assert not inspect(pdf(content)).has_undrawn_text


def test_a_page_that_text_covers_in_its_own_colour_is_not_drawn_either():
    assert inspect(pdf(b"1 g " + WORDS)).has_undrawn_text


LONG = pdf(WORDS + b"\n%" + b"x" * 3000)


def test_whatever_is_cut_off_a_page_is_the_same_or_said_to_be_cut():
    whole = decode(LONG)
    kept = set()
    for lost in (*range(1, 600, 7), 1000, 2000, 3000):
        problem = problem_of(LONG[:-lost])
        assert problem in (None, ProblemCode.TRUNCATED), lost
        if problem is None:
            kept.add(lost)
            assert np.array_equal(decode(LONG[:-lost]), whole), lost
    assert {1, 29, 99} <= kept, "the table at the end can be made again"
    assert max(kept) < len(LONG) - LONG.rindex(b"endobj")


def with_table_as_stream(objects: list[bytes]) -> bytes:
    """Return a file in the manner of PDF 1.5: its table of objects is a stream."""
    data, rows = b"%PDF-1.7\n", [b"\0\0\0\0\xff"]
    for number, content in enumerate(objects, 1):
        rows.append(b"\1%b\0" % len(data).to_bytes(3, "big"))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    place, size = len(data), len(objects) + 2
    rows.append(b"\1%b\0" % place.to_bytes(3, "big"))
    entries = b"/Type/XRef/W[1 3 1]/Root 1 0 R/Size %d/Filter/FlateDecode" % size
    table = stream(zlib.compress(b"".join(rows)), entries)
    return data + b"%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (size - 1, table, place)


def test_a_file_that_lost_what_stands_behind_its_table_as_a_stream():
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 300]/Contents 4 0 R>>"
    content = stream(b"1 0 0 rg 50 50 100 100 re f")
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, content]
    data = with_table_as_stream(objects)
    end = len(data) - data.rindex(b"endobj")
    for lost in (1, 9, 20, end - 6):
        assert np.array_equal(decode(data[:-lost]), decode(data)), lost
    for lost in (end + 30, end + 100):
        assert problem_of(data[:-lost]) == ProblemCode.TRUNCATED


def test_a_file_that_pdfium_reads_although_pages_are_missing_is_cut_short():
    """A file for the web has a table at its start too, so that PDFium opens it without its end."""
    data = pdf(WORDS, num_pages=2)
    start = data.index(b"xref")
    early = data[start:].replace(b"%%EOF\n", b"")
    assert problem_of(data + b"9 0 obj\n<</Length 999>>stream\nabc") is None, "its end is there, in front of the rest"
    cut = data[:start] + early + b"7 0 obj\n<</Type/X>>\nendobj\n9 0 obj\n<</Length 999>>stream\nabc"
    assert problem_of(cut) == ProblemCode.TRUNCATED


def test_what_stands_behind_the_end_does_not_matter():
    for more in (b"\0" * 5000, b"<html></html>" * 200):
        assert np.array_equal(decode(pdf(WORDS) + more), decode(pdf(WORDS)))


def test_an_encrypted_file_without_its_end_is_cut_short():
    data = pdf(WORDS, others=[b"<</Filter/Standard/V 1/R 2/O<41>/U<42>/P -4>>"])
    assert problem_of(data[: data.rindex(b"trailer") + 20]) == ProblemCode.TRUNCATED


@pytest.mark.parametrize("filter", [b"/Filter/Adobe.PubSec/SubFilter/adbe.pkcs7.s5/V 4/R 4", b"/Filter/SomeDRM/V 1"])
def test_a_file_for_certain_people_or_programs_is_locked(filter):
    data = pdf(WORDS, others=[b"<<%s>>" % filter]).replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt 5 0 R/ID[<00><00>]")
    assert problem_of(data) == ProblemCode.PDF_LOCKED


def test_a_damaged_page_costs_no_other_page():
    data = pdf(WORDS, num_pages=3).replace(b"/Kids[5 0 R 6 0 R 7 0 R]", b"/Kids[5 0 R 9 0 R 7 0 R]")
    pages = list(decode_pages(data))
    assert [page.problem and str(page.problem) for page in pages][::2] == [None, None]
    assert pages[1].problem is not None
    assert "is a PDF whose page 2 is damaged" in str(pages[1].problem)
    assert np.array_equal(pages[0].pixels, pages[2].pixels)
