"""An ensemble written by the ensembles' own hand from members whose probabilities are drawn."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from fake_run import put

from munseo._config import Config
from munseo._ensemble import align, judge, read_members, write_ensemble
from munseo._randomness import generator
from munseo._run import RunFolder


def write_fake_ensemble(
    folder: Path,
    names: tuple[str, ...],
    noises: tuple[float, ...] = (1.4, 1.5, 1.6),
    method: str = "weights",
    member_name: str = "{number}-member",
) -> RunFolder:
    """Members that are right the more often the less noise they have, and their ensemble ``blend``; seeded."""
    rng = generator(0, "fake_ensemble")
    num_pages = 300
    labels = rng.integers(len(names), size=num_pages)
    paths = []
    for number, noise in enumerate(noises):
        logits = rng.normal(scale=noise, size=(num_pages, len(names)))
        logits[np.arange(num_pages), labels] += 4
        powers = np.exp(logits)
        path = folder / "runs" / member_name.format(number=2507050000 + number)
        _write_member(path, names, labels, powers / powers.sum(axis=1, keepdims=True))
        paths.append(path)
    aligned = align(read_members(paths))
    started = datetime(2025, 7, 5, 19, 34, 25, tzinfo=UTC)
    command = ["munseo", "ensemble", *(str(path) for path in paths), "-o", "blend"]
    return write_ensemble(folder / "runs" / "blend", aligned, judge(aligned, method, 0), 0, command, started)


def _write_member(path: Path, names: tuple[str, ...], labels: np.ndarray, rows: np.ndarray) -> None:
    run = RunFolder(path)
    run.path.mkdir(parents=True)
    run.config_file.write_text(yaml.safe_dump(Config().model_dump(mode="json")), encoding="utf-8")
    put(run.manifest_file, {"format": 1, "name": path.name, "status": "finished", "course": {"seconds": 1830.0},
                            "model": {"num_parameters": 4_000_000}})  # fmt: skip
    card = {"model_name": "x", "class_names": names, "class_targets": [str(k) for k in range(len(names))]}
    put(run.model_file, {**card, "image_size": 32, "norm_mean": [0.5] * 3, "norm_std": [0.5] * 3})
    run.weights_file.write_bytes(path.name.encode())
    ids = [f"v{number}" for number in range(len(labels))]
    table = pd.DataFrame(rows.astype(np.float32), columns=[f"p_{k}" for k in range(len(names))])
    table.insert(0, "target", pd.Series(labels, dtype="Int64"))
    table.insert(0, "ID", ids)
    run.write_table(run.val_predictions_file, table)
    pages = pd.DataFrame({"ID": ["t0", *ids], "part": ["train", *["val"] * len(ids)], "target": 0})
    run.write_table(run.pages_file, pages.assign(sha256=[f"sha-{page_id}" for page_id in pages["ID"]]))
