"""The service with arithmetic instead of a model: it starts in a second, and can be slow or fail on demand.

python stand_in.py PORT '{"limits": {"waiting": 4}, "delay_s": 0.2, "token": "…"}'
"""

import json
import sys
import time
from types import SimpleNamespace

import numpy as np

from munseo._data.pixels import to_rgb
from munseo._service.admission import Limits
from munseo._service.server import listen, run
from munseo._service.service import build

CLASSES = ("letter", "form", "<b>receipt</b>")
BROKEN = (1, 2, 3)
"""Colour of a page for which the model fails."""


def row_of(pixels: np.ndarray) -> np.ndarray:
    """Return the probabilities of a page."""
    shares = pixels.reshape(-1, 3).mean(axis=0).astype(np.float32) + 1
    return shares / shares.sum()


class StandIn:
    """A predictor that answers by the mean colour of a page."""

    batch_size = 8
    uses_text = False
    card = SimpleNamespace(class_names=CLASSES, class_targets=("0", "1", "2"))
    threshold = SimpleNamespace(confidence=0.5)
    folder = SimpleNamespace(name="stand-in")

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        return to_rgb(pixels)

    def probabilities(self, pages) -> np.ndarray:
        time.sleep(self._delay_s)
        if any(tuple(page[0, 0]) == BROKEN for page in pages):
            raise RuntimeError("the model's secret /etc/weights")
        return np.stack([row_of(page) for page in pages])


if __name__ == "__main__":
    words = json.loads(sys.argv[2])
    limits = Limits(**words.get("limits", {}))
    hosts = words.get("hosts", ["localhost", "127.0.0.1", "::1"])
    predictor = StandIn(words.get("delay_s", 0))
    run(
        build(predictor, {"run": "stand-in"}, limits, words.get("token"), hosts),
        listen("127.0.0.1", int(sys.argv[1])),
        limits,
    )
