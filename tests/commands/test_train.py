"""``munseo train`` and ``munseo resume``: whole runs on generated pages."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from munseo import UserError, resume, train
from munseo._evaluation import macro_f1
from munseo._run import METRICS, open_run

MUNSEO = [sys.executable, "-m", "munseo"]


def weights(run):
    return load_file(run.weights_file)


def assert_same_run(one, other):
    """Bit-identical weights, metrics and predictions."""
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert one.metrics_file.read_bytes() == other.metrics_file.read_bytes()
    for name in ("val", "epoch"):
        left, right = (run.read_predictions(getattr(run, f"{name}_predictions_file")) for run in (one, other))
        pd.testing.assert_frame_equal(left, right, check_exact=True)
    assert one.submission_file.read_bytes() == other.submission_file.read_bytes()


def assert_epochs_are_those_of_the_metrics(run):
    """The classes that pages were taken for after each epoch give the macro-F1 that training computed itself."""
    table = run.read_predictions(run.epoch_predictions_file)
    clean = table[table["draw"].isna()]
    num_classes = len(run.read_json(run.model_file)["class_names"])
    labels = clean["target"].to_numpy()
    scores = [macro_f1(labels, clean[name].to_numpy(), num_classes) for name in clean if name.startswith("epoch_")]
    assert clean["ID"].tolist() == run.read_predictions(run.val_predictions_file)["ID"].tolist()
    assert scores == pytest.approx(run.read_metrics()["val_macro_f1"].tolist(), abs=1e-6)


def test_a_run_folder_is_complete(finished):
    files = {path.name for path in finished.path.iterdir()}
    assert {
        "config.yaml", "manifest.json", "pages.parquet", "augmentation_samples.png", "metrics.csv", "timing.csv",
        "epoch_predictions.parquet",
        "state.ckpt", "weights.safetensors", "model.json", "val_predictions.parquet", "results.json", "gallery",
        "loss_plot.png", "accuracy_plot.png", "f1_plot.png", "val_confusion_matrix.png",
        f"{finished.name}.csv", "report.html", "report.md", "report.ko.html", "report.ko.md",
    } <= files  # fmt: skip
    assert not [name for name in files if name.endswith(".tmp")]
    assert "-opt_AdamW-sch_CosineAnnealingLR-img64-onaug_eda-clsaug_1-TTA_0-MP_0" in finished.name


def test_the_manifest_says_what_happened(finished):
    manifest = finished.read_manifest()
    assert manifest["status"] == "finished"
    assert manifest["data"]["num_train"] + manifest["data"]["num_val"] == 72
    assert set(manifest["data"]["tables"]) == {"train.csv", "meta.csv", "sample_submission.csv"}
    counts = {row["class"]: row for row in manifest["data"]["class_counts"]}
    filled = [row for row in counts.values() if row["added"]]
    assert len(filled) == 3, "classes 1, 13 and 14 were filled up"
    assert all(row["after"] == 6 == row["before"] + row["added"] for row in filled)
    assert manifest["effective"]["lr_first"] == manifest["effective"]["lr_configured"] == 0.003
    course = manifest["course"]
    assert course["epochs_done"] == 2
    samples = manifest["effective"]["num_samples"]
    assert sum(course["augmented_pages"].values()) == 2 * samples, "every page of every epoch is counted"
    assert course["augmented_pages"]["eda"] > course["augmented_pages"]["clean"] > 0


def test_metrics_and_results_agree(finished):
    metrics = finished.read_metrics()
    assert list(metrics.columns[: len(METRICS)]) == list(METRICS)
    best = metrics.iloc[metrics["val_loss"].idxmin()]
    val = finished.read_json(finished.results_file)["val"]
    assert finished.read_manifest()["course"]["best_epoch"] == metrics["val_loss"].idxmin()
    assert val["loss"] == pytest.approx(best["val_loss"], rel=1e-4)
    assert val["macro_f1"] == pytest.approx(best["val_macro_f1"], rel=1e-4)
    low, high = val["macro_f1_interval"]
    assert low <= val["macro_f1"] <= high
    assert_epochs_are_those_of_the_metrics(finished)


def test_the_size_of_choosing_the_best_epoch_stands_beside_the_score(finished):
    choice = finished.read_results("epoch_choice").epoch_choice
    assert choice.num_epochs == len(finished.read_metrics())
    assert choice.monitor == "val_loss"
    sentence = f"This flatters macro-F1 on them by about {choice.val:.4f}"
    assert sentence in (finished.path / "report.md").read_text(encoding="utf-8").replace("\n", " ")


def test_the_submission_has_the_samples_form(finished, documents):
    sample = pd.read_csv(documents / "sample_submission.csv")
    submission = pd.read_csv(finished.submission_file)
    assert list(submission.columns) == ["ID", "target"]
    assert list(submission["ID"]) == list(sample["ID"])
    assert submission["target"].between(0, 16).all()


def test_the_same_run_twice_and_with_two_workers_is_the_same(overrides, plain_config):
    runs = [
        open_run(train(plain_config, overrides(num_workers=n, augmentation__mixup="true"), quiet=True)) for n in (0, 2)
    ]
    assert runs[0].path != runs[1].path, "two runs in one minute have distinct folders"
    assert_same_run(*runs)


def start(words):
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen([*MUNSEO, "train", *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def killed_run(words, runs):
    """A run that was killed when two of its epochs were done."""
    process = start([*words, f"runs_dir={runs}"])
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        timings = list(runs.glob("*/timing.csv"))
        if timings and len(timings[0].read_text().splitlines()) >= 3:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was killed before it was done"
    killed = open_run(next(runs.iterdir()))
    assert killed.read_manifest()["status"] == "running"
    assert not killed.results_file.exists()
    return killed


def test_killed_and_resumed_is_the_same_as_never_killed(overrides, plain_config, tmp_path):
    changes = {"epochs": 4, "ema_decay": 0.9, "augmentation__cutmix": "true", "drop_path_rate": 0.1, "warmup_epochs": 1}
    whole = open_run(train(plain_config, overrides(**changes), quiet=True))
    killed = killed_run([str(plain_config), *overrides(**changes)], tmp_path / "killed")
    resume(killed.path, quiet=True)
    one, other = weights(whole), weights(killed)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert whole.metrics_file.read_bytes() == killed.metrics_file.read_bytes()
    with pytest.raises(UserError, match="is finished"):
        resume(killed.path)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler, and there is none")
def test_a_compiled_run_is_resumed_to_the_same_end(overrides, plain_config, tmp_path):
    # Two full batches an epoch: a shorter one would be compiled once more.
    words = [str(plain_config), *overrides(compile="true", epochs=3, batch_size=27, shift="none")]
    whole = open_run(train(words[0], words[1:], quiet=True))
    killed = killed_run(words, tmp_path / "killed")
    resume(killed.path, quiet=True)
    assert [run.read_manifest()["compile"]["compiled"] for run in (whole, killed)] == [True, True]
    one, other = weights(whole), weights(killed)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_resuming_with_other_data_is_refused(finished, tmp_path, own_documents):
    import shutil

    run = open_run(shutil.copytree(finished.path, tmp_path / "run"))
    run.update_manifest(status="running")
    text = run.config_file.read_text().replace(run.read_config().data_dir.as_posix(), str(own_documents))
    run.config_file.write_text(text)
    table = own_documents / "train.csv"
    table.write_text(table.read_text().replace(",0\n", ",1\n", 1))
    with pytest.raises(UserError, match=r"not those that this run started with.*\n.*train\.csv: changed"):
        resume(run.path)


def test_folds_join_to_out_of_fold_predictions(kfold_run, documents):
    run = kfold_run
    assert [fold.path.name for fold in run.folds] == ["fold0", "fold1"]
    joined = run.read_predictions(run.val_predictions_file)
    held_out = set(run.read_predictions(run.held_out_predictions_file)["ID"])
    assert list(joined["ID"]) == [page for page in pd.read_csv(documents / "train.csv")["ID"] if page not in held_out]
    assert len(held_out) == 17, "one page of each class"
    for number, fold in enumerate(run.folds):
        own = fold.read_predictions(fold.val_predictions_file).set_index("ID")
        part = joined[joined["fold"] == number].set_index("ID")
        assert set(own.index) == set(part.index)
        assert np.allclose(own.loc[part.index, "p_3"], part["p_3"])
    assert len(run.read_json(run.results_file)["folds"]) == 2
    assert len(pd.read_csv(run.submission_file)) == 17


def test_two_processes_train_one_run(overrides, plain_config):
    words = [str(plain_config), *overrides(devices=2, epochs=1, num_threads=1)]
    done = subprocess.run([*MUNSEO, "train", *words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    run = open_run(done.stdout.strip().splitlines()[-1])
    assert len(list(run.path.parent.iterdir())) == 1, "one folder, whatever the number of processes"
    course = run.read_manifest()["course"]
    samples = run.read_manifest()["effective"]["num_samples"]
    assert sum(course["augmented_pages"].values()) == samples + samples % 2
    assert pd.read_csv(run.submission_file)["target"].notna().all()
    assert_epochs_are_those_of_the_metrics(run)


def test_early_stopping_keeps_the_best_weights(overrides, plain_config):
    run = open_run(train(plain_config, overrides(epochs=30, patience=1, lr=0.2, optimizer_name="SGD"), quiet=True))
    course = run.read_manifest()["course"]
    assert course["stopped"] == "patience"
    assert course["epochs_done"] < 30
    losses = run.read_metrics()["val_loss"]
    assert course["best_epoch"] == losses.idxmin() < len(losses) - 1
    assert run.read_json(run.results_file)["val"]["loss"] == pytest.approx(losses.min(), rel=1e-4)


def test_a_loss_that_is_not_finite_names_the_pages(overrides, plain_config, documents, finished, tmp_path):
    state = {n: v * float("nan") if v.is_floating_point() else v for n, v in weights(finished).items()}
    save_file(state, tmp_path / "nan.safetensors")
    with pytest.raises(UserError) as caught:
        train(plain_config, overrides(pretrained=tmp_path / "nan.safetensors"), quiet=True)
    assert "The loss became nan in epoch 1, step 1" in str(caught.value)
    known = set(pd.read_csv(documents / "train.csv")["ID"])
    assert len(caught.value.problems) == 16
    assert set(caught.value.problems) <= known


def test_a_head_is_trained_alone(overrides, plain_config, finished, tmp_path):
    run = open_run(
        train(plain_config, overrides(fine_tuning="head", pretrained=finished.weights_file, epochs=1), quiet=True)
    )
    before, after = weights(finished), weights(run)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"classifier.weight", "classifier.bias"}, "statistics of batch normalisation stay, too"


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "focal", "label_smoothing": 0.1, "class_weighting": "true"},
        {"weighted_sampler": "true", "optimizer_name": "NAG", "scheduler_name": "OneCycleLR"},
        {"online_augmentation": "false", "augmentation_level": "moderate", "epochs": 1},
        {"augmentation_level": "strong", "accumulate_batches": 2, "gradient_clip_norm": 1.0},
        {"mixed_precision": "true", "scheduler_name": "ReduceLROnPlateau", "warmup_epochs": 1, "TTA": "true"},
        {"batch_size": "auto", "val_batch_size": "auto", "monitor": "val_macro_f1", "epochs": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_switch_makes_a_whole_run(overrides, plain_config, changes):
    run = open_run(train(plain_config, overrides(**changes), quiet=True))
    manifest = run.read_manifest()
    assert manifest["status"] == "finished"
    metrics = run.read_metrics()
    assert metrics[list(METRICS)].notna().all(axis=None)
    if changes.get("batch_size") == "auto":
        assert 2 <= manifest["effective"]["batch_size"] <= manifest["effective"]["num_samples"]
    if changes.get("online_augmentation") == "false":
        used = manifest["course"]["augmented_pages"]
        assert used["eda"] == used["dilation"] == used["erosion"] == used["clean"]
    if changes.get("augmentation_level") == "strong":
        assert sum(manifest["course"]["mixed_batches"].values()) > 0


def test_bad_images_fail_together_or_are_skipped_and_said(overrides, plain_config, own_documents):
    table = pd.read_csv(own_documents / "train.csv", dtype={"ID": str})
    table.assign(target=table["target"] % 2).to_csv(own_documents / "train.csv", index=False)  # large classes
    ids = list(table["ID"])
    (own_documents / "train" / ids[0]).write_bytes(b"")
    (own_documents / "train" / ids[1]).write_text("<html>not found</html>")
    test_id = pd.read_csv(own_documents / "sample_submission.csv")["ID"][3]
    (own_documents / "test" / test_id).write_bytes(b"\xff\xd8\xff")
    words = overrides(data_dir=own_documents, epochs=1)
    with pytest.raises(UserError) as caught:
        train(plain_config, words, quiet=True)
    assert len(caught.value.problems) == 3, "those of the test split, too"
    assert all(any(name in line for line in caught.value.problems) for name in (ids[0], ids[1], test_id))
    assert not list((own_documents.parent / "runs").glob("*")), "no run folder is left behind"
    run = open_run(train(plain_config, [*words, "on_bad_image=skip"], quiet=True))
    assert {entry["id"] for entry in run.read_manifest()["data"]["skipped"]} == {ids[0], ids[1], test_id}
    assert ids[0] in (run.path / "report.md").read_text()
    assert len(pd.read_csv(run.submission_file)) == 17


def test_all_problems_of_the_tables_are_told_at_once(overrides, plain_config, own_documents):
    lines = (own_documents / "train.csv").read_text().splitlines()
    lines += ["nowhere.jpg,0", "../../etc/passwd,1", lines[1], lines[2].split(",")[0][:-4] + "x.jpg,99"]
    (own_documents / "train.csv").write_text("\n".join(lines))
    with pytest.raises(UserError) as caught:
        train(plain_config, overrides(data_dir=own_documents), quiet=True)
    told = "\n".join(caught.value.problems)
    for part in ("nowhere.jpg: there is no such file", "leaves the data folder", "duplicate", "99"):
        assert part in told
    assert "train.csv:74" in told


def test_the_command_line_ends_with_the_run_and_right_codes(overrides, plain_config, tmp_path):
    done = subprocess.run(
        [*MUNSEO, "train", str(plain_config), *overrides(epochs=1), "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert open_run(done.stdout.strip()).read_manifest()["command"].startswith("munseo train")
    wrong = subprocess.run([*MUNSEO, "train", str(plain_config), "lr=-1"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "lr: -1 is not allowed" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_the_configuration_in_the_run_is_complete(finished):
    config = finished.read_config()
    assert config.epochs == 2
    assert config.data_dir.is_absolute()
    assert json.loads((finished.path / "model.json").read_text())["image_size"] == 64
