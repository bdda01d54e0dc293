"""The decoder through which every image enters: files and bytes in, upright 8-bit RGB or grey out.

The format is recognised by the first bytes, the size is checked before any pixel is decoded, and whatever cannot be
read whole is refused with a reason. Plain 8-bit JPEG and PNG go through OpenCV (about twice as fast); all else goes
through the reader of the format, which ``formats.py`` names.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL.Image import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile

from munseo._data.container.contained_file import ContainedFile, ImageFile
from munseo._data.formats import HEAD_BYTES, ImageFormat, find_format, num_line_ends, refusal
from munseo._data.image_error import ImageError, ImageProblem, ProblemCode, UnreadableError, words_of
from munseo._data.image_readers import Open
from munseo._data.jpeg_check import check_scans, is_filled_up, with_end
from munseo._data.large_page import (
    ReducedPage,
    large_page_alone,
    pillow_limit_suspended,
    reduced_array,
    reduction_factor,
)
from munseo._data.paged_files import MAX_PAGES
from munseo._data.pixel_aspect import aspect_ratio, stretched
from munseo._data.pixels import check_size, exif_orientation, on_white, to_8_bits, to_rgb, upright
from munseo._data.png_repair import without_obstacles

MAX_PIXELS = 200_000_000  # Larger images are refused before decoding; an A0 sheet at 300 dpi has 139 million
MAX_BYTES = 2**30  # Larger files are refused before reading; ``MAX_PIXELS`` of uncompressed RGB fit in

# A hostile TIFF makes Pillow warn once a tag, 65,535 times; what matters about it is reported as an ImageProblem.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_CUT_SHORT = ImageProblem(ProblemCode.TRUNCATED)
_WORDS_OF_AN_END = ("truncated", "requires a buffer", "but only got", "unexpected end")
"""How the libraries say that a file is cut short; none of them has a type of error for it."""

_JPEG_2000_END_BYTES = 65536  # behind the end mark there may only be boxes about the picture
_REDUCING = {
    2: (cv2.IMREAD_REDUCED_GRAYSCALE_2, cv2.IMREAD_REDUCED_COLOR_2),
    4: (cv2.IMREAD_REDUCED_GRAYSCALE_4, cv2.IMREAD_REDUCED_COLOR_4),
}
"""The flags for grey and colour by which a JPEG is reduced while it is decoded."""

_PLAIN_PNG_CHUNKS = frozenset(
    [b"IHDR", b"IDAT", b"IEND", b"pHYs", b"sRGB", b"gAMA", b"cHRM", b"iCCP", b"sBIT", b"tIME", b"bKGD", b"tEXt"]
)
"""Chunks that do not change the pixels. Any other (transparency, EXIF, animation) is left to Pillow."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of decoding a file to check it."""

    # Width of the upright image, px; 0 where there is a problem, as ``height`` and ``num_pages`` are. A large page is
    # reduced while it is decoded, and this is its size before.
    width: int
    height: int
    format: str  # name of the format, see ``FORMATS``; empty where there is a problem
    # The pages of a TIFF or PDF, of which the first is used; 1 for all others. Pages of a TIFF are counted up to
    # the limit.
    num_pages: int
    problem: ImageProblem | None
    has_square_pixels: bool = True  # whether the page was not stretched to its true shape
    has_undrawn_text: bool = False  # whether a page of a PDF is blank although characters stand on it


@dataclass(frozen=True, slots=True)
class FilePage:
    """One page of a file, or the reason why it cannot be read."""

    number: int  # number of the page, from 1
    num_pages: int  # pages of the file that are yielded: with the last of them the file is done
    pixels: np.ndarray | None  # (H, W, 3) uint8 RGB, or (H, W) if grey, upright; None where there is a problem
    problem: ImageProblem | None = None
    has_square_pixels: bool = True  # whether the page was not stretched to its true shape


def decode(source: ImageFile | bytes, name: str | None = None) -> np.ndarray:
    """Read one image, as ``decode_stored`` does, always as RGB (H, W, 3)."""
    return to_rgb(decode_stored(source, name))


def decode_stored(source: ImageFile | bytes, name: str | None = None) -> np.ndarray:
    """Read one image with the channels that its file stores.

    Args:
        source: A file, its place in an archive or table, or its content.
        name: What messages call it; default: the name of the file.

    Returns:
        uint8, RGB (H, W, 3) or grey (H, W), upright by its EXIF orientation, transparency laid on white. Of a TIFF or
        PDF with several pages it is the first page, of an animation the first frame. A page of more than
        ``LARGE_PIXELS`` is reduced to half of its width and height, or to a quarter.

    Raises:
        ImageError: It is not a file, not an image of a known format, larger than ``MAX_PIXELS``, damaged or cut short.
    """
    return _decode(source, _name_of(source, name)).pixels


def inspect(
    source: ImageFile | bytes, name: str | None = None, look: Callable[[np.ndarray], None] | None = None
) -> Inspection:
    """Decode one image, as ``decode`` does, to see whether that works; a problem is returned, not raised.

    If there are pixels, ``look`` is called with them, as RGB (H, W, 3).
    """
    try:
        page = _decode(source, _name_of(source, name))
    except ImageError as error:
        return Inspection(0, 0, "", 0, error.problem)
    if look is not None:
        look(to_rgb(page.pixels))
    width, height = page.size
    return Inspection(width, height, page.format, page.num_pages, None, page.has_square_pixels, page.has_undrawn_text)


def decode_pages(
    source: ImageFile | bytes, name: str | None = None, max_pixels: int | None = None
) -> Iterator[FilePage]:
    """Read all pages of one file, one after the other: each page of a PDF or TIFF, the one image of any other file.

    What cannot be read is yielded as a page with a problem and not raised: a damaged file is one such page, a damaged
    page among others is one of them, and all pages beyond ``MAX_PAGES`` are one at the end.

    Args:
        source: A file, or its content.
        name: What messages call it; default: the name of the file.
        max_pixels: Larger pages are refused before they are decoded. Default: ``MAX_PIXELS``.
    """
    name = _name_of(source, name)
    max_pixels = MAX_PIXELS if max_pixels is None else max_pixels
    try:
        data = source if isinstance(source, bytes) else read_bytes(source, name)
        file_format = _format_of(name, data)
        if file_format.open_pages is None:
            image = _decode_image(name, data, file_format, max_pixels)
            yield FilePage(1, 1, image.pixels, has_square_pixels=image.has_square_pixels)
            return
        with _refusing(name):
            document = file_format.open_pages(data, max_pixels)
    except ImageError as error:
        yield FilePage(1, 1, None, error.problem)
        return
    with closing(document):
        has_more = document.num_pages > MAX_PAGES
        num_pages = MAX_PAGES + 1 if has_more else document.num_pages
        for number in range(min(document.num_pages, MAX_PAGES)):
            try:
                with _refusing(name):
                    pixels = document.page(number)
                    page = FilePage(number + 1, num_pages, pixels, has_square_pixels=document.has_square_pixels)
            except ImageError as error:
                page = FilePage(number + 1, num_pages, None, error.problem)
            yield page
    if has_more:
        yield FilePage(num_pages, num_pages, None, ImageProblem(ProblemCode.TOO_MANY_PAGES, most=MAX_PAGES))


def has_pages(data: bytes) -> bool:
    """Return whether a file has a format with pages, which have to be counted; any other is one page."""
    file_format = find_format(data[:HEAD_BYTES])
    return file_format is not None and file_format.open_pages is not None


def count_pages(data: bytes, name: str, max_pixels: int | None = None) -> int:
    """Return how many pages ``decode_pages`` yields for a file with this content, without decoding any of them.

    The pages of a PDF are in its index; those of a TIFF are a chain that has to be followed. What cannot be read is one
    page, with a problem.
    """
    try:
        file_format = _format_of(name, data)
        if file_format.open_pages is None:
            return 1
        with _refusing(name):
            document = file_format.open_pages(data, MAX_PIXELS if max_pixels is None else max_pixels)
    except ImageError:
        return 1
    with closing(document):
        return min(document.num_pages, MAX_PAGES + 1)


def read_bytes(path: ImageFile, name: str | None = None) -> bytes:
    """Read an image file whole, after a check of its kind and size.

    Raises:
        ImageError: It is missing, not a plain file (a FIFO would block), not readable, too large, or not an image.
    """
    name = name or path.name
    if isinstance(path, ContainedFile):
        try:
            data = path.read()
        except UnreadableError as error:
            raise ImageError(name, error.problem) from None
        _format_of(name, data)
        return data
    if not path.is_file():
        raise ImageError(name, ImageProblem(ProblemCode.NOT_A_FILE if path.exists() else ProblemCode.NO_SUCH_FILE))
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            _format_of(name, head)
            data = head + file.read(MAX_BYTES + 1 - len(head))
    except OSError as error:
        raise ImageError(name, ImageProblem(ProblemCode.NOT_READABLE, error=error.strerror)) from None
    if len(data) > MAX_BYTES:
        raise ImageError(name, ImageProblem(ProblemCode.TOO_MANY_BYTES, most=MAX_BYTES))
    return data


def _name_of(source: ImageFile | bytes, name: str | None) -> str:
    return name or ("image" if isinstance(source, bytes) else source.name)


def _format_of(name: str, data: bytes) -> ImageFormat:
    head = data[:HEAD_BYTES]
    file_format = find_format(head[num_line_ends(head) :])
    if file_format is None:
        raise ImageError(name, refusal(head))
    return file_format


@dataclass(frozen=True, slots=True)
class _FirstPage:
    """The first page of a file: its pixels, and what is known of the file."""

    pixels: np.ndarray
    size: tuple[int, int]  # width and height of the upright page before it was reduced, px
    has_square_pixels: bool
    num_pages: int
    format: str
    has_undrawn_text: bool = False


def _decode(source: ImageFile | bytes, name: str) -> _FirstPage:
    data = source if isinstance(source, bytes) else read_bytes(source, name)
    file_format = _format_of(name, data)
    if file_format.open_pages is None:
        return _decode_image(name, data, file_format, MAX_PIXELS)
    with _refusing(name), closing(file_format.open_pages(data, MAX_PIXELS)) as document:
        pixels = document.page(0)
        size = _size(pixels, document.stored_size)
        about = document.has_square_pixels, document.num_pages, file_format.name, document.has_undrawn_text
        return _FirstPage(pixels, size, *about)


def _size(pixels: np.ndarray, stored: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height of a page: those that are stored if it was reduced, else those of its pixels."""
    return stored if reduction_factor(*stored) > 1 else (pixels.shape[1], pixels.shape[0])


def _decode_image(name: str, data: bytes, file_format: ImageFormat, max_pixels: int) -> _FirstPage:
    """Decode a file that holds one image."""
    assert file_format.open_image is not None
    if file_format.name in ("JPEG", "PNG"):
        data = data[num_line_ends(data[:HEAD_BYTES]) :]  # no copy where there are none
    with _refusing(name):
        decode_it = _DECODERS.get(file_format.name, _by_pillow)
        found = decode_it(data, file_format.open_image, max_pixels)
        orientation = exif_orientation(found.image) if found.may_be_turned else 1
        ratio = aspect_ratio(found.image)
        size = (found.size[1], found.size[0]) if orientation in (5, 6, 7, 8) else found.size
        pixels = upright(stretched(found.pixels, ratio, max_pixels), orientation)
        return _FirstPage(pixels, _size(pixels, size), ratio == 1, 1, file_format.name)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """One image: as it was opened, and as it was decoded."""

    image: Image
    size: tuple[int, int]  # width and height before it was reduced, px
    pixels: np.ndarray  # not turned upright
    may_be_turned: bool = True


def _by_pillow(data: bytes, open_image: Open, max_pixels: int) -> _Decoded:
    image = open_image(BytesIO(data), max_pixels)
    size, factor = image.size, reduction_factor(*image.size)
    with large_page_alone(*size):
        # Of a reduced picture OpenJPEG does not notice that its file was cut, so the end mark has to be there.
        if factor > 1 and isinstance(image, Jpeg2KImageFile) and b"\xff\xd9" in data[-_JPEG_2000_END_BYTES:]:
            image.reduce = factor.bit_length() - 1  # resolutions that are left out, each of which halves the page
        image.load()
        return _Decoded(image, size, to_8_bits(image))


def _decode_jpeg(data: bytes, open_image: Open, max_pixels: int) -> _Decoded:
    stream = BytesIO(data)
    image = open_image(stream, max_pixels)
    if not isinstance(image, JpegImageFile):  # of more than 8 bits, and decoded already
        return _Decoded(image, image.size, to_8_bits(image))
    header_bytes = stream.tell()
    if image.mode != "L" or "progressive" in image.info:  # any other grey JPEG has one scan, and decoders end with it
        check_scans(data, header_bytes)
    ended = with_end(data, header_bytes)
    if ended is not None:
        return _Decoded(ended, ended.size, to_8_bits(ended))
    pixels = _decode_fast(data, image)
    if pixels is not None and is_filled_up(data, header_bytes, pixels):
        raise UnreadableError(_CUT_SHORT)
    if pixels is None:
        image.load()
        pixels = to_8_bits(image)
    return _Decoded(image, image.size, pixels)


def _decode_png(data: bytes, open_image: Open, max_pixels: int) -> _Decoded:
    if len(data) >= 24:
        # Pillow reads on to the pixels before it gives the size.
        width, height = struct.unpack_from(">II", data, 16)
        check_size(width, height, max_pixels)
        data, lacks_end = without_obstacles(data)
    image = open_image(BytesIO(data), max_pixels)
    # Pillow says whether pixels are missing, which OpenCV does not.
    is_plain = not lacks_end and _is_plain_png(data)
    pixels = _decode_fast(data, image) if is_plain else None
    if pixels is not None:
        # A plain PNG has no EXIF, and asking Pillow for it would decode the file once more.
        return _Decoded(image, image.size, pixels, may_be_turned=False)
    image.load()
    return _Decoded(image, image.size, to_8_bits(image))


def _decode_webp(data: bytes, open_image: Open, max_pixels: int) -> _Decoded:
    """Decode a WebP; a large one by imagecodecs, which takes a fifth of the memory that Pillow takes."""
    image = open_image(BytesIO(data), max_pixels)
    factor = reduction_factor(*image.size)
    if factor == 1 or getattr(image, "n_frames", 1) > 1:
        return _by_pillow(data, open_image, max_pixels)
    import imagecodecs

    result = ReducedPage(image.height, image.width, 3, factor)
    with large_page_alone(*image.size):
        samples = imagecodecs.webp_decode(data)
        result.add_in_bands(
            samples, 0, 0, lambda band: on_white(band[..., :3], band[..., 3]) if band.shape[2] == 4 else band
        )
    return _Decoded(image, image.size, result.pixels())


_DECODERS: dict[str, Callable[[bytes, Open, int], _Decoded]] = {
    "JPEG": _decode_jpeg,
    "PNG": _decode_png,
    "WEBP": _decode_webp,
}
"""The formats that Pillow does not always decode, by name."""


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Turn whatever a reader raises into an ``ImageError``: for damaged files Pillow alone raises a dozen types."""
    try:
        with pillow_limit_suspended():
            yield
    except UnreadableError as error:
        raise ImageError(name, error.problem) from None
    except MemoryError:
        raise ImageError(name, ImageProblem(ProblemCode.OUT_OF_MEMORY)) from None
    except Exception as error:
        words = words_of(error)
        if any(end in words.lower() for end in _WORDS_OF_AN_END):
            raise ImageError(name, _CUT_SHORT) from error
        raise ImageError(name, ImageProblem(ProblemCode.NOT_DECODABLE, error=words)) from error


def _decode_fast(data: bytes, image: Image) -> np.ndarray | None:
    """Decode plain grey or RGB with OpenCV; return None where it fails, so that Pillow tries and gives the reason.

    A large JPEG is reduced within its decoder, which then takes a quarter of the time and of the memory.
    """
    if image.mode not in ("1", "L", "RGB"):
        return None
    is_grey, factor = image.mode != "RGB", reduction_factor(*image.size)
    if isinstance(image, JpegImageFile) and factor in _REDUCING:
        flag = _REDUCING[factor][0 if is_grey else 1]
    else:
        flag = cv2.IMREAD_GRAYSCALE if is_grey else cv2.IMREAD_COLOR
    with large_page_alone(*image.size):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is None:
            return None
        pixels = reduced_array(pixels)
    return pixels if is_grey else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _is_plain_png(data: bytes) -> bool:
    """Return whether a PNG has 8 bits a channel, or one bit of grey, and no chunk that changes the pixels.

    Raises:
        UnreadableError: The end chunk is missing.
    """
    # Of one bit, only grey: a palette may have a transparent colour.
    position, plain = 8, len(data) > 25 and (data[24] == 8 or data[24:26] == b"\1\0")
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        plain = plain and kind in _PLAIN_PNG_CHUNKS and not data.startswith(b"Raw profile", position + 8)
        position += 12 + length
        if kind == b"IEND":
            return plain
    raise UnreadableError(_CUT_SHORT)
