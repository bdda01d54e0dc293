from __future__ import annotations

import hashlib
import importlib
import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from munseo._errors import UserError
from munseo._synth import KINDS, generate
from munseo._synth.generator import MIN_PER_KIND, class_sizes, planned_test, planned_train

NUM_TRAIN, NUM_TEST, LONGEST_PX = 72, 40, 96

NAMES = [
    "account_number",
    "application_for_payment_of_pregnancy_medical_expenses",
    "car_dashboard",
    "confirmation_of_admission_and_discharge",
    "diagnosis",
    "driver_license",
    "medical_bill_receipts",
    "medical_outpatient_certificate",
    "national_id_card",
    "passport",
    "payment_confirmation",
    "pharmaceutical_receipt",
    "prescription",
    "resume",
    "statement_of_opinion",
    "vehicle_registration_certificate",
    "vehicle_registration_plate",
]

# The module; the package exports the function of the same name.
generate_module = importlib.import_module("munseo._synth.generator")


@pytest.fixture(scope="module")
def document_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small set, drawn in this process."""
    out = tmp_path_factory.mktemp("specimens") / "set"
    return generate(out, num_train=NUM_TRAIN, num_test=NUM_TEST, longest_side_px=LONGEST_PX, seed=3, num_workers=1)


def fingerprint(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_layout_and_tables_of_the_competition(document_set):
    assert {path.name for path in document_set.iterdir()} == {
        *("train", "test", "train.csv", "meta.csv", "sample_submission.csv", "test_labels.csv")
    }
    meta = pd.read_csv(document_set / "meta.csv")
    assert list(meta.columns) == ["target", "class_name"]
    assert list(meta["target"]) == list(range(17))
    assert list(meta["class_name"]) == NAMES
    tables = {name: pd.read_csv(document_set / f"{name}.csv") for name in ("train", "sample_submission", "test_labels")}
    for table in tables.values():
        assert list(table.columns) == ["ID", "target"]
        assert table["ID"].is_monotonic_increasing
        assert table["ID"].is_unique
        assert all(re.fullmatch(r"[0-9a-f]{16}\.jpg", name) for name in table["ID"])
    assert len(tables["train"]) == NUM_TRAIN
    assert len(tables["test_labels"]) == NUM_TEST
    assert set(tables["train"]["ID"]) == {path.name for path in (document_set / "train").iterdir()}
    assert set(tables["test_labels"]["ID"]) == {path.name for path in (document_set / "test").iterdir()}
    assert not set(tables["train"]["ID"]) & set(tables["test_labels"]["ID"])
    assert (tables["sample_submission"]["target"] == 0).all()
    assert list(tables["sample_submission"]["ID"]) == list(tables["test_labels"]["ID"])
    assert tables["train"]["target"].value_counts().sort_index().tolist() == class_sizes(NUM_TRAIN)
    assert set(tables["test_labels"]["target"]) == set(range(17))


def test_labels_name_the_page_that_was_drawn(document_set):
    table = pd.read_csv(document_set / "train.csv", index_col="ID")
    for page in planned_train(NUM_TRAIN, seed=3)[:6]:
        assert table.loc[page.file_name, "target"] == page.target
        stored = cv2.imread(str(document_set / "train" / page.file_name))[:, :, ::-1]
        drawn = generate_module.draw_page(page, 3, LONGEST_PX)
        assert stored.shape == drawn.shape
        assert np.abs(stored.astype(float) - drawn).mean() < 12  # JPEG's loss


def test_class_sizes():
    sizes = class_sizes(1570)
    assert sizes == [kind.num_train for kind in KINDS]
    assert (sizes[1], sizes[13], sizes[14], sizes.count(100)) == (46, 74, 50, 14)
    for num_train in (68, 69, 100, 408, 1569, 5000):
        sizes = class_sizes(num_train)
        assert sum(sizes) == num_train
        assert min(sizes) >= MIN_PER_KIND
        assert sizes[1] <= sizes[14] <= sizes[13] <= sizes[0]


def test_two_worker_counts_give_the_same_bytes(document_set, tmp_path):
    again = generate(
        tmp_path / "set", num_train=NUM_TRAIN, num_test=NUM_TEST, longest_side_px=LONGEST_PX, seed=3, num_workers=2
    )
    assert fingerprint(again) == fingerprint(document_set)


def test_another_seed_gives_other_pages():
    names = [{page.file_name for page in [*planned_train(80, seed), *planned_test(40, seed)]} for seed in (0, 1)]
    assert len(names[0]) == 120
    assert not names[0] & names[1]
    page = planned_train(80, 0)[0]
    assert not np.array_equal(generate_module.draw_page(page, 0, 64), generate_module.draw_page(page, 1, 64))


def test_order_of_names_does_not_follow_the_kind(document_set):
    table = pd.read_csv(document_set / "train.csv")
    assert abs(np.corrcoef(np.arange(len(table)), table["target"])[0, 1]) < 0.5
    assert len(set(table["target"][:17])) > 6


def test_test_part_is_shifted(document_set):
    def pixels(part: str) -> list[np.ndarray]:
        return [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((document_set / part).iterdir())]

    train, test = pixels("train"), pixels("test")
    assert np.mean([p.mean() for p in test]) > np.mean([p.mean() for p in train]) + 10
    # Turned pages show the white beyond their corners; clean ones fill the picture.
    corners = [np.mean([np.mean(p[:5, :5] > 240) for p in part]) for part in (train, test)]
    assert corners[1] > corners[0] + 0.2


@pytest.mark.parametrize("made_by", ["a file in it", "a file in its place"])
def test_a_folder_that_is_not_empty_is_refused_and_kept(tmp_path, made_by):
    out = tmp_path / "set"
    if made_by == "a file in it":
        out.mkdir()
    kept = out / "notes.txt" if out.is_dir() else out
    kept.write_text("mine")
    with pytest.raises(UserError, match=r"not empty \(it holds notes.txt\)|is a file") as caught:
        generate(out, num_train=68, num_test=1)
    assert "folder" in str(caught.value)
    assert kept.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_folder_is_filled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert generate(".", num_train=68, num_test=1, longest_side_px=64, num_workers=1) == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir())[0] == "meta.csv"


def test_all_bad_numbers_are_reported_together(tmp_path):
    with pytest.raises(UserError) as caught:
        generate(tmp_path / "set", num_train=67, num_test=0, longest_side_px=9, num_workers=0)
    assert [problem.split()[0] for problem in caught.value.problems] == [
        *("num_train", "num_test", "longest_side_px", "num_workers")
    ]
    assert "68" in caught.value.problems[0]


@pytest.mark.parametrize("exists", [False, True])
def test_nothing_is_left_when_drawing_fails(tmp_path, monkeypatch, exists):
    out = tmp_path / "set"
    if exists:
        out.mkdir()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(generate_module, "_write_tables", fail)
    monkeypatch.setattr(generate_module, "_make", lambda *_: None)
    with pytest.raises(OSError, match="disk full"):
        generate(out, num_train=68, num_test=1, num_workers=1)
    assert [path.name for path in tmp_path.rglob("*")] == (["set"] if exists else [])
