"""Data folders that a finished run can be judged on, made of its own documents."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="session")
def class_names(documents) -> list[str]:
    """The names of the 17 kinds of documents by their number."""
    return pd.read_csv(documents / "meta.csv").sort_values("target")["class_name"].tolist()


@pytest.fixture(scope="session")
def pages_of(finished) -> pd.DataFrame:
    """The recorded pages of the finished run, with their ID as index."""
    return pd.read_parquet(finished.pages_file).set_index("ID")


@pytest.fixture
def by_class(documents, class_names, pages_of, tmp_path):
    """Make a folder per class of some pages of the documents; ``names`` renames classes."""

    def make(ids, names: dict[str, str] | None = None) -> Path:
        for page_id in ids:
            kind = class_names[int(pages_of.loc[page_id, "target"])]
            target = tmp_path / "classes" / (names or {}).get(kind, kind)
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(documents / "train" / page_id, target / page_id)
        return tmp_path / "classes"

    return make
