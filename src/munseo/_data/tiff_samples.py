"""Pages of a TIFF whose samples Pillow does not read, or reads wrong: they are read by tifffile, piece by piece.

Such samples are, for instance, planes of 16-bit colours, a table of colours with 8-bit values, 12 bits or floats, grey
or CMYK with transparency, LAB, or any of them in a big-endian BigTIFF. docs/formats.md has the whole list.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageCms

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.large_page import Convert, ReducedPage
from munseo._data.pixels import check_size, levels, on_white, usual_range
from munseo._data.tiff_directory import (
    CIELAB,
    CMYK,
    FLOAT,
    GREY,
    ICCLAB,
    JPEG_COMPRESSIONS,
    PALETTE,
    RGB,
    SIGNED,
    UNDEFINED,
    UNSIGNED,
    YCBCR,
    TiffDirectory,
)
from munseo._locale import Remark

if TYPE_CHECKING:
    import tifffile

MOST_SAMPLES = 6
"""The most samples of a pixel: CMYK with transparency has five. More are bands of a satellite."""

_COLOURS_OF = {0: 1, GREY: 1, PALETTE: 1, RGB: 3, YCBCR: 3, CMYK: 4, CIELAB: 3, ICCLAB: 3}
"""For each meaning of the samples that is read, the number of samples that are colours."""
_MEANINGS = {
    4: "mask", 10: "itulab", 32803: "raw", 34892: "raw", 32844: "logarithms", 32845: "logarithms", 51177: "depth"
}  # fmt: skip
"""Meanings that are not read, by the end of the key of their text."""
_COMPRESSIONS = frozenset([1, 2, 3, 4, 5, 7, 8, 32773, 32946, 33005, 34712, 34887, 34925, 50000, 50001, 50002])
"""Compressions that tifffile and imagecodecs read; JPEG 2000 and later ones that no usual reader knows among them."""
_PACKED = {
    9: "JBIG",
    10: "JBIG",
    34661: "JBIG",
    32766: "NeXT",
    32809: "ThunderScan",
    34676: "SGI Log",
    34677: "SGI Log",
}

# Its remarks about odd tags would be printed in a program that has not set up logging.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def check_kind(directory: TiffDirectory) -> None:
    """Refuse a kind of TIFF that no reader here can read, by its name.

    Raises:
        UnreadableError: Its compression, or the meaning or the format of its samples.
    """
    photometric, bits = directory.photometric, directory.bits
    if photometric not in _COLOURS_OF:
        raise _unknown(Remark(f"image.content.tiff_{_MEANINGS.get(photometric, 'meaning')}", {"number": photometric}))
    if directory.compression not in _COMPRESSIONS:
        name = _PACKED.get(directory.compression, str(directory.compression))
        raise _unknown(Remark("image.content.tiff_packed", {"name": name}))
    if not _COLOURS_OF[photometric] <= directory.samples <= MOST_SAMPLES:
        raise _unknown(Remark("image.content.tiff_samples", {"number": directory.samples}))
    if directory.sample_format not in (UNSIGNED, SIGNED, FLOAT, UNDEFINED):
        raise _unknown(Remark("image.content.tiff_complex"))
    if photometric == CMYK and directory.ink_set != 1:
        raise _unknown(Remark("image.content.tiff_inks"))
    if directory.depth != 1:
        raise _unknown(Remark("image.content.tiff_depth"))
    if not all(1 <= number <= 64 for number in bits):
        raise _unknown(Remark("image.content.tiff_unequal", {"bits": ", ".join(map(str, bits))}))
    is_lab = photometric in (CIELAB, ICCLAB)
    if is_lab and (bits[:3] not in ((8, 8, 8), (16, 16, 16)) or directory.sample_format == FLOAT):
        raise _unknown(Remark("image.content.tiff_lab", {"bits": bits[0]}))
    if photometric == PALETTE and directory.colours is None:
        raise _unknown(Remark("image.content.tiff_palette"))
    if photometric == YCBCR and bits != (8, 8, 8) and directory.compression not in JPEG_COMPRESSIONS:
        raise _unknown(Remark("image.content.tiff_ycbcr", {"bits": bits[0]}))
    if len(set(bits)) > 1 and bits not in ((5, 6, 5), (5, 5, 5)):
        raise _unknown(Remark("image.content.tiff_unequal", {"bits": ", ".join(map(str, bits))}))


def _unknown(kind: Remark) -> UnreadableError:
    return UnreadableError(ImageProblem(ProblemCode.TIFF_KIND, kind=kind))


def read_samples(data: bytes, directory: TiffDirectory, max_pixels: int, factor: int = 1) -> np.ndarray:
    """Decode a page with tifffile.

    Args:
        data: The content of the file.
        directory: Its directory, of a kind that ``check_kind`` lets pass.
        max_pixels: The most pixels of a strip or tile, which is decoded whole.
        factor: How many times the page is reduced in each direction.

    Returns:
        (h, w, 3) uint8 RGB or (h, w) grey, as stored, not turned upright.

    Raises:
        UnreadableError: A part is missing, or a tile is too large.
    """
    import tifffile  # 0.06 s, and few pages need it

    if not directory.is_whole:
        raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED))
    if any(directory.tile):
        check_size(*directory.tile, max_pixels)
        factor = 1 if any(side % factor for side in directory.tile) else factor
    with tifffile.TiffFile(BytesIO(data)) as file:
        file.filehandle.seek(directory.offset)
        page = tifffile.TiffPage(file, index=0)
        scaled = _scale(directory, page)
        coloured = _colours(directory)
        height, width = directory.height, directory.width
        if directory.is_planar:
            planes = ReducedPage(height, width, directory.samples, factor)
            for samples, top, left, plane in _pieces(page):
                planes.add_in_bands(samples, top, left, scaled, plane)
            return coloured(planes.pixels())
        num_channels = 1 if directory.photometric in (0, GREY) else 3
        result = ReducedPage(height, width, num_channels, factor)
        for samples, top, left, _ in _pieces(page):
            result.add_in_bands(samples, top, left, lambda samples: coloured(scaled(samples)))
        return result.pixels()


def _pieces(page: tifffile.TiffPage) -> Iterator[tuple[np.ndarray, int, int, int]]:
    """Yield the decoded strips or tiles, (h, w, samples), with their upper and left edge and their plane."""
    for samples, (plane, _, top, left, _), _ in page.segments(maxworkers=1):
        if samples is None:
            raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED))
        yield samples[0], top, left, plane


def _scale(directory: TiffDirectory, page: tifffile.TiffPage) -> Convert:
    """Return the function that brings samples to 0 to 255; those of LAB keep their sign."""
    bits, format = directory.bits[0], directory.sample_format
    if directory.photometric == PALETTE or len(set(directory.bits)) > 1:
        return lambda samples: samples  # places in a table, or what tifffile has brought to 8 bits
    if directory.photometric in (CIELAB, ICCLAB) and bits == 16:
        return lambda samples: (samples.view(np.uint16) >> 8).astype(np.uint8)
    if format in (UNSIGNED, UNDEFINED) and bits <= 16:
        if bits == 8:
            return lambda samples: samples
        table = levels(2**bits - 1)
        return lambda samples: table[samples.view(np.uint8) if samples.dtype == bool else samples]
    # Which level is white has to be found out, so these pages are decoded twice.
    low, high = _range(page)
    black, white = usual_range(low, high, bits if format != FLOAT else None, is_signed=format == SIGNED)
    return lambda samples: _between(samples, black, white)


def _range(page: tifffile.TiffPage) -> tuple[float, float]:
    """Return the smallest and the largest number of a page."""
    finite = (samples[np.isfinite(samples)] for samples, *_ in _pieces(page))
    found = [(float(samples.min()), float(samples.max())) for samples in finite if samples.size]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else (0.0, 0.0)


def _between(samples: np.ndarray, black: float, white: float) -> np.ndarray:
    values = np.nan_to_num(samples.astype(np.float64), nan=black, posinf=white, neginf=black)
    return np.rint((values.clip(black, white) - black) * 255 / max(white - black, 1e-300)).astype(np.uint8)


def _colours(directory: TiffDirectory) -> Convert:
    """Return the function from samples, (h, w, s) uint8, to RGB (h, w, 3) or grey (h, w) on white paper."""
    photometric, number = directory.photometric, _COLOURS_OF[directory.photometric]
    if photometric == YCBCR and directory.compression in JPEG_COMPRESSIONS and not directory.is_planar:
        photometric = RGB  # the decoder of JPEG has converted it
    alpha = next((kind for kind in directory.extra if kind in (1, 2)), 0)
    place = number + directory.extra.index(alpha) if alpha else 0

    def convert(samples: np.ndarray) -> np.ndarray:
        colours = _to_rgb(samples[..., :number], photometric, directory.colours)
        if not alpha or place >= samples.shape[-1]:
            return colours
        return on_white(colours, samples[..., place], is_associated=alpha == 1 and photometric in (0, GREY, RGB))

    return convert


def _to_rgb(samples: np.ndarray, photometric: int, table: np.ndarray | None) -> np.ndarray:
    if photometric in (0, GREY, PALETTE):
        grey = samples[..., 0]
        if photometric == PALETTE:
            assert table is not None, "checked before"
            coloured: np.ndarray = table.T[np.minimum(grey, table.shape[1] - 1)]
            return coloured
        return np.bitwise_not(grey) if photometric == 0 else grey
    if photometric == CMYK:
        return np.asarray(Image.fromarray(np.ascontiguousarray(samples), "CMYK").convert("RGB"))
    if photometric == YCBCR:
        return np.asarray(Image.fromarray(np.ascontiguousarray(samples), "YCbCr").convert("RGB"))
    if photometric in (CIELAB, ICCLAB):
        # Pillow and ICC have 128 for no colour, TIFF's own LAB has 0 and numbers with a sign.
        shift = np.array([0, 128, 128] if photometric == CIELAB else [0, 0, 0], np.uint8)
        return _lab_to_rgb(Image.fromarray(np.ascontiguousarray(samples.view(np.uint8) ^ shift), "LAB"))
    return samples


def _lab_to_rgb(image: Image.Image) -> np.ndarray:
    """Convert a LAB image, whose white is that of D50 as in ICC profiles, to RGB (H, W, 3) by Little CMS."""
    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
    assert converted is not None, "not converted in place"
    return np.asarray(converted)


def read_subsampled(data: bytes, directory: TiffDirectory) -> np.ndarray:
    """Decode YCbCr with fewer colours than pixels that is not JPEG, with OpenCV: tifffile does not read it.

    Returns:
        (H, W, 3) uint8 RGB, turned upright: libtiff does it, whatever OpenCV is asked.

    Raises:
        UnreadableError: Pixels are missing, or OpenCV cannot read it, for which it gives no reason.
    """
    across, down = directory.subsampling
    blocks = -(-directory.width // max(1, across)) * -(-directory.height // max(1, down))
    is_raw = directory.compression == 1
    if not directory.is_whole or (is_raw and directory.stored_bytes < blocks * (across * down + 2)):
        raise UnreadableError(ImageProblem(ProblemCode.TRUNCATED))
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    wanted = (directory.number, directory.number + 1)
    with _silent_opencv():
        found, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), flags, range=wanted)
    if not found or not pages:
        raise UnreadableError(ImageProblem(ProblemCode.NOT_DECODABLE, error="libtiff"))
    return cv2.cvtColor(pages[0], cv2.COLOR_BGR2RGB)


@contextmanager
def _silent_opencv() -> Iterator[None]:
    """Keep the remarks of libtiff from the terminal; what is wrong is said in the message."""
    logging_of_opencv = cv2.utils.logging
    level = logging_of_opencv.getLogLevel()
    logging_of_opencv.setLogLevel(logging_of_opencv.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging_of_opencv.setLogLevel(level)
