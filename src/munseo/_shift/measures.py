"""What is measured on a page: name, unit, meaning and source of each, and the instruments in one go."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from munseo._shift.grain import blockiness, edge_widths
from munseo._shift.jpeg_quality import jpeg_quality
from munseo._shift.orientation import layout_features
from munseo._shift.page_area import Sheet, lay_out
from munseo._shift.text_lines import find_lines
from munseo._shift.tone import corner_darkness, light

SKEWED_DEG = 3.0
"""Beyond this a page was turned; scanners feed straighter."""
FAINT, INKED = 0.4, 0.12
"""Of the contrast: below the first a stroke is faint, below the second it is none."""


@dataclass(frozen=True)
class Measure:
    """One property of a page.

    Attributes:
        name: Column of the table.
        title: In plain words.
        unit: As printed; empty for a share.
        meaning: In a few words.
        source: Where the method comes from.
        of_file: Measured on the file as it is, not on the page at the model's size; so no simulated page has it.
        shown: Whether tables and pictures show it; the others only steer the fit.
    """

    name: str
    title: str
    unit: str
    meaning: str
    source: str
    of_file: bool = False
    shown: bool = True


MEASURES = (
    Measure("skew", "Skew", "°", "angle of the lines of print, modulo 90°", "Postl 1986, by Fourier transform"),
    Measure("sideways", "On its side", "", "lies on its side (evidence, 0 to 1)", "layout classifier"),
    Measure("upside_down", "Upside down", "", "stands on its head (evidence, 0 to 1)", "layout classifier"),
    Measure("mirrored", "Mirrored", "", "is mirrored (evidence, 0 to 1)", "layout classifier"),
    Measure(
        "line_spread", "Tilted or bent", "°", "how the quarters of a page differ in skew", "Postl 1986, by quarters"
    ),
    Measure("edge_width", "Blur", "px", "width of the sharpest edges: blur", "Marziliano et al. 2002"),
    Measure(
        "edge_direction",
        "Motion blur",
        "",
        "log of width across x to across y: motion",
        "Marziliano et al. 2002, by axis",
    ),
    Measure("noise", "Noise", "levels", "standard deviation of the noise", "Immerkær 1996, flat cells"),
    Measure("brightness", "Brightness", "%", "level of the paper", "80th percentile"),
    Measure("contrast", "Contrast", "%", "paper less ink", "80th less 2nd percentile"),
    Measure(
        "light_fall", "Light falls off", "%", "fall of the light across the page", "plane by Huber's least squares"
    ),
    Measure("unevenness", "Uneven light", "%", "light beside that plane", "mean absolute residual"),
    Measure(
        "corner_darkness",
        "Dark corners",
        "%",
        "corners darker than paper: what the page lies on",
        "median of the corners",
    ),
    Measure("covered", "Covered area", "%", "area under solid rectangles", "connected components"),
    Measure(
        "faint_ink",
        "Faint ink",
        "%",
        "strokes that are faint: fading, a second page",
        "black-hat transform, Serra 1982",
    ),
    Measure(
        "framed_aspect", "Width to height of the page", "", "width to height without white edges", "–", shown=False
    ),
    Measure("sideways_skewed", "On its side and skewed", "", "lies on its side and is skewed", "–", shown=False),
    Measure("upside_down_skewed", "Upside down and skewed", "", "stands on its head and is skewed", "–", shown=False),
    Measure("aspect", "Width to height", "", "width to height of the file", "–", of_file=True),
    Measure(
        "blockiness", "JPEG blocks", "", "steps at every 8th pixel: JPEG", "Wang, Sheikh, Bovik 2002", of_file=True
    ),
    Measure(
        "jpeg_quality", "JPEG quality", "", "quality of the file; 100 if no JPEG", "ITU-T T.81, Annex K", of_file=True
    ),
    Measure("longest_side", "Resolution", "px", "resolution of the file", "–", of_file=True),
)
NAMES = tuple(measure.name for measure in MEASURES)
FITTED = tuple(measure.name for measure in MEASURES if not measure.of_file)
SHOWN = tuple(measure.name for measure in MEASURES if measure.shown)


@dataclass(frozen=True)
class Reading:
    """What one page showed.

    Attributes:
        values: Measure to value, all but those of orientation.
        layout: (194,) see ``layout_features``; the orientation is read off it when the train pages are known.
    """

    values: dict[str, float]
    layout: np.ndarray


def read_square(square: np.ndarray) -> Reading:
    """Measure a page as a model sees it.

    Args:
        square: Letterboxed page (S, S, 3) uint8.
    """
    sheet = lay_out(square)
    lines = find_lines(sheet.strokes)
    width_x, width_y = edge_widths(sheet.grey)
    fall, unevenness = light(sheet)
    height, width = sheet.grey.shape
    values = {
        "skew": lines.skew_deg,
        "line_spread": lines.spread_deg,
        "edge_width": math.sqrt(width_x * width_y),
        "edge_direction": math.log(width_x / width_y),
        "noise": sheet.noise_sigma,
        "brightness": sheet.paper / 2.55,
        "contrast": (sheet.paper - sheet.ink) / 2.55,
        "light_fall": fall,
        "unevenness": unevenness,
        "corner_darkness": corner_darkness(sheet),
        "covered": 100 * float(sheet.covered.mean()),
        "faint_ink": _faint_ink(sheet),
        "framed_aspect": width / height,
    }
    return Reading(values, layout_features(sheet.strokes, lines))


def read_file(image: np.ndarray, data: bytes) -> dict[str, float]:
    """Measure what resizing would hide.

    Args:
        image: Decoded page (H, W, 3) uint8.
        data: The file it was decoded from.
    """
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return {
        "aspect": width / height,
        "blockiness": blockiness(grey),
        "jpeg_quality": jpeg_quality(data),
        "longest_side": float(max(height, width)),
    }


def _faint_ink(sheet: Sheet) -> float:
    """Of the strokes that stand out from the noise, the share that is faint, %."""
    least = max(INKED * sheet.contrast, 4 * sheet.noise_sigma)
    inked = int(np.count_nonzero(sheet.strokes > least))
    strong = int(np.count_nonzero(sheet.strokes > max(FAINT * sheet.contrast, least)))
    return 100 * (1 - strong / inked) if inked else 0.0
