"""Every format that is not read is called by its name, in both languages, with the way to convert it."""

from __future__ import annotations

import io
import zipfile

import pytest

from munseo._data import inspect
from munseo._data.foreign_formats import _STARTS
from munseo._data.formats import find_format
from munseo._data.image_error import ProblemCode
from munseo._locale import LANGUAGES, Remark, Texts


def archive(*names: str, first: str = "") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in names:
            file.writestr(name, first if name == "mimetype" else "x" * 20)
    return stream.getvalue()


FILES = {
    "dicom": bytes(128) + b"DICM\x02\0\0\0",
    "jbig2": b"\x97JB2\r\n\x1a\n\x01",
    "pcx": b"\x0a\x05\x01\x08" + bytes(100),
    "dcx": b"\xb1\x68\xde\x3a" + bytes(20),
    "drm": b"\x9b DRMONE  This Document is encrypted and protected by Fasoo DRM",
    "rar": b"Rar!\x1a\x07\x01\x00",
    "sevenzip": b"7z\xbc\xaf\x27\x1c\0\4",
    "hwp": b"HWP Document File V3.00 \x1a\1\2\3\4\5",
    "hwpx": archive("mimetype", "version.xml", first="application/hwp+zip"),
    "opendocument": archive("mimetype", "content.xml", first="application/vnd.oasis.opendocument.text"),
    "epub": archive("mimetype", "a.xhtml", first="application/epub+zip"),
    "docx": archive("[Content_Types].xml", "_rels/.rels", "word/document.xml"),
    "xlsx": archive("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"),
    "pptx": archive("[Content_Types].xml", "_rels/.rels", "ppt/presentation.xml"),
    "ooxml": archive("[Content_Types].xml", "_rels/.rels"),
    "zip": archive("scan.jpg"),
    "ole": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60),
    "jpegxl": b"\xff\x0a\xfa\x7f",
    "jpegxr": b"II\xbc\x01\x20\0\0\0",
    "jpegls": b"\xff\xd8\xff\xf7\0\x0b\x08",
    "photoshop": b"8BPS\0\1" + bytes(20),
    "fits": b"SIMPLE  =                    T",
    "svg": b"<?xml version='1.0'?>\n<!-- x -->\n<svg xmlns='http://www.w3.org/2000/svg'/>",
    "html": b"\xef\xbb\xbf  <html lang='ko'>",
    "xml": b"<?xml version='1.0'?><note/>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0",
    "djvu": b"AT&TFORM\0\0\0\0DJVU",
    "icon": b"\0\0\1\0\1\0" + bytes(20),
    "metafile": b"\x01\x00\x00\x00" + bytes(36) + b" EMF",
    "video": b"\0\0\0\x18ftypisom\0\0\0\0",
    "raw": b"\0\0\0\x18ftypcrx \0\0\0\0",
    "pam": b"P7\nWIDTH 4\n",
    "rtf": rb"{\rtf1\ansi",
    "mail": b"From: a@example.org\r\nSubject: x\r\n",
    "gzip": b"\x1f\x8b\x08\0\0",
    "tar": b"scan.jpg".ljust(257, b"\0") + b"ustar\00000",
    "lfs": b"version https://git-lfs.github.com/spec/v1\n",
    "program": b"\x7fELF\x02\x01\x01\0",
    "parquet": b"PAR1\x15\x04",
    "zeros": bytes(100),
    "text": "ID,target\n가.jpg,3\n".encode(),
    "unknown": b"\x05\x06\x07\x08\xfe",
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_called_by_its_name(name):
    problem = inspect(FILES[name]).problem
    assert problem.code == ProblemCode.NOT_AN_IMAGE
    assert problem.values["content"].key == f"image.content.{name}"


def test_every_name_has_its_words_with_the_way_out_in_both_languages():
    for language in LANGUAGES:
        texts = Texts(language, "note")
        for name in [name for name, _ in _STARTS] + ["zeros", "text", "unknown"]:
            words = texts.remark(Remark(f"image.content.{name}", {"start": "00"})).rstrip(")")
            # English has the way to convert it behind a semicolon, Korean asks for it.
            has_a_way_out = ";" in words if language == "en" else words.endswith(("세요", "없습니다"))
            assert has_a_way_out, (language, name)


@pytest.mark.parametrize("name", FILES)
def test_no_format_that_is_read_starts_like_it(name):
    assert find_format(FILES[name][:1024]) is None


@pytest.mark.parametrize("start", [b"SCDSA002\0\0", b"SCDSA004\0A", b"<## NASCA DRM FILE - VER1.00 ##>"])
def test_a_document_that_is_locked_by_another_program_is_called_so(start):
    assert inspect(start + bytes(range(256)), "scan.pdf").problem.values["content"].key == "image.content.drm"
