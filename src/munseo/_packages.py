"""Packages that may be installed: looked up without importing them, which can take seconds or change settings."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path


def missing_packages(names: Iterable[str]) -> list[str]:
    """Return those of some modules that are not installed."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def package_folder(name: str) -> Path | None:
    """Return the folder of a package, or None if it is not installed."""
    spec = importlib.util.find_spec(name)
    folders = spec.submodule_search_locations if spec else None
    return Path(next(iter(folders))) if folders else None
