"""Which engine runs a model: the one that was asked for, or the fastest that is there."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from munseo._console import say
from munseo._engines.onnx_engine import OnnxEngine
from munseo._engines.openvino_engine import OpenVinoEngine
from munseo._engines.sidecar import read_sidecar, whole
from munseo._errors import UserError
from munseo._model import Classifier, ModelCard, load_classifier
from munseo._run import RunFolder

ENGINES = ("onnx", "onnx-int8", "openvino", "openvino-int8")
"""Exports of a run, by the name of their folder."""
BACKENDS = ("torch", *ENGINES, "auto")
PACKAGES = {"onnx": "onnxruntime", "openvino": "openvino"}
TRIAL_IMAGES = 16
TRIAL_ROUNDS = 3


def check_backend(backend: str) -> None:
    """Raise ``UserError`` for a word that is no backend."""
    if backend not in BACKENDS:
        raise UserError(f"backend: {backend!r} is not allowed; should be {', '.join(BACKENDS[:-1])} or {BACKENDS[-1]}.")


def exported(run: RunFolder) -> list[str]:
    """The exports that lie in a run folder, whether their packages are installed or not."""
    return [name for name in ENGINES if run.export_dir(name).is_dir()]


def load_backend(run: RunFolder, card: ModelCard, backend: str) -> Classifier:
    """A classifier whose network is torch's, an engine, or the fastest of all.

    Args:
        run: The folder with the weights: a run's with one split, or a fold's.
        card: Its model card.
        backend: One of ``BACKENDS``.

    Raises:
        UserError: Not exported so, an export of other weights, or a package that is not installed.
    """
    check_backend(backend)
    if backend == "torch":
        return load_classifier(card, run.weights_file)
    network = _fastest(run, card) if backend == "auto" else load_engine(run, card, backend)
    return Classifier(network, card).eval()


def load_engine(run: RunFolder, card: ModelCard, name: str) -> nn.Module:
    """One of a run's exports, checked against the run and ready to take normalised images."""
    folder = run.export_dir(name)
    if not folder.is_dir():
        form, _, precision = name.partition("-")
        option = " --int8" if precision else ""
        others = ", ".join(exported(run))
        there = f" It is exported as {others}." if others else ""
        command = f"munseo export {whole(run)} --format {form}{option}"
        raise UserError(f"backend {name}: {run.path} is not exported so; `{command}` does it.{there}")
    _need_package(name)
    read_sidecar(folder, run, card)
    return open_engine(folder, name)


def open_engine(folder: Path, name: str) -> nn.Module:
    """The engine of a folder whose graph has not been checked yet, or just has been.

    It takes as many threads as torch does, so that one setting rules both.
    """
    engine = OnnxEngine if name.startswith("onnx") else OpenVinoEngine
    return engine(folder, torch.get_num_threads()).eval()


def works_by_page(classifier: Classifier, pages: torch.Tensor) -> bool:
    """Whether the probabilities of a page are the same to the bit in every batch: with the engines, not with torch.

    Args:
        classifier: A model; where the fastest is still to be found, it is tried on these pages.
        pages: uint8 (B, S, S, 3).
    """
    network = classifier.network
    if isinstance(network, Fastest) and network.chosen is None:
        network.choose(classifier.prepare(pages[:TRIAL_IMAGES]))
    return not _is_torch(network)


def _is_torch(network: nn.Module) -> bool:
    if isinstance(network, Fastest):
        return network.chosen == "torch"
    return not isinstance(network, OnnxEngine | OpenVinoEngine)


def installed(name: str) -> bool:
    """Whether the package of an engine is on this machine."""
    return importlib.util.find_spec(PACKAGES[name.partition("-")[0]]) is not None


def _need_package(name: str) -> None:
    if not installed(name):
        package = PACKAGES[name.partition("-")[0]]
        raise UserError(f"backend {name}: {package} is not installed; pip install 'munseo[export]'.")


def _fastest(run: RunFolder, card: ModelCard) -> nn.Module:
    torch_network = load_classifier(card, run.weights_file).network
    names = [name for name in exported(run) if installed(name)]
    for name in set(exported(run)) - set(names):
        say(f"backend {name}: left out, {PACKAGES[name.partition('-')[0]]} is not installed")
    if not names:
        say(f"backend: torch (nothing else is exported: `munseo export {whole(run)} --format openvino`)")
        return torch_network
    return Fastest({"torch": torch_network, **{name: load_engine(run, card, name) for name in names}})


class Fastest(nn.Module):
    """Tries all candidates on the first batch, keeps the fastest and says which.

    A batch of the real work is the only honest trial: its size, this machine's cores, what else runs on them.

    Args:
        candidates: Networks by backend; ``torch`` is among them. A candidate in full precision that decides otherwise
            than torch is left out. One in INT8 may: its loss was measured when it was exported.
    """

    def __init__(self, candidates: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.candidates = nn.ModuleDict(dict(candidates))
        self.chosen: str | None = None

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (B, num_classes) of normalised images (B, 3, S, S)."""
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
        agree = {name: int((own == decisions["torch"]).sum()) for name, own in decisions.items()}
        times: dict[str, list[float]] = {
            name: [] for name in self.candidates if name.endswith("int8") or agree[name] == len(images)
        }
        for _ in range(TRIAL_ROUNDS):
            for name, own in times.items():
                own.append(_seconds(self.candidates[name], images))
        rates = {name: len(images) / statistics.median(own) for name, own in times.items()}
        best = max(rates, key=lambda name: rates[name])
        listed = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
        same = f"; decides as torch on {agree[best]} of {len(images)}" if best != "torch" else ""
        say(f"backend: {best} (pages a second: {listed}{same})")
        for name in set(decisions) - set(rates):
            say(f"backend {name}: left out, decides as torch on {agree[name]} of {len(images)} pages only")
        return best


def _seconds(network: nn.Module, images: torch.Tensor) -> float:
    start = time.perf_counter()
    network(images).cpu()  # the copy waits for a GPU to end
    return time.perf_counter() - start
