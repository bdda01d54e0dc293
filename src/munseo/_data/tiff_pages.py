"""The pages of a TIFF, each read by the library that reads its kind right: Pillow, tifffile or OpenCV.

Pillow is the fastest for the kinds that scanners and offices write. docs/formats.md says which library reads what.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import TiffImagePlugin

from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.large_page import BILEVEL_SHARE, reduced_array, reduction_factor
from munseo._data.paged_files import MAX_PAGES
from munseo._data.pixel_aspect import believable_ratio, stretched
from munseo._data.pixels import check_size, to_8_bits, upright
from munseo._data.tiff_directory import (
    CMYK,
    GREY,
    JPEG_COMPRESSIONS,
    PALETTE,
    RGB,
    UNSIGNED,
    YCBCR,
    TiffDirectory,
    directories,
    is_big_endian_bigtiff,
)
from munseo._data.tiff_samples import check_kind, read_samples, read_subsampled

_BY_PILLOW = frozenset([1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000])
"""Compressions that both Pillow's libtiff and tifffile read; WebP is left out of the one in its wheels."""
_BY_PILLOW_ALONE = frozenset([6, 32771])  # JPEG of TIFF 6.0, and CCITT in words, which tifffile does not read
_LAYOUTS = frozenset(
    [(photometric, (bits,), ()) for photometric in (0, GREY) for bits in (1, 2, 4, 8)]
    + [(RGB, (bits,) * 3, ()) for bits in (8, 16)]
    + [(RGB, (bits,) * 4, (kind,)) for bits in (8, 16) for kind in (0, 1, 2)]
    + [(PALETTE, (bits,), ()) for bits in (1, 2, 4, 8)]
    + [(GREY, (16,), ()), (CMYK, (8,) * 4, ()), (YCBCR, (8,) * 3, ()), (YCBCR, (8,), ())]
)
"""Meaning of the samples, bits of each, and kinds of samples beyond the colours, of pages that Pillow reads right."""


class TiffPages:
    """An open TIFF.

    Its directories are a chain in the file, so they are counted one by one and only up to ``MAX_PAGES``: a chain of
    millions of pages is not a document. Directories of reduced copies and of masks are no pages, wherever they are.

    Args:
        data: The content of the file.
        max_pixels: Larger pages are refused before they are decoded; those of one bit a pixel may have
            ``BILEVEL_SHARE`` times as many.

    Raises:
        UnreadableError: The first page is too large, or there is none.
    """

    has_square_pixels = True
    stored_size = (0, 0)
    has_undrawn_text = False

    def __init__(self, data: bytes, max_pixels: int) -> None:
        self._data, self._max_pixels = data, max_pixels
        self._image: TiffImagePlugin.TiffImageFile | None = None
        found = list(directories(data, MAX_PAGES + 1))
        if not found:
            raise UnreadableError(ImageProblem(ProblemCode.NO_PIXELS, width=0, height=0))
        # A file may have nothing but a reduced copy.
        self._pages = [directory for directory in found if directory.is_page] or found[:1]
        self.num_pages = len(self._pages)
        self._check_size(self._pages[0])

    def page(self, number: int) -> np.ndarray:
        """Decode one page, counted from 0; ``UnreadableError`` if it is too large, or of a kind that is not read."""
        directory = self._pages[number]
        self._check_size(directory)
        is_turned = directory.orientation in (5, 6, 7, 8)
        across, down = directory.resolution
        ratio = believable_ratio(*((down, across) if is_turned else (across, down)))
        self.has_square_pixels = ratio == 1
        pixels = self._read(directory)
        width, height = directory.width, directory.height
        self.stored_size = (height, width) if is_turned else (width, height)
        return stretched(pixels, ratio, self._max_pixels)

    def close(self) -> None:
        """Close the image."""
        if self._image is not None:
            self._image.close()

    def _check_size(self, directory: TiffDirectory) -> None:
        share = BILEVEL_SHARE if directory.is_bilevel else 1
        check_size(directory.width, directory.height, self._max_pixels * share)

    def _read(self, directory: TiffDirectory) -> np.ndarray:
        """Decode a page, turned upright."""
        if directory.compression in _BY_PILLOW_ALONE:
            return reduced_array(self._by_pillow(directory))
        is_foreign = is_big_endian_bigtiff(self._data)
        if _is_subsampled(directory) and (is_foreign or not is_usual(directory)):
            check_kind(directory)
            return reduced_array(read_subsampled(self._data, directory))
        factor = reduction_factor(directory.width, directory.height)
        if is_usual(directory) and not is_foreign and (factor == 1 or _is_subsampled(directory)):
            return self._by_pillow(directory)
        check_kind(directory)
        share = BILEVEL_SHARE if directory.is_bilevel else 1
        pixels = read_samples(self._data, directory, self._max_pixels * share, factor)
        return np.ascontiguousarray(upright(pixels, directory.orientation))

    def _by_pillow(self, directory: TiffDirectory) -> np.ndarray:
        if self._image is None:
            self._image = TiffImagePlugin.TiffImageFile(BytesIO(self._data))
        self._image.seek(directory.number)
        # Its load() turns the page upright.
        self._image.load()
        return to_8_bits(self._image)


def _is_subsampled(directory: TiffDirectory) -> bool:
    """Return whether a page has fewer colours than pixels, which tifffile reads in JPEG only."""
    is_jpeg = directory.compression in JPEG_COMPRESSIONS
    return directory.photometric == YCBCR and not is_jpeg and directory.subsampling != (1, 1)


def is_usual(directory: TiffDirectory) -> bool:
    """Return whether a page is of a kind that Pillow reads right."""
    if (directory.photometric, directory.bits, directory.extra) not in _LAYOUTS or directory.is_planar:
        return False
    if directory.compression not in _BY_PILLOW or directory.sample_format != UNSIGNED or directory.depth != 1:
        return False
    if directory.fill_order != 1 and not directory.is_bilevel:
        return False
    if directory.photometric == PALETTE and directory.colours is None:
        return False
    if not directory.has_photometric and directory.samples > 1:
        return False
    if directory.compression == 1 and _is_subsampled(directory):
        return False
    return not directory.has_short_colours and directory.ink_set == 1
