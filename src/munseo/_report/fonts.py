"""NanumGothic (OFL): the font of the pictures, and the Hangul that a page needs cut out of it.

Machines without a Korean font show a report's Hangul all the same.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from munseo._console import hush
from munseo._packages import package_folder

HANGUL = (range(0x1100, 0x1200), range(0x3130, 0x3190), range(0xAC00, 0xD7A4))
"""Unicode's blocks of Hangul letters and syllables."""


@cache
def font_file(bold: bool = False) -> Path:
    """Return the font file in the package that ships it.

    That package is not imported: it would change matplotlib's settings.
    """
    folder = package_folder("koreanize_matplotlib")
    assert folder is not None, "koreanize-matplotlib is a dependency"
    return folder / "fonts" / ("NanumGothicBold.ttf" if bold else "NanumGothic.ttf")


def hangul_font(text: str) -> bytes | None:
    """Return a WOFF font with the Hangul letters of ``text``, about 150 bytes a letter; None where there are none.

    Cutting it takes about half a second.
    """
    letters = {letter for letter in set(text) if any(ord(letter) in block for block in HANGUL)}
    if not letters:
        return None
    hush("fontTools.subset")  # it logs every table that it drops
    options = subset.Options(flavor="woff", layout_features=[], hinting=False)
    buffer = io.BytesIO()
    with TTFont(font_file(), lazy=True) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=[ord(letter) for letter in letters])
        cutter.subset(font)
        font.flavor = "woff"
        font.save(buffer)
    return buffer.getvalue()


@cache
def all_hangul() -> bytes:
    """Return a WOFF font with every Hangul letter, about 400 KB; cutting it takes some seconds, once a process.

    Browsers refuse the original file, which still contains tables of the tool it was drawn with.
    """
    font = hangul_font("".join(chr(code) for block in HANGUL for code in block))
    assert font is not None  # the text above has Hangul
    return font
