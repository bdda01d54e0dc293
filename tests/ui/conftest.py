"""Runs, data and a page that is served, for a browser or a client."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pandas as pd
import pytest

from munseo.reports import record_score
from munseo.run import open_run

PICTURES = os.environ.get("MUNSEO_PICTURES")
"""Folder of the pictures in README.md; better runs are trained for them."""


@dataclass(frozen=True)
class Ui:
    """A page that is served."""

    url: str
    runs: Path
    data: Path
    process: subprocess.Popen

    @property
    def review_file(self) -> Path:
        return self.runs / "review.csv"


@pytest.fixture(scope="session")
def two_runs(finished, tmp_path_factory):
    """A run, and one of other settings that decides otherwise about some pages."""
    folder = tmp_path_factory.mktemp("ui") / "runs"
    first = folder / finished.path.name
    shutil.copytree(finished.path, first)
    second = folder / finished.path.name.replace("-test_", "-other_", 1)
    shutil.copytree(finished.path, second)
    config = second / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("weight_decay: ", "weight_decay: 1", 1), encoding="utf-8")
    other = open_run(second)
    table = pd.read_parquet(other.val_predictions_file)
    columns = [name for name in table if name.startswith("p_")]
    table.loc[:3, columns] = table.loc[:3, columns].to_numpy()[:, ::-1]
    table.to_parquet(other.val_predictions_file)
    record_score(open_run(first), 0.7664, None)
    return folder


@contextmanager
def served(runs: Path, data: Path, *more: str):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "munseo", "ui", str(runs), "--data", str(data), "--port", str(port), *more]
    said = runs.with_name(f"{runs.name}-{port}.log")  # a pipe that nobody reads is full some day
    with said.open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/static/munseo.svg")
                break
            except httpx.TransportError:
                assert process.poll() is None, said.read_text(encoding="utf-8")
                assert time.monotonic() < end, "the page was not served"
                time.sleep(0.1)
        yield Ui(url, runs, data, process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def ui(two_runs, documents, tmp_path_factory):
    """The page over copies of the two runs, and the doctor's issues of planted pages."""
    folder = tmp_path_factory.mktemp("served")
    runs = Path(shutil.copytree(two_runs, folder / "runs"))
    train = pd.read_csv(documents / "train.csv", dtype=str)
    rows = [
        {
            "kind": "label_error", "severity": "medium", "ID": row.ID, "part": "train", "other_ID": "",
            "other_part": "",
            "target": row.target, "suggested_target": str((int(row.target) + 1) % 17), "score": "0.9",
            "detail": "expected another class", "action": "", "new_target": "",
        }
        for row in train.head(6).itertuples()
    ]  # fmt: skip
    copy = rows[5] | {"kind": "duplicate", "other_ID": train.ID[9], "other_part": "train", "suggested_target": ""}
    issues = folder / "issues.csv"
    pd.DataFrame([*rows, copy]).to_csv(issues, index=False)
    with served(runs, documents, "--issues", str(issues)) as page:
        yield page
