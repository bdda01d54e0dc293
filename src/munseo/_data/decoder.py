"""The one door through which every image enters: files and bytes in, upright 8-bit RGB out.

The format is told by the first bytes, the size is checked before any pixel is decoded, and whatever cannot be read
whole is refused with a reason. Plain 8-bit JPEG and PNG go through OpenCV (about twice as fast), all else through
Pillow and PDFium; both ways give the same pixels.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from munseo._data.formats import HEAD_BYTES, image_kind, refusal
from munseo._data.image_error import ImageError, ImageProblem, ProblemCode, UnreadableError, words_of
from munseo._data.jpeg_check import check_scans, is_filled_up, is_whole
from munseo._data.pdf import PdfPages
from munseo._data.pixels import to_rgb, upright

MAX_PIXELS = 200_000_000
"""Larger images are refused before decoding; an A0 sheet at 300 dpi has 139 million."""

MAX_BYTES = 2**30
"""Larger files are refused before reading; ``MAX_PIXELS`` of uncompressed RGB fit in."""

MAX_PAGES = 10_000
"""Pages of one file that are read and counted; a book at the limit of ``MAX_BYTES`` has fewer."""

# A hostile TIFF makes Pillow warn once a tag, 65,535 times; what matters of it is said in words of our own.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_CUT_SHORT = ImageProblem(ProblemCode.TRUNCATED)

# The readers themselves, not Image.open: that would try formats by itself, and it warns and stops at limits of its own.
_READERS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
}

_PLAIN_PNG_CHUNKS = frozenset(
    [b"IHDR", b"IDAT", b"IEND", b"pHYs", b"sRGB", b"gAMA", b"cHRM", b"iCCP", b"sBIT", b"tIME", b"bKGD", b"tEXt"]
)
"""Chunks beside which the pixels stay what they are; any other (transparency, EXIF, animation) is Pillow's business."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a full look at one file found."""

    width: int
    """Of the upright image, in px; 0 where there is a problem."""
    height: int
    format: str
    """``JPEG``, ``PNG``, ``TIFF``, ``WEBP``, ``GIF``, ``BMP`` or ``PDF``; empty where there is a problem."""
    num_pages: int
    """Of a TIFF or PDF, of which the first is used; 1 for all others. Pages of a TIFF are counted up to the limit."""
    problem: ImageProblem | None
    """Why the file cannot be read, or None."""


@dataclass(frozen=True, slots=True)
class FilePage:
    """One page of a file, or why there is none."""

    number: int
    """From 1."""
    num_pages: int
    """Of the file that follow each other here: with the last of them the file is done."""
    pixels: np.ndarray | None
    """(H, W, 3) uint8 RGB, upright; None where there is a problem."""
    problem: ImageProblem | None = None


@dataclass(frozen=True, slots=True)
class _Decoded:
    pixels: np.ndarray
    num_pages: int
    format: str


def decode(source: Path | bytes, name: str | None = None) -> np.ndarray:
    """Read one image.

    Args:
        source: A file, or its content.
        name: What to call it in messages; default: the file's name.

    Returns:
        (H, W, 3) uint8 RGB, upright by its EXIF orientation, transparency laid on white. Of a multi-page TIFF or PDF
        the first page, of an animation the first frame.

    Raises:
        ImageError: It is no file, no image of a known format, larger than ``MAX_PIXELS``, damaged or cut short.
    """
    return _decode(source, _name_of(source, name)).pixels


def inspect(
    source: Path | bytes, name: str | None = None, look: Callable[[np.ndarray], None] | None = None
) -> Inspection:
    """Decode one image to see whether it can be; a problem is returned, not raised. ``look`` is shown the pixels."""
    try:
        found = _decode(source, _name_of(source, name))
    except ImageError as error:
        return Inspection(0, 0, "", 0, error.problem)
    if look is not None:
        look(found.pixels)
    height, width = found.pixels.shape[:2]
    return Inspection(width, height, found.format, found.num_pages, None)


def decode_pages(source: Path | bytes, name: str | None = None, max_pixels: int | None = None) -> Iterator[FilePage]:
    """Read all pages of one file, one after the other: of a PDF or TIFF each page, of any other image the one.

    What cannot be read is a page with a problem, not raised: a damaged file is one such page, a damaged page among
    others is one of them, and pages beyond ``MAX_PAGES`` are one at the end.

    Args:
        source: A file, or its content.
        name: What to call it in messages; default: the file's name.
        max_pixels: Of a page; larger ones are refused before they are decoded. Default: ``MAX_PIXELS``.
    """
    name = _name_of(source, name)
    try:
        data = read_bytes(source, name) if isinstance(source, Path) else source
        document = _document(name, data, max_pixels)
    except ImageError as error:
        yield FilePage(1, 1, None, error.problem)
        return
    if document is None:
        yield _page(1, 1, lambda: _decode(data, name, max_pixels).pixels)
        return
    with closing(document):
        more = document.num_pages > MAX_PAGES
        num_pages = MAX_PAGES + 1 if more else document.num_pages
        for number in range(min(document.num_pages, MAX_PAGES)):
            yield _page(number + 1, num_pages, partial(_page_of, document, number, name))
    if more:
        yield FilePage(num_pages, num_pages, None, ImageProblem(ProblemCode.TOO_MANY_PAGES, most=MAX_PAGES))


def read_bytes(path: Path, name: str | None = None) -> bytes:
    """Read an image file whole, after a look at its kind and size.

    Raises:
        ImageError: It is missing, not a plain file (a FIFO would block), not readable, too large, or no image.
    """
    name = name or path.name
    if not path.is_file():
        raise ImageError(name, ImageProblem(ProblemCode.NOT_A_FILE if path.exists() else ProblemCode.NO_SUCH_FILE))
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if image_kind(head) is None:
                raise ImageError(name, refusal(head))
            data = head + file.read(MAX_BYTES + 1 - len(head))
    except OSError as error:
        raise ImageError(name, ImageProblem(ProblemCode.NOT_READABLE, error=error.strerror)) from None
    if len(data) > MAX_BYTES:
        raise ImageError(name, ImageProblem(ProblemCode.TOO_MANY_BYTES, most=MAX_BYTES))
    return data


def _name_of(source: Path | bytes, name: str | None) -> str:
    return name or (source.name if isinstance(source, Path) else "image")


def _decode(source: Path | bytes, name: str, max_pixels: int | None = None) -> _Decoded:
    data = read_bytes(source, name) if isinstance(source, Path) else source
    kind = _kind_of(name, data)
    document = _document(name, data, max_pixels)
    if document is not None:
        with closing(document):
            return _Decoded(_page_of(document, 0, name), document.num_pages, kind)
    with _refusing(name):
        if kind == "PNG" and len(data) >= 24:
            # Pillow reads on to the pixels before it tells the size.
            width, height = struct.unpack_from(">II", data, 16)
            _check_size(name, width, height, max_pixels)
        stream = BytesIO(data)
        image = _READERS[kind](stream)
        _check_size(name, *image.size, max_pixels)
        header_bytes = stream.tell()
        if kind == "JPEG":
            check_scans(data, header_bytes)
        plain = is_whole(data, header_bytes) if kind == "JPEG" else kind == "PNG" and _is_plain_png(data)
        fast = partial(_fast, image.mode)
        pixels = fast(data) if plain and image.mode in ("L", "RGB") else None
        if kind == "JPEG" and pixels is not None and is_filled_up(data, header_bytes, pixels):
            raise UnreadableError(_CUT_SHORT)
        if pixels is None:
            image.load()
            pixels = to_rgb(image)
        return _Decoded(upright(pixels, _orientation(image, plain)), 1, kind)


def _kind_of(name: str, data: bytes) -> str:
    kind = image_kind(data[:HEAD_BYTES])
    if kind is None:
        raise ImageError(name, refusal(data[:HEAD_BYTES]))
    return kind


class _TiffPages:
    """An open TIFF. Its pages are counted one by one, and not beyond the limit: a chain of millions is no document."""

    def __init__(self, name: str, data: bytes, max_pixels: int | None) -> None:
        self._name = name
        self._max_pixels = max_pixels
        self._image = TiffImagePlugin.TiffImageFile(BytesIO(data))
        _check_size(name, *self._image.size, max_pixels)
        self.num_pages = 1
        with suppress(EOFError):
            while self.num_pages <= MAX_PAGES:
                self._image.seek(self.num_pages)
                self.num_pages += 1

    def page(self, number: int) -> np.ndarray:
        self._image.seek(number)
        _check_size(self._name, *self._image.size, self._max_pixels)
        self._image.load()
        return upright(to_rgb(self._image), _orientation(self._image, plain=False))

    def close(self) -> None:
        self._image.close()


def _document(name: str, data: bytes, max_pixels: int | None) -> PdfPages | _TiffPages | None:
    """The file opened, if it is of a format that has pages."""
    kind = _kind_of(name, data)
    if kind not in ("PDF", "TIFF"):
        return None
    with _refusing(name):
        return PdfPages(data) if kind == "PDF" else _TiffPages(name, data, max_pixels)


def _page_of(document: PdfPages | _TiffPages, number: int, name: str) -> np.ndarray:
    with _refusing(name):
        return document.page(number)


def _page(number: int, num_pages: int, pixels: Callable[[], np.ndarray]) -> FilePage:
    try:
        return FilePage(number, num_pages, pixels())
    except ImageError as error:
        return FilePage(number, num_pages, None, error.problem)


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Whatever a reader raises becomes an ``ImageError``: for damaged files Pillow alone raises a dozen types."""
    try:
        yield
    except ImageError:
        raise
    except UnreadableError as error:
        raise ImageError(name, error.problem) from None
    except MemoryError:
        raise ImageError(name, ImageProblem(ProblemCode.OUT_OF_MEMORY)) from None
    except Exception as error:
        reason = words_of(error)
        if "truncated" in reason.lower() or "requires a buffer" in reason:
            raise ImageError(name, _CUT_SHORT) from error
        raise ImageError(name, ImageProblem(ProblemCode.NOT_DECODABLE, error=reason)) from error


def _check_size(name: str, width: int, height: int, max_pixels: int | None) -> None:
    most = MAX_PIXELS if max_pixels is None else max_pixels
    if width < 1 or height < 1:
        raise ImageError(name, ImageProblem(ProblemCode.NO_PIXELS, width=width, height=height))
    if width * height > most:
        problem = ImageProblem(ProblemCode.TOO_MANY_PIXELS, width=width, height=height, most=most)
        raise ImageError(name, problem)


def _fast(mode: str, data: bytes) -> np.ndarray | None:
    """Decode plain grey or RGB with OpenCV; None where it cannot, and Pillow shall say why."""
    flag = cv2.IMREAD_GRAYSCALE if mode == "L" else cv2.IMREAD_COLOR
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        return None
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB if mode == "L" else cv2.COLOR_BGR2RGB)


def _is_plain_png(data: bytes) -> bool:
    """Whether it has 8 bits a channel and no chunk that changes the pixels.

    Raises:
        UnreadableError: The end chunk is missing.
    """
    position, plain = 8, data[24] == 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        plain = plain and kind in _PLAIN_PNG_CHUNKS
        plain = plain and not data.startswith(b"Raw profile", position + 8)
        position += 12 + length
        if kind == b"IEND":
            return plain
    raise UnreadableError(_CUT_SHORT)


def _orientation(image: ImageFile, plain: bool) -> int:
    """The EXIF orientation, or 1.

    A TIFF has been turned by Pillow's load() already and tells 1 from then on. A plain PNG has no EXIF, and asking
    Pillow for it would decode the file once more.
    """
    if plain and image.format == "PNG":
        return 1
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, OverflowError, struct.error):
        # The picture is whole; only the camera's notes about it are broken, and every viewer shows it unturned.
        return 1
