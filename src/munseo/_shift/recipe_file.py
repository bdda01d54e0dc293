"""Recipe files: those that people edit, and the one that every run keeps."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from munseo._augment import BUILT_IN, DAMAGES, Recipe
from munseo._config import read_yaml
from munseo._errors import UserError
from munseo._run import RunFolder
from munseo._run.atomic import write_text
from munseo._shift.distributions import MeasureRow
from munseo._shift.measures import MEASURES


def load_recipe(file: Path) -> Recipe:
    """Read a recipe that ``munseo shift`` wrote and people may have edited.

    Raises:
        UserError: The file is missing, or it is not YAML or not a recipe.
    """
    if not file.is_file():
        words = ", ".join((*BUILT_IN, "measured", "none"))
        raise UserError(f"shift: {file}: there is no such recipe file. Without a file: {words}.")
    values, _ = read_yaml(file)
    return Recipe.from_dict(values, str(file))


def write_recipe(run: RunFolder, recipe: Recipe | None) -> None:
    """Keep the recipe in the run folder, so that a resumed run validates on the same pages even if its file changed."""
    if recipe is not None:
        write_text(run.shift_file, yaml.safe_dump(recipe.to_dict(), sort_keys=False))


def read_recipe(run: RunFolder) -> Recipe | None:
    """Return the recipe that the run started with, or None without one."""
    return load_recipe(run.shift_file) if run.shift_file.exists() else None


@dataclass(frozen=True)
class Origin:
    """The pages that a recipe was fitted to, for the comments of its file."""

    data: str
    num_train: int
    num_test: int
    image_size: int  # side of the square that a model sees, px
    turned: float  # fraction of the test pages without skew that are turned by 90, 180 or 270°
    mirrored: float  # fraction of the test pages that are mirrored


def recipe_text(recipe: Recipe, rows: Sequence[MeasureRow], origin: Origin, summary: Sequence[str]) -> str:
    """Return the recipe as YAML, with comments on where each number comes from, below a summary in sentences."""
    by_name = {row.name: row for row in rows}
    lines = [
        f"# Fitted by munseo shift to {origin.data}: {origin.num_train} train and {origin.num_test} test pages,",
        f"# seen at {origin.image_size} px (sizes and noise are right for models of that image size).",
        *textwrap.wrap(" ".join(summary), 116, initial_indent="# ", subsequent_indent="# "),
        "#",
        "# Pages get each damage independently: probability is the fraction of pages, severity goes from 0 (next to",
        "# nothing) to 1 and is drawn uniformly from the range. Change what you know better; delete the rest.",
        f"name: {_quoted(recipe.name)}",
        "damages:" if recipe.damages else "damages: {}  # test pages measure like train pages",
    ]
    for name, probability, low, high in recipe.damages:
        damage = DAMAGES[name]
        assert damage.measure is not None, "only damages that a measure shows are fitted"
        lines.append(f"  # {damage.description}. {_evidence(name, by_name[damage.measure], origin)}")
        lines.append(f"  {name}: {{probability: {probability:g}, severity: [{low:g}, {high:g}]}}")
    return "\n".join(lines) + "\n"


def _evidence(name: str, row: MeasureRow, origin: Origin) -> str:
    if name == "mirror":
        return f"Judging by the layout, {origin.mirrored:.0%} of the test pages are mirrored."
    if name == "quarter_turn":
        return f"Judging by the layout, {origin.turned:.0%} of the test pages without skew are turned."
    unit = next(measure.unit for measure in MEASURES if measure.name == row.name)
    simulated = "" if row.fitted is None else f", simulated {_range(row.simulated)}"
    unit = f" {unit}" if unit and unit not in "°%" else unit
    name = row.name.replace("_", " ")
    return f"From {name} (10 to 90 % of pages): train {_range(row.train)}, test {_range(row.test)}{simulated}{unit}."


def _range(percentiles: tuple[float, float, float] | None) -> str:
    assert percentiles is not None, "simulated pages have a range where they have a distance"
    return f"{percentiles[0]:.3g} to {percentiles[2]:.3g}"


def _quoted(text: str) -> str:
    """Quote a name so that YAML reads it as text."""
    return "'" + text.replace("'", "''") + "'"
