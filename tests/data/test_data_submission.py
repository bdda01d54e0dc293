from __future__ import annotations

import csv
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from munseo._data.image_finder import nfc
from munseo._data.submission import read_sample_submission, write_submission
from munseo._errors import UserError


@pytest.fixture
def sample(tmp_path):
    path = tmp_path / "sample_submission.csv"
    path.write_text('id,Target\nb.jpg,0\na.jpg,0\n"c, d.jpg",0\n', encoding="utf-8-sig")
    return path


def test_ids_in_order(sample):
    assert read_sample_submission(sample) == ["b.jpg", "a.jpg", "c, d.jpg"]


def test_order_columns_and_spelling_come_from_the_sample(sample, tmp_path):
    out = tmp_path / "out.csv"
    write_submission(out, ["a.jpg", "b.jpg", "c, d.jpg"], ["1", "2", "3"], sample=sample)
    assert out.read_bytes() == b'id,Target\nb.jpg,2\na.jpg,1\n"c, d.jpg",3\n'
    decomposed = unicodedata.normalize("NFD", "가.jpg")
    sample.write_text(f"ID,target\n{decomposed},0\n", encoding="utf-8")
    write_submission(out, ["가.jpg"], ["16"], sample=sample)
    assert out.read_text(encoding="utf-8") == f"ID,target\n{decomposed},16\n"


def test_without_a_sample_and_with_probabilities(tmp_path):
    out = tmp_path / "out.csv"
    shares = np.array([[0.25, 0.75], [1.0, 0.0]])
    write_submission(out, ["x", "y"], ["1", "0"], probabilities=shares, class_names=["여권", "a, b"])
    assert out.read_text(encoding="utf-8").splitlines() == [
        'ID,target,p_여권,"p_a, b"',
        "x,1,0.250000,0.750000",
        "y,0,1.000000,0.000000",
    ]


def test_missing_and_extra_ids_are_refused_and_nothing_is_written(sample, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("before")
    with pytest.raises(UserError) as caught:
        write_submission(out, ["b.jpg", "a.jpg", "z.jpg"], ["0"] * 3, sample=sample)
    assert caught.value.problems == [
        "c, d.jpg: is in sample_submission.csv, but was not predicted",
        "z.jpg: was predicted, but is not in sample_submission.csv",
    ]
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "sample_submission.csv"]


def test_a_sample_with_repeated_or_empty_ids(sample):
    sample.write_text("ID,target\na,0\na,0\n,0\nb,0\n")
    with pytest.raises(UserError) as caught:
        read_sample_submission(sample)
    assert caught.value.problems == [
        "sample_submission.csv:3: a: duplicate ID",
        "sample_submission.csv:4: the ID is empty",
    ]


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        write_submission(tmp_path / "nowhere" / "out.csv", ["a"], ["0"])


names = st.one_of(
    st.sampled_from(
        ["00123", "12345678901234567", "=1+1", "NA", "None", "가나다.jpg", 'say "hi"', "a\rb", "a\nb", "a,b", "1.0"]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20),
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(names.map(nfc), names, min_size=1, max_size=6), st.booleans())
def test_a_submission_is_read_back_equal(tmp_path_factory, targets, has_sample):
    folder = tmp_path_factory.mktemp("submission")
    sample = folder / "sample.csv" if has_sample else None
    if sample is not None:
        pd.DataFrame({"ID": list(targets), "target": ""}).to_csv(sample, index=False, quoting=csv.QUOTE_ALL)
    write_submission(folder / "o.csv", list(targets), list(targets.values()), sample=sample)
    read = pd.read_csv(folder / "o.csv", dtype=str, keep_default_na=False)
    assert dict(read.itertuples(index=False, name=None)) == targets
    assert read_sample_submission(folder / "o.csv") == list(targets)
