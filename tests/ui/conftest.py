"""Two runs, and a page over them that is served."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from ui_process import served

from munseo import _synth as specimens
from munseo import train
from munseo._evaluation import macro_f1
from munseo._report import record_score
from munseo._run import open_run

FOR_PICTURES = "MUNSEO_PICTURES" in os.environ
"""Whether the pictures of README.md are taken: of pages that can be read, and of runs that have learnt."""
BETTER = {
    "model_name": "tf_efficientnet_lite0", "image_size": 160, "batch_size": 16, "epochs": 8, "lr": 0.001,
    "val_split_ratio": 0.3, "device": "cpu", "robustness_pages": 12, "class_imbalance": "null",
}  # fmt: skip


@pytest.fixture(scope="session")
def documents(documents, tmp_path_factory):
    if not FOR_PICTURES:
        return documents
    folder = tmp_path_factory.mktemp("larger") / "data"
    return specimens.generate(folder, num_train=400, num_test=170, longest_side_px=900)


@pytest.fixture(scope="session")
def two_runs(documents, request, tmp_path_factory):
    """A run with a score of the server, and one of other settings that decides otherwise about some pages."""
    folder = tmp_path_factory.mktemp("ui") / "runs"
    if FOR_PICTURES:
        for changes in ({"augmentation.dilation": "true"}, {"augmentation.document": "true"}):
            words = {"data_dir": documents, "runs_dir": folder, **BETTER, **changes}
            last = train("rvl5", [f"{key}={value}" for key, value in words.items()])
        run = open_run(last)
        truth = pd.read_csv(documents / "test_labels.csv", index_col="ID")["target"]
        guess = pd.read_csv(run.submission_file, index_col="ID")["target"]
        record_score(run, macro_f1(truth.to_numpy(), guess[truth.index].to_numpy(), 17), None)
        return folder
    finished = request.getfixturevalue("finished")
    first = folder / finished.path.name
    shutil.copytree(finished.path, first)
    second = folder / finished.path.name.replace("-", "-other_", 1)
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


@pytest.fixture(scope="module")
def ui(two_runs, documents, tmp_path_factory):
    """The page over copies of the runs and the data, with six wrong labels and a copy in the doctor's issues."""
    folder = tmp_path_factory.mktemp("served")
    runs = Path(shutil.copytree(two_runs, folder / "runs"))
    data = Path(shutil.copytree(documents, folder / "data"))
    names = pd.read_csv(data / "meta.csv", dtype=str).set_index("target")["class_name"]
    train = pd.read_csv(data / "train.csv", dtype=str)
    right = train["target"].head(6).copy()
    train.loc[:5, "target"] = [str((int(target) + 1) % len(names)) for target in right]
    train.to_csv(data / "train.csv", index=False)
    rows = [
        {
            "kind": "label_error", "severity": "medium", "ID": row.ID, "part": "train", "other_ID": "",
            "other_part": "", "target": row.target, "suggested_target": right[place], "score": "0.02",
            "detail": f"labelled {names[row.target]} (2 %), looks like {names[right[place]]} (88 %)", "action": "",
            "new_target": "",
        }
        for place, row in enumerate(train.head(6).itertuples())
    ]  # fmt: skip
    copy = rows[5] | {"kind": "duplicate", "other_ID": train.ID[9], "other_part": "train", "suggested_target": "",
                      "detail": "the same picture, saved again"}  # fmt: skip
    issues = folder / "issues.csv"
    pd.DataFrame([*rows, copy]).to_csv(issues, index=False)
    with served(runs, data, "--issues", str(issues)) as page:
        yield page


@pytest.fixture
def name(ui) -> str:
    """The run that the server has scored."""
    return next(path.parent.name for path in ui.runs.glob("*/scores.json"))
