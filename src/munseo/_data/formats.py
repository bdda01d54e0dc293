"""The image formats that Munseo reads, as one table; a format is recognised by the first bytes, not by the name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from PIL import AvifImagePlugin, GifImagePlugin, Jpeg2KImagePlugin, PngImagePlugin, WebPImagePlugin

from munseo._data.bitfield_bmp import open_bmp
from munseo._data.foreign_formats import content_of
from munseo._data.image_error import ImageProblem, ProblemCode
from munseo._data.image_readers import NETPBM, Open, by_pillow, open_heic, open_jpeg, open_netpbm
from munseo._data.paged_files import PagedFile
from munseo._data.pdf_pages import PdfPages
from munseo._data.tiff_pages import TiffPages

HEAD_BYTES = 1024  # the bytes that are looked at; a PDF may start anywhere within them (PDF 1.7, appendix H)


@dataclass(frozen=True)
class ImageFormat:
    """A format that Munseo reads."""

    name: str
    start: bytes  # regular expression that matches the first bytes of a file
    extensions: tuple[str, ...]  # extensions of its file names, in small letters
    # What opens a file that holds one image, given the most pixels; None for formats of several pages.
    open_image: Open | None = None
    # What opens a file that holds several pages, given its content and the most pixels of a page.
    open_pages: Callable[[bytes, int], PagedFile] | None = None
    title: str = ""  # how messages spell the format; empty if they spell it as ``name``


_PNG, _WEBP, _GIF = PngImagePlugin.PngImageFile, WebPImagePlugin.WebPImageFile, GifImagePlugin.GifImageFile
_AVIF, _JPEG_2000 = AvifImagePlugin.AvifImageFile, Jpeg2KImagePlugin.Jpeg2KImageFile

FORMATS: dict[str, ImageFormat] = {
    entry.name: entry
    for entry in (
        # JPEG-LS starts the same, with the mark F7 or E8 of its own.
        ImageFormat("JPEG", rb"\xff\xd8\xff(?!\xf7|\xe8..SPIFF)", (".jpg", ".jpeg", ".jpe", ".jfif"), open_jpeg),
        ImageFormat("PNG", rb"\x89PNG\r\n\x1a\n", (".png",), by_pillow(_PNG)),
        ImageFormat("TIFF", rb"II[\x2a\x2b]\x00|MM\x00[\x2a\x2b]", (".tif", ".tiff"), open_pages=TiffPages),
        # "BM" alone would also match a text; the second header has one of these sizes in every BMP.
        ImageFormat("BMP", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\x00{3}", (".bmp", ".dib"), open_bmp),
        ImageFormat("WEBP", rb"RIFF.{4}WEBP", (".webp",), by_pillow(_WEBP), title="WebP"),
        ImageFormat("GIF", rb"GIF8[79]a", (".gif",), by_pillow(_GIF)),
        # Before HEIC: both may start with a brand of their common container, and then name their own.
        ImageFormat(
            "AVIF", rb".{4}ftyp(avi[fs]|(mif1|msf1|miaf).{4}(.{4}){0,12}?avi[fs])", (".avif",), by_pillow(_AVIF)
        ),
        ImageFormat("HEIC", rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", (".heic", ".heif", ".hif"), open_heic),
        ImageFormat(
            "JPEG2000",
            rb"\x00\x00\x00\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
            (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
            by_pillow(_JPEG_2000),
            title="JPEG 2000",
        ),
        ImageFormat("PPM", NETPBM, (".pbm", ".pgm", ".ppm", ".pnm"), open_netpbm, title="PBM/PGM/PPM"),
        # Last, because its mark may be anywhere in the first bytes.
        ImageFormat("PDF", rb".{0,1019}%PDF-", (".pdf",), open_pages=lambda data, _: PdfPages(data)),
    )
}
"""The formats by name. To add one, add an entry here; nothing else has a list of formats."""

IMAGE_EXTENSIONS = frozenset(extension for entry in FORMATS.values() for extension in entry.extensions)


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
    return ImageProblem(ProblemCode.NOT_AN_IMAGE, content=content_of(head), formats=", ".join(titles), last_format=last)
