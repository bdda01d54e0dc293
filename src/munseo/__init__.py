"""Munseo (문서, "document") trains, evaluates and explains classifiers of document images.

Every command is a function here, such as ``from munseo import train, predict, report``. They are found on first use, so
that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from munseo._cores import limit_threads, sleep_while_waiting
from munseo._errors import Interrupted, UserError

if TYPE_CHECKING:
    from munseo._commands.bench_predict import bench_predict
    from munseo._commands.bench_train import bench_train
    from munseo._commands.demo import demo
    from munseo._commands.diff import diff
    from munseo._commands.doctor import doctor
    from munseo._commands.ensemble import ensemble
    from munseo._commands.evaluate import evaluate
    from munseo._commands.export import export
    from munseo._commands.fix import fix
    from munseo._commands.predict import predict
    from munseo._commands.report import report
    from munseo._commands.resume import resume
    from munseo._commands.runs import runs
    from munseo._commands.score import score
    from munseo._commands.serve import serve
    from munseo._commands.shift import shift
    from munseo._commands.synth import synth
    from munseo._commands.train import train
    from munseo._commands.ui import ui
    from munseo._config import Config
    from munseo._prediction.predictor import PredictOptions, Predictor

# Before a library is imported that counts cores, or whose threads wait for each other.
limit_threads()
sleep_while_waiting()

__version__ = "0.1.0"

__all__ = [
    "Config",
    "Interrupted",
    "PredictOptions",
    "Predictor",
    "UserError",
    "__version__",
    "bench_predict",
    "bench_train",
    "demo",
    "diff",
    "doctor",
    "ensemble",
    "evaluate",
    "export",
    "fix",
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
]
_MODULES = {
    "Config": "_config",
    "PredictOptions": "_prediction.predictor",
    "Predictor": "_prediction.predictor",
}
"""Modules of the names that are not commands; a command is in the module of ``_commands`` with its name."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'munseo' has no attribute {name!r}")
    return getattr(import_module(f"munseo.{_MODULES.get(name, f'_commands.{name}')}"), name)
