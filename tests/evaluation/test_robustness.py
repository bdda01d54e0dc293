"""The robustness profile: macro-F1 under each damage, and the pages that break."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from munseo._data import Page
from munseo._evaluation.robustness import robustness_profile
from munseo._training.validation import prediction_table


def test_the_profile_counts_and_names_the_pages_that_break():
    labels = np.array([0, 0, 1, 1, 1, 0])
    six = [Page(f"page{number}", Path(f"page{number}.jpg"), int(label)) for number, label in enumerate(labels)]

    def table(predicted, **columns):
        return prediction_table(six, np.eye(2, dtype=np.float32)[predicted] * 0.8 + 0.1).assign(**columns)

    clean = table(np.array([0, 0, 1, 1, 1, 1]))  # the last page is wrong already when clean
    weak = table(np.array([1, 0, 1, 1, 1, 1]), damage="noise", severity=1 / 3)
    strong = table(np.array([1, 1, 1, 1, 1, 1]), damage="noise", severity=1.0)
    profile = robustness_profile(pd.concat([weak, strong]), clean, ("a", "b"))
    row = profile["damages"][0]
    assert profile["num_pages"] == 6
    assert row["severities"] == [1 / 3, 1.0]
    assert profile["clean"] > row["macro_f1"][0] > row["macro_f1"][1]
    assert [page["id"] for page in row["broken"]] == [six[0].id, six[1].id]
    assert row["broken"][0] == {
        "id": six[0].id, "severity": 1 / 3, "true": "a", "predicted": "b", "confidence": pytest.approx(0.9)
    }  # fmt: skip
