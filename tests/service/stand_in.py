"""The service with a model that is arithmetic: it starts in a second, and can be told to be slow or to fail.

python stand_in.py PORT '{"limits": {"waiting": 4}, "delay_s": 0.2, "token": "…"}'
"""

import json
import sys
import time

import numpy as np

from munseo._service.admission import Limits
from munseo._service.served_model import ServedModel
from munseo._service.server import listen, run
from munseo._service.service import build

CLASSES = ("letter", "form", "<b>receipt</b>")
BROKEN = (1, 2, 3)
"""Colour of a page at which the model fails."""


def row_of(pixels: np.ndarray) -> np.ndarray:
    """What the model says of a page."""
    shares = pixels.reshape(-1, 3).mean(axis=0).astype(np.float32) + 1
    return shares / shares.sum()


def model_of(delay_s: float) -> ServedModel:
    def answer(pages):
        time.sleep(delay_s)
        if any(tuple(page[0, 0]) == BROKEN for page in pages):
            raise RuntimeError("the model's secret /etc/weights")
        return np.stack([row_of(page) for page in pages])

    return ServedModel(
        prepare=lambda pixels: pixels,
        answer=answer,
        batch_size=8,
        class_names=CLASSES,
        class_targets=("0", "1", "2"),
        needs_person_below=0.5,
        card={"run": "stand-in"},
    )


if __name__ == "__main__":
    words = json.loads(sys.argv[2])
    limits = Limits(**words.get("limits", {}))
    hosts = words.get("hosts", ["localhost", "127.0.0.1", "::1"])
    run(
        build(model_of(words.get("delay_s", 0)), limits, words.get("token"), hosts),
        listen("127.0.0.1", int(sys.argv[1])),
        limits,
    )
