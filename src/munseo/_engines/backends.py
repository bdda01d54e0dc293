"""The network that runs a model: torch or an exported engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from munseo._engines.engine import EXPORTS, check_backend, engine_of, export_command
from munseo._engines.export_folder import has_export
from munseo._engines.sidecar import read_sidecar, run_for_commands
from munseo._errors import UserError
from munseo._model import Classifier, ModelCard, load_classifier
from munseo._run import RunFolder


def exported(run: RunFolder) -> list[str]:
    """Return the names of the exports in a run folder, whether their packages are installed or not."""
    return [name for name in EXPORTS if has_export(run, name)]


def load_backend(run: RunFolder, card: ModelCard, backend: str) -> Classifier:
    """Load a classifier whose network is torch's or an engine.

    Args:
        run: The folder with the weights: a run with one split, or a fold.
        card: Its model card.
        backend: One of ``BACKENDS`` except ``auto``, which ``Predictor`` resolves.

    Raises:
        UserError: The run has no such export, it belongs to other weights, or its package is not installed.
    """
    check_backend(backend)
    if backend == "torch":
        return load_classifier(card, run.weights_file)
    return Classifier(load_engine(run, card, backend), card).eval()


def load_engine(run: RunFolder, card: ModelCard, name: str) -> nn.Module:
    """Load one of a run's exports, checked against the run and ready to take normalised images."""
    folder = run.export_dir(name)
    if not has_export(run, name):
        others = ", ".join(exported(run))
        hint = f" It is exported as {others}." if others else ""
        command = export_command(run_for_commands(run), name)
        raise UserError(f"backend {name}: {run.path} is not exported so; {command} does it.{hint}")
    engine = engine_of(name)
    if not engine.is_installed:
        raise UserError(f"backend {name}: {engine.package} is not installed; pip install 'munseo[export]'.")
    sidecar = read_sidecar(folder, run, card)
    network: Any = open_engine(folder, name)
    if not engine.computes_one_by_one:
        measured = sidecar.get("same_bits_with_threads")  # exports of earlier versions do not have it
        network.is_batch_invariant = isinstance(measured, list) and torch.get_num_threads() in measured
    return cast(nn.Module, network)


def open_engine(folder: Path, name: str) -> nn.Module:
    """Open the export in a folder without checking it.

    It takes as many threads as torch does, so that one setting rules both.
    """
    return engine_of(name).open(folder, torch.get_num_threads()).eval()
