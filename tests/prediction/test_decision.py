"""Thresholds: which pages need a person, and promises that validation can keep."""

import numpy as np
import pandas as pd
import pytest

from munseo import UserError, predict
from munseo._prediction import PredictOptions, Predictor
from munseo._prediction.decision import NoThresholdError


def test_a_threshold_parts_pages_for_people_from_the_rest(finished, documents, tmp_path):
    plain = pd.read_csv(predict(finished.path, [documents / "train"], tmp_path / "a.csv", proba=True, quiet=True))
    shares = plain.filter(regex="^p_").to_numpy()
    middle = float(np.median(shares.max(axis=1)))
    file = predict(finished.path, [documents / "train"], tmp_path / "b.csv", abstain_below=middle, quiet=True)
    table = pd.read_csv(file)
    assert list(table.columns) == ["ID", "target", "confidence", "needs_person"]
    assert table["target"].tolist() == plain["target"].tolist(), "a person is asked, and the answer stays"
    assert np.allclose(table["confidence"], shares.max(axis=1), atol=1e-6)
    clear = abs(table["confidence"] - middle) > 1e-5
    assert (table["needs_person"].eq("yes") == (table["confidence"] < middle))[clear].all()


def test_promises_that_cannot_be_kept_are_not_made(finished, documents, tmp_path):
    out = tmp_path / "out.csv"
    with pytest.raises(UserError, match="cannot be promised"):
        predict(finished.path, [documents / "train"], out, target_precision=0.99, quiet=True)
    with pytest.raises(UserError, match="choose one"):
        predict(finished.path, [documents / "train"], out, target_precision=0.9, abstain_below=0.5, quiet=True)
    with pytest.raises(UserError, match="from 0 to 1"):
        predict(finished.path, [documents / "train"], out, abstain_below=50, quiet=True)
    assert not out.exists()
    with pytest.raises(NoThresholdError):
        Predictor.load(finished, PredictOptions(target_precision=0.99))
