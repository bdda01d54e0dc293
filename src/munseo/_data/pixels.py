"""Pixels of every kind (grey, palette, alpha, CMYK, 16 and 32 bits) to 8 bits, upright and letterboxed.

A grey page stays in one channel (H, W) until it is letterboxed: three equal channels would only take three times as
long, and the pixels are the same.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageChops

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.large_page import ReducedPage, bands, reduced_array, reduction_factor

WHITE = (255, 255, 255)  # the colour of the padding

_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: lambda image: cv2.transpose(image),
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.rotate(cv2.transpose(image), cv2.ROTATE_180),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""The operation that turns an image upright, by its EXIF orientation."""


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse an image by its size, before it is decoded.

    Raises:
        UnreadableError: A side is 0, or the image has more than ``max_pixels``.
    """
    if width < 1 or height < 1:
        raise UnreadableError(ImageProblem(ProblemCode.NO_PIXELS, width=width, height=height))
    if width * height > max_pixels:
        problem = ImageProblem(ProblemCode.TOO_MANY_PIXELS, width=width, height=height, most=max_pixels)
        raise UnreadableError(problem)


def exif_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of an image, or 1 if it has none that can be read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, IndexError, OSError, OverflowError, struct.error):
        # The picture is whole; only the camera's notes about it are broken, and every viewer shows it unturned.
        return 1


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turn and mirror an image according to its EXIF orientation (2 to 8); any other number changes nothing."""
    turn = _TURNS.get(orientation)
    return image if turn is None else turn(image)


def to_8_bits(image: Image.Image) -> np.ndarray:
    """Convert a loaded Pillow image of any mode to uint8: RGB (H, W, 3), or (H, W) if it is grey.

    Transparent pixels are laid on white, the colour of paper. 16-bit grey is divided by 257 and rounded. 16-bit colour
    arrives from Pillow as its high bytes, which differ from that by less than one grey level. 32-bit integers and
    floats have no fixed white: see ``usual_range``. A page of more than ``LARGE_PIXELS`` is reduced on the way.
    """
    if image.mode in ("I", "F"):
        return reduced_array(_by_range(np.asarray(image)))
    factor = reduction_factor(*image.size)
    if factor == 1:
        return _converted(image, image.format)
    is_grey = image.mode in ("1", "L") and not image.has_transparency_data
    result = ReducedPage(image.height, image.width, 1 if is_grey or image.mode.startswith("I;16") else 3, factor)
    for top, band in bands(image):
        pixels = _converted(band, image.format)
        result.add(pixels if pixels.ndim == 3 else pixels[:, :, None], top, 0)
    return result.pixels()


def _converted(image: Image.Image, format: str | None) -> np.ndarray:
    """Convert an image whose levels have a fixed white; ``format`` is that of its file, which a part does not know."""
    if image.mode.startswith("I;16"):
        grey: np.ndarray = levels(65535)[np.asarray(image)]
        return grey
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image.convert("RGBA"))
        image = paper
    elif image.mode == "CMYK" and format in ("JPEG", "MPO") and "adobe" not in image.info:
        # Pillow inverts every CMYK JPEG, because Adobe stores them inverted; one without Adobe's mark is not inverted.
        image = ImageChops.invert(image)
    return np.array(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def levels(white: int) -> np.ndarray:
    """Return the table from levels of 0 to ``white`` to 0 to 255, rounded; higher ones are white. (65536,) uint8."""
    return np.minimum((np.arange(65536) * 255 + white // 2) // white, 255).astype(np.uint8)


def on_white(colours: np.ndarray, alpha: np.ndarray, is_associated: bool = False) -> np.ndarray:
    """Lay a transparent page on white paper.

    Args:
        colours: (H, W, 3) or (H, W) uint8.
        alpha: (H, W) uint8, 255 where nothing shines through.
        is_associated: Whether the colours were multiplied by it already.
    """
    shares = (alpha if colours.ndim == 2 else alpha[:, :, None]).astype(np.uint16)
    covered = colours.astype(np.uint16) * 255 if is_associated else colours * shares
    laid: np.ndarray = (np.minimum(covered + (255 - shares) * 255, 65025) + 127) // 255
    return laid.astype(np.uint8)


def to_rgb(pixels: np.ndarray) -> np.ndarray:
    """Return pixels (H, W, 3) as they are, and grey ones (H, W) as three equal channels."""
    return pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)


def _by_range(values: np.ndarray) -> np.ndarray:
    """Scale grey levels by the range that they show, see ``usual_range``. NaN is black."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    black, white = usual_range(low, high)
    scaled = (np.nan_to_num(values.astype(np.float64), nan=black, posinf=white, neginf=black) - black) * 255
    return np.rint(scaled / max(white - black, 1e-300)).astype(np.uint8)


def usual_range(low: float, high: float, bits: int | None = None, is_signed: bool = False) -> tuple[float, float]:
    """Return which levels are black and white on a page whose levels have no fixed white, so that none is clipped.

    From 0 up, white is 1, 255 or 65535, the first that the values fit in; or the largest value, if it is at most half
    above (resampling overshoots). Integers also have the largest number of their type, signed ones of 16 bits 32767,
    provided that the page uses more than half of it. Otherwise the smallest value is black and the largest white, but
    signed integers that use more than half of their type have the whole type.

    Args:
        low: The smallest level of the page.
        high: The largest.
        bits: The bits of an integer; None for floats and integers of an unknown type.
        is_signed: Whether the integers have a sign.
    """
    largest = 0.0 if bits is None else 2.0 ** (bits - is_signed) - 1
    if low < 0:
        return (-largest - 1, largest) if is_signed and high - low > largest else (low, high)
    if bits is None:
        white = next((max(usual, high) for usual in (1.0, 255.0, 65535.0) if high <= 1.5 * usual), None)
    else:
        white = next((usual for usual in (255.0, 65535.0) if usual < largest / 2 and high <= usual), None)
        white = white or (largest if high > largest / 2 or largest <= 65535 else None)
    return (0.0, white) if white is not None else (low, high)


def letterbox(image: np.ndarray, size_px: int) -> np.ndarray:
    """Fit a page into a square: aspect ratio kept, nothing cropped, centred on white.

    Args:
        image: (H, W, 3) uint8, or (H, W) if it is grey.
        size_px: The side of the square, which is the longest side of the page in it.

    Returns:
        (size_px, size_px, 3) uint8; it never shares the memory of ``image``.
    """
    return padded(resized(image, size_px), size_px)


def resized(image: np.ndarray, size_px: int) -> np.ndarray:
    """Resize a page so that its longest side has ``size_px``; the aspect ratio is kept.

    Args:
        image: (H, W, 3) uint8, or (H, W) if it is grey.
        size_px: The longest side, px.

    Returns:
        (h, w, 3) uint8, or (h, w) for a grey page that is not enlarged; ``image`` itself if it has that size already.
    """
    height, width = image.shape[:2]
    scale = size_px / max(height, width)
    if scale == 1:
        return image
    new_size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Area averages all pixels, so thin strokes fade instead of breaking; cubic keeps enlarged strokes sharp.
    if scale < 1:
        return cv2.resize(image, new_size, interpolation=cv2.INTER_AREA)
    # OpenCV's cubic rounds one channel differently from three, and a page may not depend on how its file stores grey.
    return cv2.resize(to_rgb(image), new_size, interpolation=cv2.INTER_CUBIC)


def padded(image: np.ndarray, size_px: int) -> np.ndarray:
    """Centre a page on a white square.

    Args:
        image: (h, w, 3) uint8, or (h, w) if it is grey; no side is longer than ``size_px``.
        size_px: The side of the square.

    Returns:
        (size_px, size_px, 3) uint8; it never shares the memory of ``image``.
    """
    height, width = image.shape[:2]
    top, left = (size_px - height) // 2, (size_px - width) // 2
    bottom, right = size_px - height - top, size_px - width - left
    square = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=WHITE)
    return to_rgb(square)
