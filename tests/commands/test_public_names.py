"""What ``from munseo import …`` gives."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import munseo

PACKAGE = Path(munseo.__file__).parent
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
IMPORT = """
import importlib, sys
for room in sys.argv[1:]:
    importlib.import_module(f"munseo.{room}")
import munseo
for name in munseo.__all__:
    found = getattr(munseo, name)
    assert name == "__version__" or callable(found), (name, found)
"""


@pytest.mark.parametrize("name", munseo.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(munseo, name) is not None


def test_there_is_one_interruption():
    from munseo import Interrupted

    assert Interrupted is munseo._errors.Interrupted
    assert issubclass(Interrupted, KeyboardInterrupt)
    stop = Interrupted(15, "stopped; run it again.")
    assert (stop.signum, stop.message, str(stop)) == (15, "stopped; run it again.", "stopped; run it again.")


def test_a_room_never_hides_a_public_name():
    assert not set(ROOMS) & set(munseo.__all__)
    assert all(room.startswith("_") for room in ROOMS)


@pytest.mark.parametrize("rooms", [ROOMS, []], ids=["rooms first", "names first"])
def test_names_are_functions_and_classes_in_both_orders(rooms):
    subprocess.run([sys.executable, "-c", IMPORT, *rooms], check=True)


def test_type_checkers_see_every_public_name():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(munseo.__all__) - {"__version__"} <= imported


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'predikt'"):
        munseo.predikt  # noqa: B018
