"""The Hangul that a report needs, cut out of NanumGothic (OFL), for machines without a Korean font."""

from __future__ import annotations

import io
from functools import cache

from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from munseo._console import hush
from munseo._report.plots.plot_style import font_file

HANGUL = (range(0x1100, 0x1200), range(0x3130, 0x3190), range(0xAC00, 0xD7A4))


def hangul_font(text: str) -> bytes | None:
    """A WOFF font with the Hangul letters of ``text``, about 150 bytes a letter; ``None`` where there are none.

    Takes about half a second.
    """
    letters = {letter for letter in set(text) if any(ord(letter) in block for block in HANGUL)}
    if not letters:
        return None
    hush("fontTools.subset")  # it remarks on every table that it drops
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
    """A WOFF font with every Hangul letter, about 400 KB; cutting it takes some seconds, once a process.

    Browsers refuse the font's own file: tables of its drawing tool are left in it.
    """
    font = hangul_font("".join(chr(code) for block in HANGUL for code in block))
    assert font is not None  # the text above has Hangul
    return font
