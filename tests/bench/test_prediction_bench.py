"""``munseo bench predict``: every backend in one table, with parity next to the speed."""

import json

import pytest
import torch
from torch import nn

from munseo import UserError, bench_predict
from munseo._bench import COLUMNS, table_rows
from munseo._bench.prediction_bench import BASELINE, peak_multiply_adds
from munseo._model.multiply_adds import multiply_adds


def test_every_backend_has_a_row_with_parity(exports, tmp_path):
    found = bench_predict(exports.path, tmp_path / "bench.json", batch_sizes=(2, 4), seconds=0.01, quiet=True)
    rows = {row["backend"]: row for row in found["backends"]}
    assert list(rows) == [BASELINE, "torch", "onnx", "onnx-int8", "openvino", "openvino-int8"]
    for row in rows.values():
        assert row["latency_ms"]["p95"] >= row["latency_ms"]["median"] > 0
        assert row["pages_per_second"] == max(row["throughput"].values())
        assert row["share_of_peak"] > 0
    assert rows[BASELINE]["times_usual"] == 1
    for name in (BASELINE, "torch", "onnx", "openvino"):
        assert rows[name]["parity"]["num_agreeing"] == rows[name]["parity"]["num_pages"]
    table = table_rows(found)
    assert [len(row) for row in table] == [len(COLUMNS)] * 6
    written = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert written["model_name"] == "test_efficientnet.r160_in1k"


def test_wrong_options(exports):
    with pytest.raises(UserError, match="batch sizes"):
        bench_predict(exports.path, batch_sizes=(), quiet=True)


def test_multiply_adds_are_counted():
    convolution = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    assert multiply_adds(convolution, 10) == 10 * 10 * 8 * 27
    network = nn.Sequential(nn.Conv2d(3, 4, 10, bias=False), nn.Flatten(), nn.Linear(4, 5, bias=False))
    assert multiply_adds(network, 10) == 300 * 4 + 20
    assert peak_multiply_adds(0.01) > 1e8
    assert torch.is_grad_enabled()
