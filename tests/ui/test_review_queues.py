"""Queues of pages to review, from a run that numbers the classes otherwise than the data folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from munseo._data import Page, PageSet
from munseo._locale import Texts
from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._ui.review_queues import queue
from munseo._ui.site import Site


def write_run(path: Path, names: list[str]) -> RunFolder:
    """A run that takes both of its pages, a letter and a form, for letters."""
    run = RunFolder(path)
    run.path.mkdir(parents=True)
    write_json(run.model_file, {"model_name": "x", "class_names": names, "class_targets": names, "image_size": 32,
                                "norm_mean": [0.5] * 3, "norm_std": [0.5] * 3})  # fmt: skip
    table = pd.DataFrame({"ID": ["letter.jpg", "form.jpg"], "target": [names.index("letter"), names.index("form")]})
    for index, name in enumerate(names):
        table[f"p_{index}"] = 0.9 if name == "letter" else 0.1 / (len(names) - 1)
    run.write_table(run.val_predictions_file, table)
    return run


def suspects(tmp_path, run_names):
    data_names = ("form", "letter")
    pages = tuple(Page(f"{name}.jpg", tmp_path / f"{name}.jpg", label) for label, name in enumerate(data_names))
    run = write_run(tmp_path / "runs" / "run", run_names)
    site = Site(run.path.parent, None, None, tmp_path / "review.csv")
    return queue("labels", site, PageSet(pages, None, (), data_names, data_names, {}, ()), run, Texts("en", "ui"))


def test_the_suggested_class_is_found_by_name(tmp_path):
    (item,) = suspects(tmp_path, ["letter", "form"])
    assert (item.id, item.label, item.suggested) == ("form.jpg", 0, 1)
    assert "letter" in item.why


def test_a_run_of_other_classes_fills_no_queue(tmp_path):
    assert suspects(tmp_path, ["advertisement", "letter", "form"]) == []
