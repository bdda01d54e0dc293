"""The measures of a page: name, unit, meaning and source of each, and the functions that take all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from munseo._shift.image_quality import blockiness, edge_widths, jpeg_quality
from munseo._shift.orientation import layout_features
from munseo._shift.page_area import PageArea, corner_darkness, find_page_area, light
from munseo._shift.text_lines import find_lines

SKEWED_DEG = 3.0
"""A page with more skew than this was turned; scanners feed paper straighter."""
FAINT, INKED = 0.4, 0.12
"""Fractions of the contrast: darkness below the first is a faint stroke, below the second it is no stroke at all."""


@dataclass(frozen=True)
class Measure:
    """One property of a page."""

    name: str  # column of the table; the catalogue of texts has its title under ``measure``
    unit: str  # printed unit; empty for a fraction
    meaning: str  # explanation in a few words
    source: str  # where the method comes from
    # Whether it is measured on the original file and not on the page at the model's size, so that simulated pages
    # do not have it.
    of_file: bool = False
    shown: bool = True  # whether tables and pictures show it; the others only guide the fit


MEASURES = (
    Measure("skew", "°", "angle of the text lines, modulo 90°", "Postl 1986, by Fourier transform"),
    Measure("sideways", "", "is on its side (evidence, 0 to 1)", "layout classifier"),
    Measure("upside_down", "", "is upside down (evidence, 0 to 1)", "layout classifier"),
    Measure("mirrored", "", "is mirrored (evidence, 0 to 1)", "layout classifier"),
    Measure("line_spread", "°", "how the quarters of a page differ in skew", "Postl 1986, by quarters"),
    Measure("edge_width", "px", "width of the sharpest edges: blur", "Marziliano et al. 2002"),
    Measure("edge_direction", "", "log of width across x to across y: motion", "Marziliano et al. 2002, by axis"),
    Measure("noise", "levels", "standard deviation of the noise", "Immerkær 1996, flat cells"),
    Measure("brightness", "%", "level of the paper", "80th percentile"),
    Measure("contrast", "%", "paper minus ink", "80th minus 2nd percentile"),
    Measure("light_fall", "%", "fall of the light across the page", "plane by Huber's least squares"),
    Measure("unevenness", "%", "deviation from that plane", "mean absolute residual"),
    Measure("corner_darkness", "%", "corners darker than paper: a table under the page", "median of the corners"),
    Measure("covered", "%", "area under solid rectangles", "connected components"),
    Measure("faint_ink", "%", "strokes that are faint: fading, a second page", "black-hat transform, Serra 1982"),
    Measure("framed_aspect", "", "width to height without white edges", "–", shown=False),
    Measure("sideways_skewed", "", "is on its side and skewed", "–", shown=False),
    Measure("upside_down_skewed", "", "is upside down and skewed", "–", shown=False),
    Measure("aspect", "", "width to height of the file", "–", of_file=True),
    Measure("blockiness", "", "steps at every 8th pixel: JPEG", "Wang, Sheikh, Bovik 2002", of_file=True),
    Measure("jpeg_quality", "", "quality of the file; 100 if no JPEG", "ITU-T T.81, Annex K", of_file=True),
    Measure("longest_side", "px", "resolution of the file", "–", of_file=True),
)
NAMES = tuple(measure.name for measure in MEASURES)
FITTED = tuple(measure.name for measure in MEASURES if not measure.of_file)
"""Measures that simulated pages have, so that recipes can be fitted to them."""


@dataclass(frozen=True)
class PageReading:
    """The measures of one page."""

    values: dict[str, float]  # values by measure, except those of orientation
    # (194,) ``layout_features``, from which the orientation is computed when the train pages are known.
    layout: np.ndarray


def read_square(square: np.ndarray) -> PageReading:
    """Measure a page as a model sees it: letterboxed (S, S, 3) uint8."""
    area = find_page_area(square)
    lines = find_lines(area.strokes)
    width_x, width_y = edge_widths(area.grey)
    fall, unevenness = light(area)
    height, width = area.grey.shape
    values = {
        "skew": lines.skew_deg,
        "line_spread": lines.spread_deg,
        "edge_width": math.sqrt(width_x * width_y),
        "edge_direction": math.log(width_x / width_y),
        "noise": area.noise_sigma,
        "brightness": area.paper / 2.55,
        "contrast": (area.paper - area.ink) / 2.55,
        "light_fall": fall,
        "unevenness": unevenness,
        "corner_darkness": corner_darkness(area),
        "covered": 100 * float(area.covered.mean()),
        "faint_ink": _faint_ink(area),
        "framed_aspect": width / height,
    }
    return PageReading(values, layout_features(area.strokes, lines))


def read_file(image: np.ndarray, data: bytes) -> dict[str, float]:
    """Measure the properties of a file that resizing would hide, from the decoded page (H, W, 3) uint8 and its data."""
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return {
        "aspect": width / height,
        "blockiness": blockiness(grey),
        "jpeg_quality": jpeg_quality(data),
        "longest_side": float(max(height, width)),
    }


def _faint_ink(area: PageArea) -> float:
    """Return the fraction of faint strokes among those that exceed the noise, %."""
    least = max(INKED * area.contrast, 4 * area.noise_sigma)
    inked = int(np.count_nonzero(area.strokes > least))
    strong = int(np.count_nonzero(area.strokes > max(FAINT * area.contrast, least)))
    return 100 * (1 - strong / inked) if inked else 0.0
