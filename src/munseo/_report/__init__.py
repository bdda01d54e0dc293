"""Reports and plots of runs, and the leaderboard; the room reads run folders and nothing else.

The leaderboard needs no plots, and matplotlib takes longer to import than all runs take to read. So each name of this
room is imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from munseo._report.contact_sheet import save_sheet
    from munseo._report.report import draw_plots, missing_files, remove_files, write_preliminary, write_report
    from munseo._report.server_scores import record_score

__all__ = [
    "draw_plots",
    "missing_files",
    "record_score",
    "remove_files",
    "save_sheet",
    "write_preliminary",
    "write_report",
]
_MODULES = {"record_score": "server_scores", "save_sheet": "contact_sheet"}
"""Modules of the names that are not in ``report``."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'munseo._report' has no attribute {name!r}")
    return getattr(import_module(f"munseo._report.{_MODULES.get(name, 'report')}"), name)
