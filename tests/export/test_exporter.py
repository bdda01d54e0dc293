"""``munseo export``: what is kept predicts like torch; everything else is refused and leaves nothing."""

import json
import shutil

import numpy as np
import onnx
import pytest

from munseo import UserError, export
from munseo._engines import ENGINES
from munseo._engines.sidecar import SIDECAR
from munseo._export.quantizer import SCHEMES, layers_in_floats
from munseo._prediction.parity import compare, objections
from munseo._run import open_run


@pytest.fixture
def own_run(finished, tmp_path):
    return open_run(shutil.copytree(finished.path, tmp_path / "runs" / finished.name))


@pytest.mark.parametrize("name", ENGINES)
def test_full_precision_decides_every_page_alike(exports, name):
    sidecar = json.loads((exports.export_dir(name) / SIDECAR).read_text())
    parity = sidecar["parity"]
    assert parity["num_pages"] == len(exports.read_predictions(exports.val_predictions_file))
    assert parity["num_agreeing"] == parity["num_pages"]
    assert 0 < parity["max_difference"] < 1e-4, "exactly equal would mean that torch was compared with itself"
    assert parity["macro_f1_before"] == parity["macro_f1_after"]
    assert sidecar["int8"] is None


@pytest.mark.parametrize("name", [f"{name}-int8" for name in ENGINES])
def test_int8_reports_the_schemes_that_were_tried(exports, name):
    sidecar = json.loads((exports.export_dir(name) / SIDECAR).read_text())
    tried = sidecar["int8"]["tried"]
    assert [row["way"] for row in tried] == [scheme.name for scheme in SCHEMES]
    fastest = max(tried, key=lambda row: row["pages_per_second"])
    assert sidecar["int8"]["kept"] == fastest["way"]
    assert sidecar["parity"]["macro_f1_after"] == fastest["macro_f1"]
    full = json.loads((exports.export_dir(name.removesuffix("-int8")) / SIDECAR).read_text())
    assert sidecar["parity"]["max_difference"] > 10 * full["parity"]["max_difference"], "eight bits leave their mark"


def test_int8_holds_eight_bits(exports):
    graph = onnx.load(exports.export_dir("onnx-int8") / "model.onnx").graph
    assert any(node.op_type == "QuantizeLinear" for node in graph.node)
    assert not list(exports.export_dir("onnx-int8").glob("way*"))
    names = {file.name for file in exports.export_dir("openvino-int8").iterdir()}
    assert names == {"model.xml", "model.bin", SIDECAR, "measured"}


def test_the_schemes_keep_more_and_more_in_floats(exports):
    graph = exports.export_dir("onnx") / "model.onnx"
    kept = [set(layers_in_floats(graph, scheme)) for scheme in SCHEMES]
    assert kept[0] < kept[1] < kept[2]
    nodes = {node.name: node for node in onnx.load(graph).graph.node}
    groups = [next((a.i for a in nodes[name].attribute if a.name == "group"), 1) for name in kept[2] - kept[1]]
    assert groups
    assert min(groups) > 1, "the third scheme adds depthwise layers"


def test_the_sidecar_describes_what_happens_to_a_page(exports):
    sidecar = json.loads((exports.export_dir("onnx") / SIDECAR).read_text())
    card = exports.read_json(exports.model_file)
    assert sidecar["class_names"] == card["class_names"]
    assert sidecar["input"]["shape"] == ["batch", 3, card["image_size"], card["image_size"]]
    normalise = sidecar["preprocessing"][-1]
    assert (normalise["mean"], normalise["std"]) == (card["norm_mean"], card["norm_std"])
    assert onnx.load(exports.export_dir("onnx") / "model.onnx").graph.input[0].type.tensor_type.shape.dim[0].dim_param


def test_int8_that_loses_too_much_is_refused_and_leaves_nothing(own_run):
    with pytest.raises(UserError, match="not kept") as caught:
        export(own_run.path, "openvino", int8=True, max_loss=-1.0, quiet=True)
    assert len(caught.value.problems) == len(SCHEMES)
    assert not (own_run.path / "export").exists()


def test_a_refused_export_leaves_the_older_one(own_exports):
    def content():
        files = own_exports.export_dir("openvino-int8").rglob("*")
        return {file: file.read_bytes() for file in files if file.is_file()}

    before = content()
    with pytest.raises(UserError):
        export(own_exports.path, "openvino", int8=True, max_loss=-1.0, quiet=True)
    assert content() == before
    assert len(list((own_exports.path / "export").iterdir())) == 4


def test_without_the_data_nothing_can_be_checked(own_run, tmp_path):
    with pytest.raises(UserError, match="--data"):
        export(own_run.path, "onnx", data=tmp_path / "nowhere", quiet=True)


def test_another_split_is_noticed(own_run, own_documents):
    table = own_documents / "train.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    with pytest.raises(UserError, match="not those of the run"):
        export(own_run.path, "onnx", data=own_documents, quiet=True)


def test_unknown_format(own_run):
    with pytest.raises(UserError, match="format: 'tflite'"):
        export(own_run.path, "tflite", quiet=True)


def test_objections_to_an_export():
    labels = np.array([0, 1, 2, 0])
    before = np.eye(3)[labels] * 0.8 + 0.05
    near, other = before + 1e-5, before.copy()
    other[0] = other[0, ::-1]
    assert objections(compare(labels, before, near), int8=False, max_loss=0) == []
    assert len(objections(compare(labels, before, other), int8=False, max_loss=1)) == 2
    assert objections(compare(labels, before, other), int8=True, max_loss=1) == []
    assert objections(compare(labels, before, other), int8=True, max_loss=0.01)
    broken = compare(labels, before, np.full_like(before, np.nan))
    assert objections(broken, int8=False, max_loss=1)
