"""The cases of a folder beside the repository, whose right values are known; skipped where it is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from munseo._data import inspect
from munseo._data.decoder import decode_stored

CASES = Path(__file__).parents[3] / "shared" / "cases" / "files"
PAGE = (140, 198)

RIGHT = {
    "fax_204x98_group4.tif": ((1728, 2386), 237),
    **dict.fromkeys(["thumb_first.tif", "thumb_second.tif", "palette8_8bitmap.tif", "rgb16_planar.tif"], (PAGE, 211)),
    **dict.fromkeys(["gray_uint32.tif", "la16.tif", "cmyk_alpha.tif", "gray12_photo0.tif"], (PAGE, 211)),
    **dict.fromkeys(["fo_ycbcr_jpeg.tif", "fo_rgba_unass_lzw.tif", "bigtiff_be_rgb.tif"], (PAGE, 211)),
    **dict.fromkeys(["bmp32_v5_a0.bmp", "bmp32_masks.bmp", "bmp_reserved.bmp"], (PAGE, 211)),
    **dict.fromkeys(["jpeg_noend.jpg", "jpeg_lead_crlf.jpg"], (PAGE, 211)),
    **dict.fromkeys(["png_badcrc_text.png", "png_text3MB.png", "png_lead_crlf.png"], (PAGE, 211)),
    "tiff_190MP.tif": ((19_000, 10_000), 255),
    "A0_400dpi.tif": ((18_724, 13_244), 255),
    "page.heic": ((420, 594), 236),
    "page.pgm": ((420, 594), 236),
    "jpeg-12bit.jpg": ((400, 300), 236),
    "ycbcr-uncompressed-2x2.tif": ((400, 304), 214),
    "ycbcr-lzw-2x2-same-pixels.tif": ((400, 304), 214),
}
"""For each case the width and height, and the mean grey level."""


@pytest.mark.skipif(not CASES.is_dir(), reason="shared/cases/files is not beside this checkout")
@pytest.mark.parametrize("name", RIGHT)
def test_a_case_has_its_right_value(name):
    size, mean = RIGHT[name]
    found = inspect(CASES / name)
    assert (found.width, found.height, found.num_pages, found.problem) == (*size, 1, None)
    assert abs(decode_stored(CASES / name).mean() - mean) <= 2.5
