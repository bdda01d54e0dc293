"""How test pages differ from train pages, measured without labels, and the recipe that simulates it.

Instruments (``sheet``, ``lines``, ``grain``, ``tone``, ``covering``, ``layout``) read a page; ``comparison`` sets two
parts side by side; ``fitting`` finds the recipe. ``find_shift`` goes the whole way. Knows neither models nor torch.
"""

from munseo._shift.denoise import denoise
from munseo._shift.deskew import deskew
from munseo._shift.distributions import Row, Table, as_frame, compare
from munseo._shift.measured_shift import Shift, find_shift, measure_recipe
from munseo._shift.measures import MEASURES, Measure
from munseo._shift.recipe_file import Origin, recipe_text
from munseo._shift.recipe_fit import Fit
from munseo._shift.shift_summary import summarise

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
