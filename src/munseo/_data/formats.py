"""What a file is, by its first bytes; its name is not asked."""

from __future__ import annotations

import re

from munseo._data.image_error import ImageProblem, ProblemCode
from munseo._locale import Remark

HEAD_BYTES = 1024
"""How much of a file is looked at; a PDF may start anywhere within it (PDF 1.7, appendix H)."""

READS = "JPEG, PNG, TIFF, BMP, WebP, GIF and PDF"

_IMAGES = (
    ("JPEG", rb"\xff\xd8\xff"),
    ("PNG", rb"\x89PNG\r\n\x1a\n"),
    ("TIFF", rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]"),
    ("WEBP", rb"RIFF.{4}WEBP"),
    ("GIF", rb"GIF8[79]a"),
    # "BM" alone would also match a text; the reserved bytes 6 to 9 and a header size below 256 stand in every BMP.
    ("BMP", rb"BM.{4}\x00{4}.{4}.\x00{3}"),
    ("PDF", rb".{0,1019}%PDF-"),
)

_OTHERS = (
    ("svg", "SVG, a vector drawing", rb"(?i)(\xef\xbb\xbf)?\s*(<\?xml.*?)?(<!--.*?-->\s*|<!doctype svg.*?)*<svg"),
    (
        "html",
        "HTML, a web page",
        rb"(?i)(\xef\xbb\xbf)?\s*(<\?xml.*?)?(<!--.*?-->\s*)*(<!doctype html|<html|<head|<body)",
    ),
    ("", "FITS", rb"SIMPLE  ="),
    ("", "JPEG 2000", rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"),
    ("", "JPEG XL", rb"\xff\x0a|\x00\x00\x00\x0cJXL "),
    ("", "HEIC", rb".{4}ftyp(hei|hev|mif1|msf1)"),
    ("", "AVIF", rb".{4}ftypavi"),
    ("video", "video", rb".{4}ftyp"),
    ("", "Photoshop", rb"8BPS"),
    ("", "PostScript", rb"%!PS"),
    ("", "DjVu", rb"AT&TFORM"),
    ("icon", "an icon", rb"\x00\x00\x01\x00"),
    ("zip", "a ZIP archive, or a Word, Excel or HWPX file, which are ZIP archives", rb"PK\x03\x04"),
    ("ole", "an OLE document such as HWP or old Word", rb"\xd0\xcf\x11\xe0"),
    ("", "gzip", rb"\x1f\x8b"),
    ("lfs", "a Git LFS pointer; fetch the file itself with 'git lfs pull'", rb"version https://git-lfs"),
    ("", "XML", rb"(\xef\xbb\xbf)?\s*<\?xml"),
)


def image_kind(head: bytes) -> str | None:
    """Name the image format, or None where it is none that Munseo reads.

    Args:
        head: The first ``HEAD_BYTES`` of the file.
    """
    return next((name for name, pattern in _IMAGES if re.match(pattern, head, re.DOTALL)), None)


def refusal(head: bytes) -> ImageProblem:
    """Say why a file that is none of the formats above is refused."""
    if not head:
        return ImageProblem(ProblemCode.EMPTY_FILE)
    return ImageProblem(ProblemCode.NOT_AN_IMAGE, content=_content(head), formats=READS)


def _content(head: bytes) -> Remark | str:
    """Name what a file holds: a remark where the name is translated, a text where it is the same in all languages."""
    for key, name, pattern in _OTHERS:
        if re.match(pattern, head, re.DOTALL):
            return Remark(f"image.content.{key}", text=name) if key else name
    if not head.strip(b"\0"):
        return Remark("image.content.zeros", text="zero bytes only")
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return Remark("image.content.text", text="text")
    start = head[:8].hex(" ")
    return Remark("image.content.unknown", {"start": start}, f"an unknown format (starts with {start})")
