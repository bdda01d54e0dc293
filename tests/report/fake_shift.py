"""A finished run with everything that damaged pages, confidence and views add to it; the values are drawn."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from fake_run import put
from PIL import Image, ImageDraw

from munseo._augment.damage import DAMAGES
from munseo._locale import Remark
from munseo._randomness import generator
from munseo._run import RunFolder

SEVERITIES = (0.33, 0.67, 1.0)
KEYS = ("shifted", "calibration", "views", "second_look", "robustness", "expected")
CLEAN, SHIFTED = 0.9164, 0.8047

SECOND_LOOK = {"gate": 0.7, "blend": 0.5, "views": ["identity", "rotate_90", "deskewed"], "share": 0.2127,
               "before": 0.8047, "after": 0.8169, "gain": 0.0122, "interval": [0.0031, 0.0214],
               "used": True}  # fmt: skip


def add_shift(run: RunFolder, path: Path, seed: int = 0) -> RunFolder:
    """Copy a finished run and add all the keys, plausible and the same for a seed."""
    copy = RunFolder(Path(shutil.copytree(run.path, path)))
    rng = generator(seed, "fake_shift")
    results = json.loads(copy.results_file.read_text(encoding="utf-8"))
    names = [entry["class"] for entry in results["val"]["per_class"]]
    results["shifted"] = make_shifted(results["val"], rng)
    results["calibration"] = make_calibration(rng)
    results["views"] = make_views()
    results["second_look"] = {**SECOND_LOOK}
    results["robustness"] = make_robustness(copy, names, rng)
    results["expected"] = make_expected(names, rng)
    put(copy.results_file, results)
    add_shifted_curves(copy)
    copy.shift_file.write_text("name: competition\n", encoding="utf-8")
    copy.shifted_predictions_file.write_bytes(b"-" * 3000)
    return copy


def add_shifted_curves(run: RunFolder) -> None:
    """Columns of the shifted validation after those of the clean one; its best epoch comes later."""
    for part in run.folds or [run]:
        metrics = part.read_metrics()
        place = list(metrics.columns).index("val_macro_f1") + 1
        climb = 1 - np.exp(-(metrics["epoch"] + 1) / 6)
        metrics.insert(place, "val_shifted_loss", 0.78 + 1.6 * (1 - climb))
        metrics.insert(place + 1, "val_shifted_accuracy", 0.82 * climb + 0.006 * np.cos(metrics["epoch"]))
        metrics.insert(place + 2, "val_shifted_macro_f1", 0.81 * climb + 0.006 * np.cos(metrics["epoch"]))
        part.write_table(part.metrics_file, metrics)


def make_shifted(val: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Every class loses something, the third one most; counts are of two draws a page."""
    confusion = 2 * np.asarray(val["confusion"])
    for true in range(len(confusion)):
        lost = round(confusion[true, true] * (0.45 if true == 2 else rng.uniform(0.02, 0.15)))
        confusion[true, true] -= lost
        confusion[true, (true + 3) % len(confusion)] += lost
    recall = np.diag(confusion) / confusion.sum(axis=1)
    per_class = [
        {**entry, "recall": float(right), "f1": float(max(entry["f1"] - 1.1 * (1 - right), 0.1))}
        for entry, right in zip(val["per_class"], recall, strict=True)
    ]
    return {
        "num_pages": val["num_pages"],
        "macro_f1": SHIFTED,
        "macro_f1_interval": [0.7612, 0.8431],
        "accuracy": 0.8114,
        "loss": 0.7733,
        "per_class": per_class,
        "confusion": confusion.tolist(),
        "confused_pairs": [],
        "draws": 2,
        "recipe": "competition",
    }


def make_calibration(rng: np.random.Generator) -> dict[str, Any]:
    edges = np.linspace(0, 1, 16)
    parts = {}
    for part, before, after in (("val", 0.0411, 0.0187), ("shifted", 0.1173, 0.0264)):
        bins = [
            {"low": low, "high": high, "count": int(6 + 180 * high**5), "confidence": float((low + high) / 2),
             "accuracy": float(np.clip((low + high) / 2 + rng.normal(0, 0.06), 0, 1))}
            for low, high in pairwise(edges[2:])
        ]  # fmt: skip
        parts[part] = {"ece_before": before, "ece_after": after, "bins": bins}
    shares = np.linspace(0.02, 1, 40)
    precision = np.clip(0.995 - 0.19 * shares**3 + rng.normal(0, 0.002, 40), 0, 1)
    curve = [
        {"coverage": float(c), "precision": float(p), "threshold": float(1 - 0.7 * c)}
        for c, p in zip(shares, precision, strict=True)
    ]
    coverage = [
        {"target_precision": 0.9, "threshold": 0.5523, "coverage": 0.8432, "precision": 0.9121},
        {"target_precision": 0.95, "threshold": 0.7314, "coverage": 0.6907, "precision": 0.9634},
        {"target_precision": 0.98, "threshold": 0.9212, "coverage": 0.4153, "precision": 0.9898},
        {"target_precision": 0.99, "threshold": None, "coverage": 0.0, "precision": None},
    ]
    return {"temperature": 1.412, "fitted_on": "shifted", **parts, "coverage": coverage, "curve": curve}


def make_views() -> dict[str, Any]:
    rows = [
        ("flip_horizontal", 0.0141, 0.0068, 0.0215, "helps"),
        ("rotate_180", 0.0102, 0.0011, 0.0189, "helps"),
        ("scale_90", 0.0023, -0.0031, 0.0077, "unclear"),
        ("scale_110", -0.0091, -0.0163, -0.0022, "hurts"),
        ("transpose", -0.0344, -0.0461, -0.0233, "hurts"),
        ("deskewed", 0.0009, -0.0052, 0.0074, "unclear"),
    ]
    return {
        "space": "probability",
        "configured": ["identity", "scale_90", "scale_110"],
        "base": SHIFTED,
        "configured_macro_f1": 0.8021,
        "rows": [
            {"view": name, "alone": SHIFTED + 2 * gain - 0.02, "with_identity": SHIFTED + gain, "gain": gain,
             "interval": [low, high], "verdict": verdict}
            for name, gain, low, high, verdict in rows
        ],
    }  # fmt: skip


def make_robustness(run: RunFolder, names: list[str], rng: np.random.Generator) -> dict[str, Any]:
    """All kinds of damage; the first page of each that breaks is drawn."""
    run.robustness_dir.mkdir()
    damages = []
    for number, (name, damage) in enumerate(DAMAGES.items()):
        harm = float(rng.uniform(0, 0.06) if number % 3 else rng.uniform(0.1, 0.45))
        severities = SEVERITIES if damage.graded else (1.0,)
        broken = []
        for page in range(3 if harm > 0.06 else 0):
            file = f"robustness/{name}_{page:02}.jpg"
            image = Image.new("RGB", (72, 96), "white")
            ImageDraw.Draw(image).ellipse((8, 10 + 8 * page, 60, 40 + 2 * number), outline="black")
            image.save(run.path / file)
            true, predicted = names[number % len(names)], names[(number + 3) % len(names)]
            entry = {"file": file, "id": f"{name}-{page}.jpg", "severity": severities[-1 - page % len(severities)]}
            broken.append({**entry, "true": true, "predicted": predicted, "confidence": 0.97 - 0.08 * page})
        values = [float(CLEAN - harm * (severity**2) + rng.normal(0, 0.004)) for severity in severities]
        damages.append({"damage": name, "graded": damage.graded, "severities": list(severities), "macro_f1": values,
                        "broken": broken})  # fmt: skip
    return {"num_pages": 120, "clean": CLEAN, "damages": damages}


def make_expected(names: list[str], rng: np.random.Generator) -> dict[str, Any]:
    shares = rng.dirichlet(np.full(len(names), 20))
    return {
        "macro_f1": 0.7932,
        "interval": [0.7541, 0.8298],
        "clean_val": CLEAN,
        "shifted_val": SHIFTED,
        "num_pages": 3140,
        "mean_confidence": 0.7719,
        "class_mix": [{"class": name, "share": float(share)} for name, share in zip(names, shares, strict=True)],
        "notes": [Remark("few_pages", {"pages": 3}).to_dict(), "As {earlier} versions wrote."],
    }
