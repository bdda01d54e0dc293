"""The fonts of PDFs that do not hold their own: the same on every machine.

A PDF may name its fonts and leave them to the reader, as most office documents in Korean do. PDFium then takes whatever
fonts the machine has, so that a page has its text on a laptop and none in a slim container. Here PDFium gets the fonts
that are installed with Munseo, and no others.

NanumGothic (OFL, of koreanize-matplotlib) draws Hangul, Hanja and kana; Arimo (OFL, of fontpkg-arimo) stands for
Helvetica and Arial, of which it has the widths, and has Cyrillic and Greek. Every other Latin font is drawn by the
fonts within PDFium, which has them for Times, Courier and the bold Helvetica, and generic ones for the rest.
"""

from __future__ import annotations

import ctypes
import mmap
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pypdfium2 import raw

from munseo._packages import package_folder

FONT_PACKAGES = ("koreanize-matplotlib", "fontpkg-arimo")
"""The packages whose fonts are used: with another version of one of them a page may have other pixels."""

_FILES = (
    ("koreanize_matplotlib", "fonts/NanumGothic.ttf"),
    ("koreanize_matplotlib", "fonts/NanumGothicBold.ttf"),
    ("fontpkg_arimo", "files/Arimo[wght].ttf"),
    ("fontpkg_arimo", "files/Arimo-Italic[wght].ttf"),
)
"""The package and the path of each font. PDFium knows a font by its place in this list, counted from 1."""

_NANUM, _NANUM_BOLD, _ARIMO, _ARIMO_ITALIC = range(1, len(_FILES) + 1)

_EAST_ASIAN_CHARSETS = frozenset(
    [raw.FXFONT_SHIFTJIS_CHARSET, raw.FXFONT_HANGEUL_CHARSET, raw.FXFONT_GB2312_CHARSET, raw.FXFONT_CHINESEBIG5_CHARSET]
)
_BOLD_FROM = 600  # the weight from which a font is bold

_EAST_ASIAN_NAMES = re.compile(
    rb"[\x80-\xff]"  # a name in Hangul, in whatever encoding
    rb"|malgun|gulim|dotum|batang|gungs|nanum|^hy(?!p[aeh])|hcr|hancom|hanyang|haansoft|ham.?cho|myeongjo|myungjo"
    rb"|kopub|pretendard|gowun|baekmuk|spoqa|sandoll|yoon|applegothic|apple.?sd.?gothic"
    rb"|(noto|source.?han).?(sans|serif).?(cjk|kr|jp|sc|tc|k(?![a-z]))"
    rb"|ms.?p?(gothic|mincho)|meiryo|yu.?(gothic|mincho)|heisei|kozuka|hiragino|simsun|simhei|mingliu"
    rb"|yahei|jhenghei|kaiti|fangsong|stsong|adobe(song|ming|myungjo|gothic)",
    re.IGNORECASE,
)
"""Names of fonts with Hangul or Hanja: a font that PDF calls "Identity" does not say what letters it has."""


@cache
def serve_fonts() -> None:
    """Make PDFium take the fonts above and none of the machine's; for the whole process, before a PDF is opened.

    A process that was forked has them already; one that was spawned opens its PDFs with a new PDFium, and calls this.

    Raises:
        FileNotFoundError: A package lacks its font.
    """
    _FontSource().serve()


def font_for(face: bytes, charset: int, weight: int, is_italic: bool) -> int:
    """Return the number of the font that draws another one, or 0 for a font within PDFium.

    Args:
        face: The name of the font that is asked for; the 14 standard fonts by their names in PDF.
        charset: ``FXFONT_*_CHARSET``.
        weight: 400 for regular, 700 for bold.
        is_italic: Whether the font is slanted.
    """
    if charset == raw.FXFONT_SYMBOL_CHARSET:
        return 0  # PDFium asks again as for a font of letters
    if charset in _EAST_ASIAN_CHARSETS or _EAST_ASIAN_NAMES.search(face):
        return _NANUM_BOLD if weight >= _BOLD_FROM else _NANUM
    # PDFium also asks for Helvetica where another font lacks a letter, such as a Cyrillic one.
    if charset != raw.FXFONT_ANSI_CHARSET or face in (b"Helvetica", b"Helvetica-Oblique"):
        return _ARIMO_ITALIC if is_italic or face.endswith(b"Oblique") else _ARIMO
    return 0


class _FontSource:
    """The functions by which PDFium asks for fonts, and the files behind them."""

    def __init__(self) -> None:
        self._fonts = [_mapped(package, name) for package, name in _FILES]
        self._names = [Path(name).stem.encode() + b"\0" for _, name in _FILES]

    def serve(self) -> None:
        """Register with PDFium, which keeps pointers to this object for as long as the process lives."""
        info = raw.FPDF_SYSFONTINFO(version=1)
        types = dict(info._fields_)
        for name in ("MapFont", "GetFontData", "GetFaceName"):
            setattr(info, name, types[name](getattr(self, f"_{name}")))
        _KEPT.append(info)
        raw.FPDF_SetSystemFontInfo(info)

    # What follows is called by PDFium, with the arguments of fpdf_sysfontinfo.h. An error in it cannot be raised.

    def _MapFont(self, _: Any, weight: int, italic: int, charset: int, pitch: int, face: Any, exact: Any) -> int:  # noqa: N802
        name = ctypes.cast(face, ctypes.c_char_p).value or b""
        return font_for(name, charset, weight, bool(italic))

    def _GetFontData(self, _: Any, font: int, table: int, buffer: Any, size: int) -> int:  # noqa: N802
        # Single tables are read only of fonts that were listed, and none is; "ttcf" asks for a collection of fonts.
        return 0 if table else _copy(self._fonts[font - 1], buffer, size)

    def _GetFaceName(self, _: Any, font: int, buffer: Any, size: int) -> int:  # noqa: N802
        return _copy(np.frombuffer(self._names[font - 1], np.uint8), buffer, size)


_KEPT: list[Any] = []  # what PDFium has pointers to


def _mapped(package: str, name: str) -> np.ndarray:
    """Return the bytes of a font, mapped into memory: processes share them, and what is not used costs nothing."""
    folder = package_folder(package)
    assert folder is not None, f"{package} is a dependency"
    with (folder / name).open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)


def _copy(data: np.ndarray, buffer: Any, size: int) -> int:
    """Copy bytes to where PDFium wants them if they fit; return how many there are."""
    if buffer and size >= data.size:
        ctypes.memmove(buffer, data.ctypes.data, data.size)
    return data.size
