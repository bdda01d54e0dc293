"""Measure whether the logits of a page depend on how many pages are predicted with it, for each engine and model.

    python benchmarks/batch_bits.py tf_efficientnet_lite0@224 swin_tiny_patch4_window7_224@224 --threads 1 2

The weights and the pages are random. Engines get whole batches here, where `munseo predict` may give them single pages.
The first 1, 2, 4, 5, 8 and 13 pages are predicted, and so are the 13 in reverse order; each logit is compared with that
of the page alone. It prints the largest difference and, in brackets, the numbers of pages at which any difference was
seen.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from munseo._engines import ENGINES
from munseo._engines.backends import open_engine
from munseo._model import Classifier, ModelCard, build_classifier
from munseo._prediction import InferenceSetup, predict_pages
from munseo._prediction.loader import DecodedPage

SIZES = (1, 2, 4, 5, 8, 13)


class RecordedNetwork(nn.Module):
    """Keeps the logits of a network, which show differences that the softmax of random weights would hide."""

    def __init__(self, network: nn.Module, gets_batches: bool) -> None:
        super().__init__()
        self.network = network
        self.is_batch_invariant = gets_batches
        self.logits: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute the logits of normalised images and keep a copy."""
        logits: torch.Tensor = self.network(images)
        self.logits.append(logits.clone())
        return logits


def predict(network: nn.Module, card: ModelCard, pages: list[DecodedPage], gets_batches: bool) -> np.ndarray:
    """Return the logits of pages, (len(pages), num_classes), all in one batch of the loader."""
    recorded = RecordedNetwork(network, gets_batches)
    predict_pages(Classifier(recorded, card), pages, InferenceSetup(torch.device("cpu"), max(SIZES)))
    return torch.cat(recorded.logits).numpy()[: len(pages)]


def differences(network: nn.Module, card: ModelCard, pages: list[DecodedPage], gets_batches: bool) -> dict[str, float]:
    """Return the largest difference from the page alone, for each number of pages and for the reverse order."""
    alone = np.concatenate([predict(network, card, [page], gets_batches) for page in pages])
    found = {str(size): predict(network, card, pages[:size], gets_batches) - alone[:size] for size in SIZES}
    found["reversed"] = predict(network, card, pages[::-1], gets_batches)[::-1] - alone
    return {name: float(np.abs(difference).max()) for name, difference in found.items()}


def cell(found: dict[str, float]) -> str:
    """Return the text of a table cell."""
    differing = [name for name, difference in found.items() if difference > 0]
    return f"{max(found.values()):.1e} ({', '.join(differing)})" if differing else "0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="name@size")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    words = parser.parse_args()
    names = ("torch", *(name for name, engine in ENGINES.items() if engine.is_installed))
    print(f"| model | threads | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}")
    for model in words.models:
        name, size = model.split("@")
        classes = tuple(str(number) for number in range(17))
        card = ModelCard(name, classes, classes, int(size), (0.5,) * 3, (0.5,) * 3)
        noise = np.random.default_rng(0).integers(0, 256, (max(SIZES), int(size), int(size), 3), dtype=np.uint8)
        pages = [DecodedPage({(card.image_size, card.orientation): page}) for page in noise]
        torch.manual_seed(0)
        classifier, _ = build_classifier(card)
        with tempfile.TemporaryDirectory() as folder:
            for engine in names[1:]:
                export = Path(folder) / engine
                export.mkdir()
                ENGINES[engine].write(classifier.network, card.image_size, export)
            for threads in words.threads:
                torch.set_num_threads(threads)
                cells = [cell(differences(classifier.network, card, pages, False))]
                for engine in names[1:]:
                    network = open_engine(Path(folder) / engine, engine)
                    cells.append(cell(differences(network, card, pages, True)))
                print(f"| `{name}` | {threads} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
