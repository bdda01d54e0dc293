"""Run folders written from arrays, and an untrained sibling of the finished run: alignment needs no training."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from simulated import NAMES

from munseo._config import Config, dump_config
from munseo._model import build_classifier
from munseo._prediction import InferenceSetup, predict_pages
from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._training.callbacks import save_weights
from munseo._training.joined_folds import predict_held_out
from munseo._training.training_run import start_run
from munseo._training.validation import prediction_table


@pytest.fixture
def write_member(tmp_path):
    """Write a run folder: IDs, labels (numbers in the order of ``names``) and probabilities of its held-out pages."""

    def write(name, labels, rows, names=NAMES, ids=None, trained=("t0", "t1"), digests=None, fold=None) -> Path:
        run = RunFolder(tmp_path / "runs" / name)
        run.path.mkdir(parents=True)
        ids = ids or [f"v{number}" for number in range(len(labels))]
        run.config_file.write_text(dump_config(Config()), encoding="utf-8")
        write_json(run.manifest_file, {"format": 1, "name": name, "status": "finished", "course": {"seconds": 30.0}})
        card = {"model_name": "x", "class_names": names, "class_targets": list("0123"[: len(names)]), "image_size": 32}
        write_json(run.model_file, {**card, "norm_mean": [0.5] * 3, "norm_std": [0.5] * 3})
        run.weights_file.write_bytes(name.encode())
        table = pd.DataFrame(np.asarray(rows, np.float32), columns=[f"p_{k}" for k in range(len(names))])
        table.insert(0, "target", pd.Series(labels, dtype="Int64"))
        table.insert(0, "ID", ids)
        run.write_table(run.val_predictions_file, table if fold is None else table.assign(fold=fold))
        _write_pages(run, ids, trained, digests or {})
        for number in () if fold is None else range(max(fold) + 1):
            part = run.fold(number)
            part.path.mkdir()
            for file in (run.config_file, run.manifest_file, run.model_file, run.weights_file):
                shutil.copyfile(file, part.path / file.name)
            held_out = [page_id for page_id, own in zip(ids, fold, strict=True) if own == number]
            _write_pages(part, held_out, [page_id for page_id in ids if page_id not in held_out], digests or {})
        return run.path

    return write


def _write_pages(run, held_out, trained, digests):
    rows = [(page_id, "train") for page_id in trained] + [(page_id, "val") for page_id in held_out]
    table = pd.DataFrame(rows, columns=["ID", "part"]).assign(target=0)
    table["sha256"] = [digests.get(page_id, f"sha-{page_id}") for page_id in table["ID"]]
    run.write_table(run.pages_file, table)


@pytest.fixture(scope="session")
def make_run(finished, tmp_path_factory):
    """Make a run next to the finished one, with random weights and their true validation predictions."""
    number = iter(range(100))

    def make(held_out=False, **changes) -> RunFolder:
        runs = tmp_path_factory.mktemp("siblings") / "runs"
        config = Config.model_validate({**finished.read_config().model_dump(), "runs_dir": runs, **changes})
        training = start_run(config, ["munseo"])
        tables = []
        for fold, (folder, split) in enumerate(zip(training.folders, training.splits, strict=True)):
            torch.manual_seed(next(number))
            classifier, _ = build_classifier(training.card)
            write_json(folder.model_file, training.card.to_dict())
            save_weights(classifier.network, folder.weights_file)
            rows = predict_pages(classifier, split.val, InferenceSetup(torch.device("cpu")), training.card.tta_views)
            tables.append(prediction_table(split.val, rows).assign(fold=fold))
            folder.write_table(folder.val_predictions_file, tables[-1].drop(columns="fold"))
        if len(tables) > 1:
            training.folder.write_table(training.folder.val_predictions_file, pd.concat(tables))
            if held_out:
                predict_held_out(training.folder, config, replace(training.splits[0], recipe=None))
        training.folder.update_manifest(status="finished")
        return training.folder

    return make


@pytest.fixture(scope="session")
def renumbered(finished, documents, make_run, tmp_path_factory):
    """A sibling on the same split whose data number the classes otherwise, at another image size, with views."""
    data = Path(shutil.copytree(documents, tmp_path_factory.mktemp("renumbered") / "data"))
    meta = pd.read_csv(data / "meta.csv")
    meta["target"] = (meta["target"] + 5) % len(meta)
    meta.to_csv(data / "meta.csv", index=False)
    table = pd.read_csv(data / "train.csv")
    table["target"] = (table["target"] + 5) % len(meta)
    held_out = table["ID"].isin(pd.read_parquet(finished.val_predictions_file)["ID"])
    table[held_out].sample(frac=1, random_state=1).to_csv(data / "val.csv", index=False)
    table[~held_out].to_csv(data / "train.csv", index=False)
    return make_run(data_dir=data, image_size=48, TTA=True)
