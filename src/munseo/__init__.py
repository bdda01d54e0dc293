"""Munseo (문서, "document") trains, judges and explains classifiers of document images.

Every command is a plain function here: ``from munseo import train, predict, report``. They are found on first use, so
that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from munseo._errors import Interrupted, UserError

__version__ = "0.1.0"

_COMMANDS = {
    "export": "exporting",
    "bench_train": "benching",
    "bench_predict": "benching_predict",
    "doctor": "doctoring",
    "fix": "fixing",
}
_MOVED = (
    "demo",
    "diff",
    "ensemble",
    "evaluate",
    "predict",
    "report",
    "resume",
    "runs",
    "score",
    "serve",
    "shift",
    "synth",
    "train",
    "ui",
)

__all__ = ["Interrupted", "UserError", "__version__", *_COMMANDS, *_MOVED]


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        return getattr(import_module(f"munseo._commands.{name}"), name)
    if name not in _COMMANDS:
        raise AttributeError(f"module 'munseo' has no attribute {name!r}")
    return getattr(import_module(f"munseo.api.{_COMMANDS[name]}"), name)
