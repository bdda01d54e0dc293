"""A recipe: which damages pages get, how often and how strong."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from munseo._augment.damage import DAMAGES, apply_damages
from munseo._errors import UserError

KEYS = ("probability", "severity")


@cache
def damage_version() -> str:
    """Return 12 hexadecimal digits that change whenever the code of the damages does."""
    total = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        total.update(file.read_bytes())
    return total.hexdigest()[:12]


class RecipeEntry(NamedTuple):
    """The probability and the severity with which a recipe applies one damage."""

    name: str
    """Key in ``DAMAGES``."""
    probability: float
    """Fraction of pages that get the damage."""
    low: float
    """Lowest severity."""
    high: float
    """Highest severity; a page's severity is drawn uniformly between the two."""


@dataclass(frozen=True)
class Recipe:
    """A table of damages that pages get independently of each other.

        >>> recipe = Recipe.of("phone", rotation=(0.9, 0.0, 0.1), noise=(0.5, 0.1, 0.4))
        >>> damaged = apply_recipe(page, recipe, np.random.default_rng(0))

    Attributes:
        name: What reports call it.
        damages: One entry for each damage.
    """

    name: str
    damages: tuple[RecipeEntry, ...]

    @staticmethod
    def of(name: str, /, **damages: tuple[float, float, float]) -> Recipe:
        """Build a recipe from keywords: a damage and its probability, lowest and highest severity."""
        return Recipe(name, tuple(RecipeEntry(damage, *numbers) for damage, numbers in damages.items()))

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as YAML has it; ``from_dict`` reads it."""
        table = {name: {"probability": p, "severity": [low, high]} for name, p, low, high in self.damages}
        return {"name": self.name, "damages": table}

    @staticmethod
    def from_dict(values: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """Read a recipe.

        Args:
            values: ``name``, and ``damages``: damage to ``probability`` and ``severity`` (``[0, 1]`` if not given).
            where: How messages name the file or key that the values came from.

        Raises:
            UserError: Keys or values are wrong: all of them in one message.
        """
        problems = [f"{where}.{key}: unknown; known: name, damages" for key in values if key not in ("name", "damages")]
        name, table = values.get("name", "recipe"), values.get("damages")
        if not isinstance(name, str):
            problems.append(f"{where}.name: {name!r} is not allowed; should be text")
        if not isinstance(table, Mapping):
            problems.append(f"{where}.damages: {table!r} is not allowed; should be a table of damages")
            table = {}
        entries, found = _read_table(table, {}, f"{where}.damages")
        if problems + found:
            raise UserError(f"{where}: {len(problems + found)} wrong.", problems + found)
        return Recipe(name, entries)

    def changed(self, overrides: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """Return the same recipe with other probabilities or severities, or with more damages.

        Args:
            overrides: Damage to ``probability`` or ``severity`` or both; everything else stays.
            where: How messages name the file or key that the values came from.

        Raises:
            UserError: Keys or values are wrong: all of them in one message.
        """
        entries, problems = _read_table(overrides, {entry.name: entry for entry in self.damages}, where)
        if problems:
            raise UserError(f"{where}: {len(problems)} wrong.", problems)
        return replace(self, damages=entries)


def apply_recipe(
    image: np.ndarray, recipe: Recipe, rng: np.random.Generator, second_pages: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """Damage a square letterboxed page (S, S, 3) uint8 according to a recipe; the input is not changed.

    ``overlay`` may lay one of ``second_pages`` over the page; without any it uses the page itself, flipped.
    """
    # Every damage has its own two numbers, so that changing one row leaves the choice of the others as it was.
    draws = dict(zip(DAMAGES, rng.random((len(DAMAGES), 2)), strict=True))
    chosen = []
    for name, probability, low, high in recipe.damages:
        chance, strength = draws[name]
        if chance < probability:
            chosen.append((DAMAGES[name], low + (high - low) * float(strength)))
    return apply_damages(image, chosen, rng, second_pages)


def _read_table(
    table: Mapping[str, Any], base: Mapping[str, RecipeEntry], where: str
) -> tuple[tuple[RecipeEntry, ...], list[str]]:
    """Return the entries of ``base`` updated by the table, in the order of ``DAMAGES``, and all problems."""
    entries, problems = dict(base), []
    for name, value in table.items():
        if name not in DAMAGES:
            near = difflib.get_close_matches(str(name), DAMAGES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(DAMAGES)}"
            problems.append(f"{where}.{name}: no such damage; {hint}")
            continue
        entry, found = _read_entry(name, value, base.get(name), f"{where}.{name}")
        problems += found
        if entry is not None:
            entries[name] = entry
    return tuple(entries[name] for name in DAMAGES if name in entries), problems


def _read_entry(name: str, value: Any, base: RecipeEntry | None, where: str) -> tuple[RecipeEntry | None, list[str]]:
    if not isinstance(value, Mapping):
        return None, [f"{where}: {value!r} is not allowed; should be like {{probability: 0.3, severity: [0, 1]}}"]
    problems = [f"{where}.{key}: unknown; known: {', '.join(KEYS)}" for key in value if key not in KEYS]
    probability = value.get("probability", base.probability if base else None)
    severity = value.get("severity", [base.low, base.high] if base else [0.0, 1.0])
    if probability is None:
        problems.append(f"{where}.probability: missing; a number from 0 to 1")
    elif not _is_fraction(probability):
        problems.append(f"{where}.probability: {probability!r} is not allowed; should be a number from 0 to 1")
    if not (isinstance(severity, list | tuple) and len(severity) == 2 and all(map(_is_fraction, severity))):
        problems.append(f"{where}.severity: {severity!r} is not allowed; should be [low, high], each from 0 to 1")
    elif severity[0] > severity[1]:
        problems.append(f"{where}.severity: {severity!r} is not allowed; low first")
    if problems:
        return None, problems
    return RecipeEntry(name, float(probability), float(severity[0]), float(severity[1])), []


def _is_fraction(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


_RECIPES = yaml.safe_load(Path(__file__).with_name("recipes.yaml").read_text("utf-8"))
BUILT_IN = {recipe.name: recipe for recipe in map(Recipe.from_dict, _RECIPES)}
"""Recipes that need no file, by name; a new one needs an entry in ``recipes.yaml``."""
COMPETITION, DOCUMENT = BUILT_IN["competition"], BUILT_IN["document"]
