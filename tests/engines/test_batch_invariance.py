"""The probabilities of a page depend neither on the size of its batch nor on the other pages in it, to the bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from munseo._data import find_pages
from munseo._engines import BACKENDS
from munseo._prediction.predictor import PredictOptions, Predictor


@pytest.fixture
def two_threads():
    """Two threads, with which torch uses other algorithms for a single page than for two."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_bits_in_every_batch(backend, exports, documents, two_threads):
    pages = find_pages([documents / "test"], "ID").pages[:21]
    loaded = Predictor.load(
        exports, PredictOptions(tta=True, device="cpu", backend=backend)
    )  # once: auto chooses by time

    def with_batches(size):
        runs = [replace(run, setup=replace(run.setup, batch_size=size)) for run in loaded.runs]
        return replace(loaded, runs=tuple(runs))

    predictors = {size: with_batches(size) for size in (5, 16, 32)}

    def rows(some, batch_size):
        return predictors[batch_size].predict(some).final

    whole = rows(pages, 32)
    assert len(np.unique(whole, axis=0)) > 1
    assert np.array_equal(rows(pages[::-1], 5)[::-1], whole)
    for start, length in ((0, 1), (1, 2), (3, 1), (4, 7), (11, 10)):
        assert np.array_equal(rows(pages[start : start + length], 16), whole[start : start + length]), (start, length)
