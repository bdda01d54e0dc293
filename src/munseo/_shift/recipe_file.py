"""Recipes as files: those that people edit, and the one that every run keeps."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from munseo._augment import COMPETITION, DOCUMENT, Recipe
from munseo._config import read_yaml
from munseo._errors import UserError
from munseo._run import RunFolder
from munseo._run.atomic import write_text
from munseo._shift.distributions import Row
from munseo._shift.measures import MEASURES

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


EVIDENCE = {
    "mirror": ("left and right change places", "mirrored"),
    "quarter_turn": ("turned by 90, 180 or 270°", "sideways"),
    "bend": ("paper that waves", "line_spread"),
    "rotation": ("turned by up to 180° times the severity, either way", "skew"),
    "perspective": ("photographed from aside", "line_spread"),
    "table": ("lies on a grey or dark table", "corner_darkness"),
    "gradient": ("light falls off to a side", "light_fall"),
    "shadow": ("something stands in the light", "unevenness"),
    "focus_blur": ("out of focus", "edge_width"),
    "motion_blur": ("moved during the exposure", "edge_direction"),
    "darkness": ("underexposed", "brightness"),
    "brightness": ("overexposed", "contrast"),
    "contrast": ("contrast falls towards grey", "contrast"),
    "noise": ("noise of the sensor", "noise"),
    "occlusion": ("boxes of one grey", "covered"),
    "jpeg": ("saved as JPEG with low quality", "jpeg_quality"),
}
"""Damage to what it does, in words for the file, and the measure that shows it best."""


@dataclass(frozen=True)
class Origin:
    """What a recipe was fitted to, for its head.

    Attributes:
        data: The data folder's name.
        num_train: Pages measured.
        num_test: Pages measured.
        image_size: Side of the square that a model sees, px.
        turned: Share of the straight test pages that are turned by a right angle or two.
        mirrored: Share of the test pages that are mirrored.
    """

    data: str
    num_train: int
    num_test: int
    image_size: int
    turned: float
    mirrored: float


def recipe_text(recipe: Recipe, rows: Sequence[Row], origin: Origin, summary: Sequence[str]) -> str:
    """The recipe as YAML, with comments on where each number comes from.

    Args:
        recipe: The fitted recipe.
        rows: The comparison of train, test and simulated pages.
        origin: What it was fitted to.
        summary: What was found, in sentences.
    """
    by_name = {row.name: row for row in rows}
    lines = [
        f"# Fitted by munseo shift to {origin.data}: {origin.num_train} train and {origin.num_test} test pages,",
        f"# seen at {origin.image_size} px (sizes and noise are right for models of that image size).",
        *textwrap.wrap(" ".join(summary), 116, initial_indent="# ", subsequent_indent="# "),
        "#",
        "# A page gets each damage by itself: probability is the share of pages, severity runs from 0 (next to",
        "# nothing) to 1 and is drawn evenly from the range. Change what you know better; delete what you do not want.",
        f"name: {_quoted(recipe.name)}",
        "damages:" if recipe.damages else "damages: {}  # test pages measure like train pages",
    ]
    for name, probability, low, high in recipe.damages:
        words, measure = EVIDENCE[name]
        lines.append(f"  # {words}. {_evidence(name, by_name[measure], origin)}")
        lines.append(f"  {name}: {{probability: {probability:g}, severity: [{low:g}, {high:g}]}}")
    return "\n".join(lines) + "\n"


def _evidence(name: str, row: Row, origin: Origin) -> str:
    if name == "mirror":
        return f"By the layout {origin.mirrored:.0%} of the test pages are mirrored."
    if name == "quarter_turn":
        return f"By the layout {origin.turned:.0%} of the straight test pages are turned."
    unit = next(measure.unit for measure in MEASURES if measure.name == row.name)
    made = "" if row.fitted is None else f", simulated {_range(row.simulated)}"
    words = row.name.replace("_", " ")
    unit = f" {unit}" if unit and unit not in "°%" else unit
    return f"From {words} (10 to 90 % of pages): train {_range(row.train)}, test {_range(row.test)}{made}{unit}."


def _range(ends: tuple[float, float, float] | None) -> str:
    assert ends is not None, "simulated pages have a range where they have a distance"
    return f"{ends[0]:.3g} to {ends[2]:.3g}"


def _quoted(text: str) -> str:
    """A name that YAML cannot mistake."""
    return "'" + text.replace("'", "''") + "'"
