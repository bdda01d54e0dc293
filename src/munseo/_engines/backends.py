"""The network that runs a model: torch, an exported engine, or the fastest of all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from munseo._console import say
from munseo._engines.engine import EXPORTS, INT8, check_backend, engine_of, export_command
from munseo._engines.sidecar import read_sidecar, run_for_commands
from munseo._errors import UserError
from munseo._model import Classifier, ModelCard, load_classifier
from munseo._run import RunFolder

TRIAL_IMAGES = 16
"""Images of the first batch on which all candidates are tried."""
TRIAL_ROUNDS = 3


def exported(run: RunFolder) -> list[str]:
    """Return the names of the exports in a run folder, whether their packages are installed or not."""
    return [name for name in EXPORTS if run.export_dir(name).is_dir()]


def load_backend(run: RunFolder, card: ModelCard, backend: str) -> Classifier:
    """Load a classifier whose network is torch's, an engine, or the fastest of all.

    Args:
        run: The folder with the weights: a run with one split, or a fold.
        card: Its model card.
        backend: One of ``BACKENDS``.

    Raises:
        UserError: The run has no such export, it belongs to other weights, or its package is not installed.
    """
    check_backend(backend)
    if backend == "torch":
        return load_classifier(card, run.weights_file)
    network = _load_fastest(run, card) if backend == "auto" else load_engine(run, card, backend)
    return Classifier(network, card).eval()


def load_engine(run: RunFolder, card: ModelCard, name: str) -> nn.Module:
    """Load one of a run's exports, checked against the run and ready to take normalised images."""
    folder = run.export_dir(name)
    if not folder.is_dir():
        others = ", ".join(exported(run))
        hint = f" It is exported as {others}." if others else ""
        command = export_command(run_for_commands(run), name)
        raise UserError(f"backend {name}: {run.path} is not exported so; {command} does it.{hint}")
    engine = engine_of(name)
    if not engine.is_installed:
        raise UserError(f"backend {name}: {engine.package} is not installed; pip install 'munseo[export]'.")
    read_sidecar(folder, run, card)
    return open_engine(folder, name)


def open_engine(folder: Path, name: str) -> nn.Module:
    """Open the export in a folder without checking it.

    It takes as many threads as torch does, so that one setting rules both.
    """
    return engine_of(name).open(folder, torch.get_num_threads()).eval()


def is_batch_invariant(classifier: Classifier, pages: torch.Tensor) -> bool:
    """Return whether the probabilities of a page are the same to the bit in every batch: with engines, not with torch.

    If the fastest candidate has not been chosen yet, all are tried on these pages, uint8 (B, S, S, 3).
    """
    network = classifier.network
    if isinstance(network, FastestNetwork) and network.chosen is None:
        network.choose(classifier.prepare(pages[:TRIAL_IMAGES]))
    return bool(getattr(network, "is_batch_invariant", False))


def _load_fastest(run: RunFolder, card: ModelCard) -> nn.Module:
    torch_network = load_classifier(card, run.weights_file).network
    names = [name for name in exported(run) if engine_of(name).is_installed]
    for name in set(exported(run)) - set(names):
        say(f"backend {name}: left out, {engine_of(name).package} is not installed")
    if not names:
        command = export_command(run_for_commands(run), "openvino")
        say(f"backend: torch (nothing else is exported: {command})")
        return torch_network
    return FastestNetwork({"torch": torch_network, **{name: load_engine(run, card, name) for name in names}})


class FastestNetwork(nn.Module):
    """Tries all candidates on the first batch, keeps the fastest and reports which.

    Only a batch of the real work is a fair trial: its size, this machine's cores, what else runs on them.

    Args:
        candidates: Networks by backend; ``torch`` is among them. A candidate in full precision that decides differently
            from torch is left out. One in INT8 may differ: its loss was measured when it was exported.
    """

    def __init__(self, candidates: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.candidates = nn.ModuleDict(dict(candidates))
        self.chosen: str | None = None

    @property
    def is_batch_invariant(self) -> bool:
        """Whether the chosen network gives the same bits in every batch."""
        assert self.chosen is not None, "a candidate has been chosen"
        return bool(getattr(self.candidates[self.chosen], "is_batch_invariant", False))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits (B, num_classes) of normalised images (B, 3, S, S)."""
        if self.chosen is None:
            self.choose(images)
        assert self.chosen is not None
        logits: torch.Tensor = self.candidates[self.chosen](images)
        return logits

    def choose(self, images: torch.Tensor) -> None:
        """Try the candidates on these images, and keep one."""
        self.chosen = self._try(images[:TRIAL_IMAGES])
        for name in set(self.candidates) - {self.chosen}:
            del self.candidates[name]

    def _try(self, images: torch.Tensor) -> str:
        # The first pass of an engine compiles; it is not timed.
        decisions = {name: network(images).argmax(dim=1) for name, network in self.candidates.items()}
        agree = {name: int((decided == decisions["torch"]).sum()) for name, decided in decisions.items()}
        times: dict[str, list[float]] = {
            name: [] for name in self.candidates if name.endswith(INT8) or agree[name] == len(images)
        }
        for _ in range(TRIAL_ROUNDS):
            for name, seconds in times.items():
                start = time.perf_counter()
                self.candidates[name](images).cpu()  # the copy waits for a GPU to finish
                seconds.append(time.perf_counter() - start)
        rates = {name: len(images) / statistics.median(seconds) for name, seconds in times.items()}
        best = max(rates, key=lambda name: rates[name])
        listed = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
        same = f"; decides as torch on {agree[best]} of {len(images)}" if best != "torch" else ""
        say(f"backend: {best} (pages a second: {listed}{same})")
        for name in set(decisions) - set(rates):
            say(f"backend {name}: left out, decides as torch on only {agree[name]} of {len(images)} pages")
        return best
