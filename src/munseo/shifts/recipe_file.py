"""Recipes as files: those that people edit, and the one that every run keeps."""

from __future__ import annotations

from pathlib import Path

import yaml

from munseo.augment import COMPETITION, DOCUMENT, Recipe
from munseo.config import read_yaml
from munseo.errors import UserError
from munseo.run import RunFolder
from munseo.run.atomic import write_text

BUILT_IN = {recipe.name: recipe for recipe in (COMPETITION, DOCUMENT)}
"""Recipes that need no file."""


def load_recipe(file: Path) -> Recipe:
    """Read a recipe as ``munseo shift`` writes it and people edit it.

    Raises:
        UserError: It is missing, no YAML, or no recipe.
    """
    if not file.is_file():
        words = ", ".join((*BUILT_IN, "measured", "none"))
        raise UserError(f"shift: {file}: there is no such recipe file. Without a file: {words}.")
    values, _ = read_yaml(file)
    return Recipe.from_dict(values, str(file))


def write_recipe(run: RunFolder, recipe: Recipe | None) -> None:
    """Keep the recipe in the run folder: a resumed run validates on the same pages, whatever became of the file."""
    if recipe is not None:
        write_text(run.shift_file, yaml.safe_dump(recipe.to_dict(), sort_keys=False))


def read_recipe(run: RunFolder) -> Recipe | None:
    """The recipe that the run started with."""
    return load_recipe(run.shift_file) if run.shift_file.exists() else None
