"""NanumGothic (SIL Open Font License), taken from the package that ships it."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from PIL import ImageFont

Weight = Literal["light", "regular", "bold", "black"]

_FILES: dict[Weight, str] = {
    "light": "NanumGothicLight.ttf",
    "regular": "NanumGothic.ttf",
    "bold": "NanumGothicBold.ttf",
    "black": "NanumGothicExtraBold.ttf",
}


def font_path(weight: Weight) -> Path:
    """Where the font file lies.

    The package is found but not imported: importing it would load matplotlib, half a second in every worker.
    """
    spec = find_spec("koreanize_matplotlib")
    locations = spec.submodule_search_locations if spec else None
    assert locations, "koreanize-matplotlib is a dependency of munseo"
    return Path(next(iter(locations))) / "fonts" / _FILES[weight]


@lru_cache(maxsize=512)
def font(weight: Weight, size_px: int) -> ImageFont.FreeTypeFont:
    """The font at a size; opening one costs about a millisecond, so the sizes used are kept."""
    # The basic layout draws Hangul as well as the complex one does, in half the time, and needs no libraqm.
    return ImageFont.truetype(str(font_path(weight)), size_px, layout_engine=ImageFont.Layout.BASIC)
