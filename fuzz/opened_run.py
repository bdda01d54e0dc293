"""The readers of a run folder as a function of bytes, which raise nothing but what is documented.

This file needs no fuzzer: a test gives every file of ``corpus/run_folder`` to the same function.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
import yaml
from fake_run import ENGLISH, NAME, write_run
from safetensors.torch import save_file

from munseo import UserError, diff
from munseo._augment import DOCUMENT
from munseo._model import ModelCard
from munseo._model import pretrained as model_weights
from munseo._report.facts import gather
from munseo._run import RunFolder, check_fingerprints, fingerprints, open_run
from munseo._shift.recipe_file import load_recipe
from munseo._training import checkpoint as training_state


def _diff(run: RunFolder) -> None:
    diff(run.path, run.path.parent / "other" / run.path.name)


READERS: dict[str, tuple[Callable[[RunFolder], object], ...]] = {
    "config.yaml": (RunFolder.read_config, gather),
    "manifest.json": (RunFolder.read_manifest, check_fingerprints, _diff, gather),
    "model.json": (lambda run: ModelCard.from_dict(run.read_json(run.model_file), "model.json"), _diff),
    "results.json": (gather, _diff),
    "metrics.csv": (RunFolder.read_metrics, gather),
    "val_predictions.parquet": (lambda run: run.read_predictions(run.val_predictions_file), _diff),
    "pages.parquet": (_diff,),
    "gallery/pages.json": (gather,),
    "scores.json": (gather, _diff),
    "shift.yaml": (lambda run: load_recipe(run.shift_file), gather),
    "weights.safetensors": (lambda run: model_weights.read_state(run.weights_file),),
    "state.ckpt": (training_state.read_state, lambda run: model_weights.read_state(run.state_file)),
}
"""Files of a run, and their readers. Inputs of the corpus have indices into this list: new entries go to the end."""


def run_folder(data: bytes, run: RunFolder) -> None:
    """Read a run folder in which one file has these bytes; the first byte says which file."""
    if not data:
        return
    name = list(READERS)[data[0] % len(READERS)]
    file = run.path / name
    content = file.read_bytes()
    try:
        file.write_bytes(data[1:])
        open_run(run.path)
        for read in READERS[name]:
            with suppress(UserError), np.errstate(all="ignore"):
                read(run)
    finally:
        file.write_bytes(content)


@contextmanager
def whole_run() -> Iterator[RunFolder]:
    """Make a small valid run folder and another one like it, in memory if the system has a folder for that."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        run = _write(Path(folder) / NAME)
        _write(Path(folder) / "other" / NAME)
        yield run


def _write(path: Path) -> RunFolder:
    run = write_run(path, ENGLISH)
    size, num_classes = 20, len(ENGLISH)
    card = ModelCard("test_efficientnet.r160_in1k", ENGLISH, tuple("01234"), 64, (0.5,) * 3, (0.5,) * 3)
    run.model_file.write_text(json.dumps(card.to_dict()))
    run.shift_file.write_text(json.dumps(DOCUMENT.to_dict()))
    run.config_file.write_text(json.dumps(yaml.safe_load(run.config_file.read_text())))
    run.scores_file.write_text(json.dumps({"public": 0.8619, "private": None, "recorded": "2025-07-06T10:00:00+09:00"}))
    pages = pd.DataFrame({"ID": [f"{number}.jpg" for number in range(size)], "target": np.arange(size) % num_classes})
    probabilities = np.random.default_rng(0).dirichlet(np.ones(num_classes), size)
    predictions = pages.assign(**{f"p_{k}": probabilities[:, k] for k in range(num_classes)})
    run.write_table(run.val_predictions_file, predictions)
    run.write_table(run.pages_file, pages.assign(part="val", sha256="0" * 64))
    save_file({"classifier.weight": torch.zeros(5, 2)}, run.weights_file)
    torch.save({"loops": {}, "callbacks": {}, "within_epoch": {}, "state_dict": {"a": torch.zeros(2)}}, run.state_file)
    run.update_manifest(fingerprints=fingerprints(run))
    return run
