"""The recipe of a run: which damages its second validation and its ``matched`` policy draw from."""

from __future__ import annotations

from pathlib import Path

from munseo.augment import Recipe
from munseo.config import Config
from munseo.console import say
from munseo.errors import UserError
from munseo.shifts import measure_recipe
from munseo.shifts.recipe_file import BUILT_IN, load_recipe
from munseo.training.parts import Collection


def choose_recipe(config: Config, collection: Collection) -> Recipe | None:
    """The recipe that ``shift`` names; None for ``none``.

    Raises:
        UserError: The file is missing or wrong, or ``measured`` has no test pages to measure.
    """
    if config.shift == "none":
        return None
    if config.shift in BUILT_IN:
        return BUILT_IN[config.shift]
    if config.shift == "measured":
        return _measure(config, collection)
    return load_recipe(Path(config.shift))


def _measure(config: Config, collection: Collection) -> Recipe:
    pages = collection.pages
    if not pages.test:
        raise UserError("shift: measured needs test pages, and the data folder has none; try shift: competition.")
    say("shift: measuring how the test pages differ from the train pages")
    return measure_recipe(pages.train, pages.test, config.image_size)
