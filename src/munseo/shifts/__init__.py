"""How test pages differ from train pages, measured without labels, and the recipe that simulates it.

Instruments (``sheet``, ``lines``, ``grain``, ``tone``, ``covering``, ``layout``) read a page; ``comparison`` sets two
parts side by side; ``fitting`` finds the recipe. ``find_shift`` goes the whole way. Knows neither models nor torch.
"""

from munseo.shifts.comparison import Row, Table, as_frame, compare
from munseo.shifts.denoising import denoise
from munseo.shifts.finding import Shift, find_shift, measure_recipe
from munseo.shifts.fitting import Fit
from munseo.shifts.measures import MEASURES, Measure
from munseo.shifts.straightening import deskew
from munseo.shifts.summary import summarise
from munseo.shifts.writing import Origin, recipe_text

__all__ = [
    "MEASURES",
    "Fit",
    "Measure",
    "Origin",
    "Row",
    "Shift",
    "Table",
    "as_frame",
    "compare",
    "denoise",
    "deskew",
    "find_shift",
    "measure_recipe",
    "recipe_text",
    "summarise",
]
