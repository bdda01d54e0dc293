import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import structure  # noqa: E402

MODULES = structure.read_modules(ROOT / "src" / "munseo")
FIGURES = structure.measure(ROOT / "src" / "munseo")


@pytest.mark.parametrize("title", structure.LIMITS)
def test_the_package_stays_within_the_limits_of_its_structure(title: str) -> None:
    found = FIGURES[title]
    count = found if isinstance(found, int) else len(found)
    assert count <= structure.LIMITS[title], f"{title}: {found}"


def rooms_in_the_design() -> list[str]:
    """The names in the first column of the table of rooms, from top to bottom."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    table = text[text.index("| room |") : text.index("## Where to add something")]
    rows = [row for row in table.splitlines()[2:] if row.startswith("|")]
    return [name for row in rows for name in re.findall(r"`(_\w+)`", row.split("|")[1])]


def test_the_design_lists_every_room() -> None:
    names = {module.name.split(".")[1] for module in MODULES if "." in module.name}
    assert names - {"__main__"} == set(rooms_in_the_design())


def test_rooms_import_only_those_below_them() -> None:
    rank = {name: index for index, name in enumerate(rooms_in_the_design())}
    upwards = []
    for module in MODULES:
        room = module.name.split(".")[1] if "." in module.name else None
        targets = {
            name.split(".")[1]
            for name in module.imports
            if name.startswith("munseo._") and not name.startswith("munseo.__")
        }
        upwards += [f"{module.name} -> {target}" for target in targets if rank.get(target, 0) < rank.get(room, 0)]
    assert not upwards
