"""How test pages differ from train pages, measured without labels, and the recipe that simulates it.

``find_shift`` does all of it: ``measures`` lists what is measured on a page, ``distributions`` compares train and test
pages, and ``recipe_fit`` finds the recipe. Nothing here uses models or torch.
"""

from munseo._shift.distributions import MeasureRow
from munseo._shift.measured_shift import find_shift, measure_recipe, summarise, write_shift
from munseo._shift.measures import MEASURES
from munseo._shift.restoration import denoise, deskew

__all__ = ["MEASURES", "MeasureRow", "denoise", "deskew", "find_shift", "measure_recipe", "summarise", "write_shift"]
