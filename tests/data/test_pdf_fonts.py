"""PDFs without fonts: the letters are there, and the same on every machine."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from pdf_file import HELVETICA, descriptor, font_of_two_bytes, pdf, text
from pypdfium2 import raw

from munseo._data import decode
from munseo._data.pdf_fonts import font_for

NANUM, NANUM_BOLD, ARIMO, ARIMO_ITALIC, WITHIN_PDFIUM = 1, 2, 3, 4, 0
HANGUL = "주민등록등본"
KOREAN = font_of_two_bytes(b"MalgunGothic", b"UniKS-UCS2-H", b"Korea1")
CYRILLIC = (
    b"/Encoding<</BaseEncoding/WinAnsiEncoding/Differences[192/afii10017/afii10018/afii10019/afii10020]>>"
    b"/FirstChar 32/LastChar 255/Widths[" + b" ".join([b"600"] * 224) + b"]"
)


def korean_pdf(name: bytes = b"MalgunGothic", shown: str = HANGUL) -> bytes:
    font = font_of_two_bytes(name, b"UniKS-UCS2-H", b"Korea1")
    return pdf(text(b"<%s>" % shown.encode("utf-16-be").hex().encode()), font)


def num_dark(data: bytes) -> int:
    return int((decode(data, "page.pdf") < 128).all(2).sum())


@pytest.mark.parametrize(
    ("face", "charset", "weight", "is_italic", "font"),
    [
        (b"MalgunGothic", raw.FXFONT_HANGEUL_CHARSET, 400, False, NANUM),
        (b"AnyName", raw.FXFONT_HANGEUL_CHARSET, 700, False, NANUM_BOLD),
        (b"SimSun", raw.FXFONT_GB2312_CHARSET, 400, False, NANUM),
        (b"MS-Mincho", raw.FXFONT_SHIFTJIS_CHARSET, 400, True, NANUM),
        (b"HYSMyeongJo-Medium", raw.FXFONT_ANSI_CHARSET, 400, False, NANUM),
        (b"Gulim", raw.FXFONT_ANSI_CHARSET, 400, False, NANUM),
        ("굴림".encode("cp949"), raw.FXFONT_ANSI_CHARSET, 400, False, NANUM),
        ("함초롬바탕".encode(), raw.FXFONT_ANSI_CHARSET, 400, False, NANUM),
        (b"Batang", raw.FXFONT_SYMBOL_CHARSET, 400, False, WITHIN_PDFIUM),
        (b"Helvetica", raw.FXFONT_ANSI_CHARSET, 400, False, ARIMO),
        (b"Helvetica-Oblique", raw.FXFONT_ANSI_CHARSET, 400, True, ARIMO_ITALIC),
        (b"Helvetica-Bold", raw.FXFONT_ANSI_CHARSET, 700, False, WITHIN_PDFIUM),
        (b"Times-Roman", raw.FXFONT_ANSI_CHARSET, 400, False, WITHIN_PDFIUM),
        (b"CenturyGothic", raw.FXFONT_ANSI_CHARSET, 400, False, WITHIN_PDFIUM),
        (b"HypatiaSansPro-Regular", raw.FXFONT_ANSI_CHARSET, 400, False, WITHIN_PDFIUM),
        (b"HYPost-Light", raw.FXFONT_ANSI_CHARSET, 400, False, NANUM),
        (b"MicrosoftYaHei", raw.FXFONT_ANSI_CHARSET, 400, False, NANUM),
        (b"NotoSansKannada", raw.FXFONT_ANSI_CHARSET, 400, False, WITHIN_PDFIUM),
        (b"SourceHanSansK-Bold", raw.FXFONT_ANSI_CHARSET, 700, False, NANUM_BOLD),
        (b"LucidaTypewriter", raw.FXFONT_ANSI_CHARSET, 400, False, WITHIN_PDFIUM),
        (b"Anything", raw.FXFONT_CYRILLIC_CHARSET, 400, False, ARIMO),
    ],
)
def test_the_font_that_draws_another(face, charset, weight, is_italic, font):
    assert font_for(face, charset, weight, is_italic) == font


@pytest.mark.parametrize(
    ("encoding", "codes"),
    [
        (b"UniKS-UCS2-H", HANGUL.encode("utf-16-be")),
        (b"UniKS-UTF16-H", HANGUL.encode("utf-16-be")),
        (b"KSCms-UHC-H", HANGUL.encode("cp949")),
        (b"KSC-EUC-H", HANGUL.encode("euc-kr")),
    ],
)
def test_hangul_in_the_encodings_of_korean_documents(encoding, codes):
    """All of them name the same letters, so that the pictures are the same."""
    font = font_of_two_bytes(b"HYGoThic-Medium", encoding, b"Korea1")
    found = decode(pdf(text(b"<%s>" % codes.hex().encode()), font))
    assert np.array_equal(found, decode(korean_pdf()))
    assert num_dark(korean_pdf()) > 5000


def test_hangul_of_a_font_that_only_its_name_and_its_map_of_letters_know():
    letters = b"2 beginbfchar <0003> <AC00> <0004> <B098> endbfchar"
    found = pdf(text(b"<00030004>"), font_of_two_bytes(b"ABCDEF+HYGothic-Medium", b"Identity-H", b"Identity", letters))
    assert np.array_equal(decode(found), decode(korean_pdf(shown="가나")))


def test_bold_hangul_is_bold():
    assert num_dark(korean_pdf(b"MalgunGothic,Bold")) > 1.2 * num_dark(korean_pdf(b"MalgunGothic"))


def test_each_letter_of_hangul_has_its_own_picture():
    assert not np.array_equal(decode(korean_pdf(shown="가")), decode(korean_pdf(shown="나")))


@pytest.mark.parametrize("name", [b"ArialMT", b"TimesNewRomanPSMT", b"Calibri"])
def test_cyrillic_of_a_font_that_is_not_in_the_file(name):
    font = [
        b"<</Type/Font/Subtype/TrueType/BaseFont/%s%s/FontDescriptor 5 0 R>>" % (name, CYRILLIC),
        descriptor(name),
    ]
    pictures = [decode(pdf(text(shown), font)) for shown in (b"(\\300)", b"(\\301)", b"( )")]
    assert (pictures[2] == 255).all()
    assert all((picture < 128).sum() > 500 for picture in pictures[:2])
    assert not np.array_equal(*pictures[:2])


def test_helvetica_is_as_wide_as_it_should_be():
    """A line of a font without widths is as wide as its font, and another font would move what stands beside it."""
    dark = (decode(pdf(text(b"(Application)", 30), [HELVETICA])) < 128).all(2)
    columns = np.flatnonzero(dark.any(0)) * 300 / 1600  # points
    assert abs(columns[-1] - (20 + 30 * 4.891)) < 3  # the sum of the widths in Adobe's metrics of Helvetica, in em


def test_threads_and_forked_processes_draw_the_same():
    expected = hashed(korean_pdf())
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(hashed, [korean_pdf()] * 24)) == {expected}
    if "fork" in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context("fork").Pool(2) as workers:
            assert set(workers.map(hashed, [korean_pdf()] * 4)) == {expected}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_is_forked_while_threads_draw_can_draw():
    data, stopped = korean_pdf(), threading.Event()

    def draw() -> None:
        while not stopped.is_set():
            decode(data)

    threads = [threading.Thread(target=draw) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            with multiprocessing.get_context("fork").Pool(1) as worker:
                assert worker.apply_async(hashed, (data,)).get(timeout=60) == hashed(data)
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def hashed(data: bytes) -> str:
    return hashlib.sha256(decode(data).tobytes()).hexdigest()


PROGRAM = """
import ctypes, hashlib, sys
import pypdfium2
from pypdfium2 import raw

# PDFium takes the machine's fonts from this folder.
text = ctypes.POINTER(ctypes.c_char)
folders = (text * 2)(ctypes.cast(ctypes.c_char_p(sys.argv[1].encode()), text))
raw.FPDF_DestroyLibrary()
raw.FPDF_InitLibraryWithConfig(raw.FPDF_LIBRARY_CONFIG(version=2, m_pUserFontPaths=folders))
data = open(sys.argv[2], "rb").read()
if sys.argv[3] == "munseo":
    from munseo._data.pdf_pages import PdfPages
    pixels = PdfPages(data).page(0)
else:
    pixels = pypdfium2.PdfDocument(data)[0].render(scale=2).to_numpy()
print(hashlib.sha256(pixels.tobytes()).hexdigest())
"""


def test_a_machine_with_fonts_and_one_without_give_the_same_pixels(tmp_path):
    """A font that is called Arial and has another look is one that PDFium would take."""
    (tmp_path / "none").mkdir()
    (tmp_path / "some").mkdir()
    font = TTFont(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSerif-Bold.ttf")
    for record in font["name"].names:
        record.string = {1: "Arial", 2: "Regular", 4: "Arial"}.get(record.nameID, record.toUnicode())
    font.save(tmp_path / "some" / "arial.ttf")
    page = tmp_path / "page.pdf"
    page.write_bytes(pdf(text(b"(Application)")))
    found = {}
    for drawn_by in ("pdfium", "munseo"):
        for folder in ("none", "some"):
            command = [sys.executable, "-c", PROGRAM, str(tmp_path / folder), str(page), drawn_by]
            found[drawn_by, folder] = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert found["pdfium", "none"] != found["pdfium", "some"], "the test has to hide and to show a font"
    assert found["munseo", "none"] == found["munseo", "some"]
    assert found["munseo", "none"].strip() == hashed(page.read_bytes())
