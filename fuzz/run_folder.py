"""Coverage-guided fuzzing of what reads a run folder: ``python fuzz/run_folder.py -max_total_time=300``.

Flags are libFuzzer's. One file of a whole run is replaced at a time; the first byte of an input says which.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import atheris
import torch._weights_only_unpickler as unpickler

sys.path.append(str(Path(__file__).parent.parent / "tests" / "report"))
with atheris.instrument_imports(include=["munseo", "yaml"]):
    from harness import fuzz
    from opened_run import READERS, run_folder, whole_run

# Named among the imports it would have all of torch followed: minutes, and nothing to find.
unpickler.Unpickler.load = atheris.instrument_func(unpickler.Unpickler.load)

VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, -1e308, float("nan"), float("inf"), 2**70, "", "x", "1", "\u0000", "../x", [], {}),
    *([[]], [None], {"": None}, ["x"] * 50, [0, 1], {"macro_f1": "x"}, {"class": 1}, "2025-07-05T19:34:25+09:00"),
)
"""Values that are put where others are expected."""


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Replace a value where the input is JSON, or else change bytes: changed bytes seldom leave valid JSON."""
    chance = random.Random(seed)
    if chance.random() < 0.7:
        try:
            whole = json.loads(data[1:])
        except (ValueError, RecursionError):
            pass
        else:
            changed = data[:1] + json.dumps(_with_another_value(whole, chance)).encode()
            if len(changed) <= max_size:
                return changed
    return atheris.Mutate(data, max_size)


def _with_another_value(whole: Any, chance: random.Random) -> Any:
    inner, places = whole, []
    while isinstance(inner, dict | list) and inner and (not places or chance.random() < 0.8):
        key = chance.choice(list(inner)) if isinstance(inner, dict) else chance.randrange(len(inner))
        places.append((inner, key))
        inner = inner[key]
    if not places:
        return chance.choice(VALUES)
    holder, key = chance.choice(places)
    if chance.random() < 0.2:
        del holder[key]
    else:
        holder[key] = chance.choice(VALUES)
    return whole


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable()
    with whole_run() as run:
        seeds = {name: bytes([number]) + (run.path / name).read_bytes() for number, name in enumerate(READERS)}
        fuzz("run_folder", lambda data: run_folder(data, run), seeds, mutate)
