"""The outputs of the validation pages in each epoch."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from munseo._data import Page
from munseo._training import epoch_outputs
from munseo._training.epoch_outputs import EpochOutputs, EpochOutputsCollector, epoch_table


def logits(classes):
    return torch.nn.functional.one_hot(torch.tensor(classes), 4).float()


def collected(classes_clean, classes_damaged, with_losses=False):
    collector = EpochOutputsCollector(with_losses)
    for damaged, classes in ((0, classes_clean), (1, classes_damaged)):
        for start in range(0, len(classes), 2):
            batch = classes[start : start + 2]
            collector.add(damaged, logits(batch), torch.tensor(batch))
    return collector


def test_rows_are_clean_pages_then_draws_and_a_second_validation_starts_anew():
    collector = collected([0, 1, 2], [3, 3, 3, 1, 1, 1])
    collector.start()
    collector = collected([0, 1, 2], [3, 3, 3, 1, 1, 1])
    outputs = collector.finish(3, 1)
    assert outputs.predicted.tolist() == [0, 1, 2, 3, 3, 3, 1, 1, 1]
    assert outputs.predicted.dtype == torch.int16
    assert len(outputs.losses) == 0


def test_what_an_interrupted_validation_had_collected_is_forgotten():
    collector = collected([0, 1, 2], [])
    collector.start()
    collector.add(0, logits([3, 3, 3]), torch.tensor([3, 3, 3]))
    assert collector.finish(3, 1).predicted.tolist() == [3, 3, 3]


def test_losses_are_those_of_each_page():
    outputs = collected([0, 1], [], with_losses=True).finish(2, 1)
    expected = torch.nn.functional.cross_entropy(logits([0, 1]), torch.tensor([0, 1]), reduction="none")
    np.testing.assert_array_equal(outputs.losses.numpy(), expected.numpy())


def test_pages_of_several_processes_come_back_in_their_order(monkeypatch):
    """Two processes validate pages 0, 2, 4 and 1, 3, each with two draws."""
    clean, draws = [0, 1, 2, 3, 0], [[1, 1, 2, 2, 3], [3, 2, 1, 0, 0]]
    processes = [collected(clean[rank::2], [*draws[0][rank::2], *draws[1][rank::2]]) for rank in (0, 1)]
    shares = [[process._joined(damaged) for damaged in (0, 1)] for process in processes]
    monkeypatch.setattr(epoch_outputs, "gather", lambda value, world_size: shares)
    outputs = processes[0].finish(5, 2)
    assert outputs.predicted.tolist() == clean + draws[0] + draws[1]


def test_the_table_has_a_row_for_each_page_and_draw():
    pages = [Page("a", Path("a"), 1), Page("b", Path("b"), 0)]
    none = torch.empty(0)
    epochs = [
        EpochOutputs(torch.tensor([1, 0, 1, 1], dtype=torch.int16), none),
        EpochOutputs(torch.tensor([1, 1, 0, 0], dtype=torch.int16), none),
    ]
    table = epoch_table(pages, epochs)
    assert table.columns.tolist() == ["ID", "target", "draw", "epoch_0", "epoch_1"]
    assert table["ID"].tolist() == ["a", "b", "a", "b"]
    assert table["target"].tolist() == [1, 0, 1, 0]
    assert table["draw"].tolist() == [pd.NA, pd.NA, 0, 0]
    assert table["epoch_1"].tolist() == [1, 1, 0, 0]
