"""An engine whose bits depend on the batch is found when it is exported, and then predicts page by page."""

import json

import numpy as np
import pytest
import torch

from munseo._data import find_pages
from munseo._engines.backends import load_backend
from munseo._engines.batch_bits import same_bits_in_batches, threads_with_same_bits
from munseo._engines.sidecar import SIDECAR
from munseo._prediction import InferenceSetup, predict_pages
from munseo._prediction.inference import read_card
from munseo._run.atomic import write_json


class MeanNetwork(torch.nn.Module):
    """Means of colours, which differ by one bit in batches of these sizes."""

    def __init__(self, *sizes):
        super().__init__()
        self.sizes = sizes

    def forward(self, images):
        means = images.mean(dim=(2, 3))
        return torch.nextafter(means, means + 1) if len(images) in self.sizes else means


@pytest.mark.parametrize(("sizes", "same"), [((), True), ((2,), False), ((13,), False), ((16,), False), ((3,), True)])
def test_one_bit_in_one_batch_is_found(sizes, same):
    """Of 16 pages each of eight threads takes pages of its own, as it does not with 13."""
    assert same_bits_in_batches(MeanNetwork(*sizes), 8, num_threads=8) is same


def test_each_number_of_threads_is_measured():
    opened = []

    def open_with(number):
        opened.append(number)
        return MeanNetwork(*((5,) if number == 2 else ()))

    assert threads_with_same_bits(open_with, 8) == sorted({1, torch.get_num_threads()} - {2})
    assert opened == sorted({1, 2, torch.get_num_threads()})


def test_the_sidecar_says_with_which_threads_batches_may_be_predicted(exports):
    def noted(name):
        return json.loads((exports.export_dir(name) / SIDECAR).read_text())["same_bits_with_threads"]

    assert noted("openvino") is None, "it computes one by one"
    assert set(noted("onnx")) <= {1, 2, torch.get_num_threads()}
    engine = load_backend(exports, read_card(exports), "onnx").network
    assert engine.is_batch_invariant is (torch.get_num_threads() in noted("onnx"))


@pytest.mark.parametrize("noted", [None, [], [63], "absent", [torch.get_num_threads()]])
def test_what_was_not_measured_predicts_page_by_page(own_exports, documents, noted):
    file = own_exports.export_dir("onnx") / SIDECAR
    sidecar = json.loads(file.read_text())
    measured = sidecar.pop("same_bits_with_threads")
    write_json(file, sidecar if noted == "absent" else {**sidecar, "same_bits_with_threads": noted})
    classifier = load_backend(own_exports, read_card(own_exports), "onnx")
    sizes = []
    classifier.network.register_forward_pre_hook(lambda module, arguments: sizes.append(len(arguments[0])))
    pages = find_pages([documents / "test"], "ID").pages[:9]
    rows = predict_pages(classifier, pages, InferenceSetup(torch.device("cpu"), 8))
    assert sorted(sizes) == ([1, 8] if noted == [torch.get_num_threads()] else [1] * 9)  # two batches at once
    if torch.get_num_threads() in measured:
        write_json(file, {**sidecar, "same_bits_with_threads": measured})
        whole = predict_pages(load_backend(own_exports, read_card(own_exports), "onnx"), pages,
                              InferenceSetup(torch.device("cpu"), 8))  # fmt: skip
        assert np.array_equal(rows, whole)
