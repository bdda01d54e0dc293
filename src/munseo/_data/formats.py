"""The image formats that Munseo reads, as one table; a format is recognised by the first bytes, not by the name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.Image import Image

from munseo._data.bitfield_bmp import open_bmp
from munseo._data.image_error import ImageProblem, ProblemCode
from munseo._data.paged_files import PagedFile, PdfPages, TiffPages
from munseo._locale import Remark

HEAD_BYTES = 1024  # the bytes that are looked at; a PDF may start anywhere within them (PDF 1.7, appendix H)


@dataclass(frozen=True)
class ImageFormat:
    """A format that Munseo reads."""

    name: str
    start: bytes  # regular expression that matches the first bytes of a file
    extensions: tuple[str, ...]  # extensions of its file names, in small letters
    # What opens a file that holds one image; None for formats of several pages. It is Pillow's reader for the
    # format and not ``Image.open``, which would try other formats and has its own limits.
    open_image: Callable[[BytesIO], Image] | None = None
    # What opens a file that holds several pages, given its content and the most pixels of a page.
    open_pages: Callable[[bytes, int], PagedFile] | None = None
    title: str = ""  # how messages spell the format; empty if they spell it as ``name``


FORMATS: dict[str, ImageFormat] = {
    entry.name: entry
    for entry in (
        ImageFormat("JPEG", rb"\xff\xd8\xff", (".jpg", ".jpeg", ".jpe", ".jfif"), JpegImagePlugin.JpegImageFile),
        ImageFormat("PNG", rb"\x89PNG\r\n\x1a\n", (".png",), PngImagePlugin.PngImageFile),
        ImageFormat("TIFF", rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]", (".tif", ".tiff"), open_pages=TiffPages),
        # "BM" alone would also match a text; the second header has one of these sizes in every BMP.
        ImageFormat("BMP", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\x00{3}", (".bmp", ".dib"), open_bmp),
        ImageFormat("WEBP", rb"RIFF.{4}WEBP", (".webp",), WebPImagePlugin.WebPImageFile, title="WebP"),
        ImageFormat("GIF", rb"GIF8[79]a", (".gif",), GifImagePlugin.GifImageFile),
        # Last, because its mark may be anywhere in the first bytes.
        ImageFormat("PDF", rb".{0,1019}%PDF-", (".pdf",), open_pages=lambda data, _: PdfPages(data)),
    )
}
"""The formats by name. To add one, add an entry here; nothing else has a list of formats."""

IMAGE_EXTENSIONS = frozenset(extension for entry in FORMATS.values() for extension in entry.extensions)

_OTHER_CONTENT = (
    ("svg", rb"(?i)(\xef\xbb\xbf)?\s*(<\?xml.*?)?(<!--.*?-->\s*|<!doctype svg.*?)*<svg"),
    ("html", rb"(?i)(\xef\xbb\xbf)?\s*(<\?xml.*?)?(<!--.*?-->\s*)*(<!doctype html|<html|<head|<body)"),
    ("FITS", rb"SIMPLE  ="),
    ("JPEG 2000", rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"),
    ("JPEG XL", rb"\xff\x0a|\x00\x00\x00\x0cJXL "),
    ("HEIC", rb".{4}ftyp(hei|hev|mif1|msf1)"),
    ("AVIF", rb".{4}ftypavi"),
    ("video", rb".{4}ftyp"),
    ("Photoshop", rb"8BPS"),
    ("PostScript", rb"%!PS"),
    ("DjVu", rb"AT&TFORM"),
    ("icon", rb"\x00\x00\x01\x00"),
    ("zip", rb"PK\x03\x04"),
    ("ole", rb"\xd0\xcf\x11\xe0"),
    ("gzip", rb"\x1f\x8b"),
    ("lfs", rb"version https://git-lfs"),
    ("XML", rb"(\xef\xbb\xbf)?\s*<\?xml"),
)
"""Content that Munseo recognises but does not read, and how it starts. The name is the same in all languages, or it is
the end of the key ``note.image.content.<name>`` in the catalogue of texts."""


def find_format(head: bytes) -> ImageFormat | None:
    """Return the format of a file, given its first ``HEAD_BYTES``, or None if Munseo does not read it."""
    return next((entry for entry in FORMATS.values() if re.match(entry.start, head, re.DOTALL)), None)


def num_line_ends(head: bytes) -> int:
    """Return the number of line ends before a JPEG or PNG: some gateways of mail and fax put them there."""
    number = len(head) - len(head.lstrip(b"\r\n"))
    found = find_format(head[number:])
    return number if found is not None and found.name in ("JPEG", "PNG") else 0


def refusal(head: bytes) -> ImageProblem:
    """Return why a file of none of the formats is refused."""
    if not head:
        return ImageProblem(ProblemCode.EMPTY_FILE)
    *titles, last = (entry.title or entry.name for entry in FORMATS.values())
    return ImageProblem(ProblemCode.NOT_AN_IMAGE, content=_content(head), formats=", ".join(titles), last_format=last)


def _content(head: bytes) -> Remark:
    """Return the name of what a file holds."""
    for name, start in _OTHER_CONTENT:
        if re.match(start, head, re.DOTALL):
            return Remark(f"image.content.{name}", text=name)
    if not head.strip(b"\0"):
        return Remark("image.content.zeros")
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return Remark("image.content.text")
    return Remark("image.content.unknown", {"start": head[:8].hex(" ")})
