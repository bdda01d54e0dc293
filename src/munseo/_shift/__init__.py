"""How test pages differ from train pages, measured without labels, and the recipe that simulates it.

``find_shift`` does all of it: ``measures`` lists what is measured on a page, ``distributions`` compares train and test
pages, and ``recipe_fit`` finds the recipe. Nothing here uses models or torch.
"""

from munseo._shift.distributions import MeasureRow, MeasureTable, as_frame, compare
from munseo._shift.measured_shift import MeasuredShift, find_shift, measure_recipe, summarise
from munseo._shift.measures import MEASURES, Measure
from munseo._shift.recipe_file import Origin, recipe_text
from munseo._shift.recipe_fit import RecipeFit
from munseo._shift.restoration import denoise, deskew
from munseo._shift.shift_folder import write_shift

__all__ = [
    "MEASURES",
    "Measure",
    "MeasureRow",
    "MeasureTable",
    "MeasuredShift",
    "Origin",
    "RecipeFit",
    "as_frame",
    "compare",
    "denoise",
    "deskew",
    "find_shift",
    "measure_recipe",
    "recipe_text",
    "summarise",
    "write_shift",
]
