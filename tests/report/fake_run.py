"""A run folder written by hand after docs/run-folder.md: nothing is trained here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image, ImageDraw

from munseo._config import Config
from munseo._run import RunFolder

HANGUL = (
    "계좌번호", "임신 의료비 지급 신청서", "자동차 계기판", "입퇴원 확인서", "진단서", "운전면허증", "진료비 영수증",
    "외래 진료 확인서", "주민등록증", "여권", "납입 확인서", "약제비 영수증", "처방전", "이력서", "소견서",
    "자동차 등록증", "자동차 번호판",
)  # fmt: skip
ENGLISH = ("letter", "email", "advertisement", "scientific_publication", "news_article")
NAME = "2507051934-efficientnet_b4.ra2_in1k-opt_AdamW-sch_CosineAnnealingLR-img320-onaug_eda-clsaug_1-TTA_0-MP_0"
EPOCHS_DONE, BEST_EPOCH = 28, 7

REFERENCE = {
    "model_name": "efficientnet_b4.ra2_in1k",
    "image_size": 320,
    "epochs": 1000,
    "augmentation": {"eda": True, "dilation": False, "erosion": False, "mixup": False, "cutmix": False},
    "class_imbalance": {"aug_class": [1, 13, 14], "max_samples": 78},
}


def write_run(path: Path, names: tuple[str, ...] = HANGUL, config: dict[str, Any] | None = None) -> RunFolder:
    """A finished run of the reference's figures: 236 validation pages, 19 of them misclassified."""
    path.mkdir(parents=True)
    run = RunFolder(path)
    settings = {**REFERENCE, **(config or {})}
    if len(names) != 17:
        settings["class_imbalance"] = None
    resolved = Config.model_validate(settings)
    run.config_file.write_text(yaml.safe_dump(resolved.model_dump(mode="json"), allow_unicode=True), encoding="utf-8")
    confusion = make_confusion(len(names))
    metrics = make_metrics()
    run.write_table(run.metrics_file, metrics)
    run.write_table(run.timing_file, pd.DataFrame({"epoch": range(EPOCHS_DONE), "seconds": [52.0] * EPOCHS_DONE}))
    put(run.results_file, make_results(confusion, names))
    put(run.manifest_file, make_manifest(path.name, confusion, names, metrics))
    write_gallery(run, confusion, names)
    Image.new("RGB", (64, 48), "white").save(run.samples_picture)
    for file in (run.state_file, run.weights_file, run.model_file, run.val_predictions_file, run.submission_file):
        file.write_bytes(b"-" * 2000)
    return run


def put(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def change(file: Path, *keys: str, value: Any) -> None:
    """Set one value inside a JSON file."""
    whole = json.loads(file.read_text(encoding="utf-8"))
    inner = whole
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    put(file, whole)


def make_confusion(num_classes: int) -> np.ndarray:
    """236 pages, 19 errors, most of them between classes that look alike."""
    support = np.full(num_classes, 236 // num_classes)
    support[: 236 - support.sum()] += 1
    confusion = np.diag(support)
    pairs = [(3, 7, 5), (7, 3, 4), (4, 14, 3), (14, 4, 2), (6, 10, 2), (11, 6, 1), (1, 3, 1), (13, 14, 1)]
    if num_classes == 5:
        pairs = [(3, 4, 8), (4, 3, 4), (0, 1, 3), (2, 4, 2), (0, 3, 2)]
    for true, predicted, count in pairs:
        confusion[true, true] -= count
        confusion[true, predicted] += count
    return confusion


def make_metrics() -> pd.DataFrame:
    """Validation loss is least at ``BEST_EPOCH`` and rises; macro-F1 rises on."""
    epoch = np.arange(EPOCHS_DONE)
    val_loss = 0.4601 + 0.012 * np.abs(epoch - BEST_EPOCH) + 1.2 * np.exp(-epoch / 1.5) * (epoch < BEST_EPOCH)
    fit = 1 - 0.65 * np.exp(-(epoch + 1) / 2.2)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "lr": 1e-4 * (1 + np.cos(np.pi * (epoch + 1) / 1000)) / 2,
            "train_loss": 0.03 + 2.2 * np.exp(-(epoch + 1) / 2.4),
            "train_accuracy": fit,
            "train_macro_f1": fit - 0.002,
            "val_loss": val_loss,
            "val_accuracy": 0.94 * fit + 0.01 * np.sin(epoch),
            "val_macro_f1": 0.935 * fit + 0.01 * np.sin(epoch),
            "pages_clean": 200,
            "pages_eda": 1136,
        }
    )


def make_results(confusion: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    right = np.diag(confusion)
    precision, recall = right / np.maximum(confusion.sum(axis=0), 1), right / np.maximum(confusion.sum(axis=1), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    per_class = [
        {"class": name, "precision": p, "recall": r, "f1": f, "support": int(s)}
        for name, p, r, f, s in zip(names, precision, recall, f1, confusion.sum(axis=1), strict=True)
    ]
    val = {
        "num_pages": int(confusion.sum()),
        "macro_f1": 0.9164,
        "macro_f1_interval": [0.8812, 0.9497],
        "accuracy": 0.9195,
        "loss": 0.4601,
        "per_class": per_class,
        "confusion": confusion.tolist(),
        "confused_pairs": [],
    }
    return {"val": val, "train": {"macro_f1": 0.9852, "accuracy": 0.9853, "loss": 0.0431}}


def make_manifest(name: str, confusion: np.ndarray, names: tuple[str, ...], metrics: pd.DataFrame) -> dict[str, Any]:
    added = {1: 39, 13: 15, 14: 36} if len(names) == 17 else {}
    class_counts = [
        {"class": c, "before": 78 - added[i] if i in added else 85, "added": added.get(i, 0),
         "after": 78 if i in added else 85, "val": int(confusion[i].sum())}
        for i, c in enumerate(names)
    ]  # fmt: skip
    return {
        "format": 1, "id": name.partition("-")[0], "name": name, "status": "finished",
        "started": "2025-07-05T19:34:25+09:00", "finished": "2025-07-05T19:58:45+09:00",
        "command": "munseo train configs/efficientnet_b4.yaml data_dir=data", "git_commit": "0a1b2c3d4e5f60718293",
        "versions": {"python": "3.11.7", "torch": "2.10.0", "timm": "1.0.20"},
        "system": {"platform": "macOS-15.5-arm64", "processor": "Apple M2 Max", "num_cpus": 12,
                   "memory_bytes": 68719476736, "device": "mps", "device_name": "Apple M2 Max"},
        "data": {"dir": "data", "tables": {"train.csv": "ab12" * 16, "meta.csv": "cd34" * 16},
                 "images_sha256": "ef56" * 16, "num_train": 1334, "num_val": 236, "num_test": 3140,
                 "notes": ["scan-7.tif: first of 3 pages used"],
                 "skipped": [{"id": "broken-3.jpg", "reason": "not a picture: the file is empty"}],
                 "class_counts": class_counts},
        "model": {"num_parameters": 17579000, "num_trainable": 17579000, "norm_mean": [0.5] * 3, "norm_std": [0.5] * 3,
                  "pretrained": {"source": "hub", "location": "timm/efficientnet_b4.ra2_in1k",
                                 "sha256": "9f86d081884c" * 5, "new": ["classifier.weight", "classifier.bias"]}},
        "effective": {"precision": "32-true", "batch_size": 20, "val_batch_size": 50, "num_workers": 4,
                      "num_threads": 4, "channels_last": True, "steps_per_epoch": 67, "policies": ["eda"], "mixes": [],
                      "lr_configured": 1e-4, "lr_first": 1e-4, "lr_max": 1e-4,
                      "lr_last": float(metrics["lr"].iloc[-1])},
        "course": {"epochs_done": EPOCHS_DONE, "epochs_planned": 1000, "best_epoch": BEST_EPOCH, "monitor": "val_loss",
                   "best_value": 0.4601, "stopped": "patience", "seconds": 1460.0,
                   "augmented_pages": {"clean": 5600, "eda": 31800}, "mixed_batches": {}},
    }  # fmt: skip


def write_gallery(run: RunFolder, confusion: np.ndarray, names: tuple[str, ...]) -> None:
    run.gallery_dir.mkdir()
    entries = []
    for true, predicted in np.argwhere(confusion - np.diag(np.diag(confusion))):
        for _ in range(confusion[true, predicted]):
            file = f"{len(entries):03}.jpg"
            page = Image.new("RGB", (64, 90), "white")
            ImageDraw.Draw(page).rectangle((8, 10, 50, 14 + 3 * int(true)), outline="black")
            page.save(run.gallery_dir / file)
            entry = {"file": file, "id": f"page-{len(entries)}.jpg", "true": names[true], "predicted": names[predicted]}
            entries.append({**entry, "confidence": 0.98 - 0.02 * len(entries), "p_true": 0.01})
    put(run.gallery_dir / "pages.json", entries)


def write_folds(path: Path) -> RunFolder:
    """A 2-fold run: a folder a fold, and in their parent what speaks of both."""
    run = write_run(path, ENGLISH, {"n_folds": 2})
    for file in (run.metrics_file, run.timing_file, run.weights_file, run.state_file):
        file.unlink()
    for number in (0, 1):
        write_run(path / f"fold{number}", ENGLISH, {"n_folds": 2, "fold": number})
    scores = [{"fold": 0, "macro_f1": 0.9071, "accuracy": 0.9101, "loss": 0.4411, "best_epoch": 7},
              {"fold": 1, "macro_f1": 0.9257, "accuracy": 0.9301, "loss": 0.4787, "best_epoch": 9}]  # fmt: skip
    results = json.loads(run.results_file.read_text(encoding="utf-8"))
    put(run.results_file, {**results, "folds": scores})
    manifest = json.loads(run.manifest_file.read_text(encoding="utf-8"))
    for key in ("course", "effective", "model"):
        del manifest[key]
    put(run.manifest_file, manifest)
    return run
