"""The benchmark scripts run, in their smallest form: nothing is installed, and no figure is judged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODEL = "test_efficientnet.r160_in1k"


def start(script: str, *words: object, **environment: str) -> str:
    command = [sys.executable, str(BENCHMARKS / script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(markdown: str) -> list[list[str]]:
    lines = [line.strip("| ").split(" | ") for line in markdown.splitlines() if line.startswith("| ")]
    return [line for line in lines if not set("".join(line)) <= set("-")]


def test_peers_measures_who_is_there_and_names_who_is_not(documents, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "from importlib import metadata\n"
        "real = metadata.version\n"
        "def version(name):\n"
        "    if name == 'fastai':\n"
        "        raise metadata.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "metadata.version = version\n"
    )
    answers = tmp_path / "answers.json"
    table = start(
        "peers.py", documents / "train", "--table", documents / "train.csv", "--no-install", "--json", answers,
        *("--only", "munseo", "bare", "fastai", "--model", MODEL, "--size", 64, "--batch", 8),
        *("--steps", 2, "--num-test", 20, "--rounds", 1, "--threads", 1),
        PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    found = {row[0]: row[1:] for row in rows(table)}
    assert found["fastai"][0] == "not installed"
    own = json.loads(answers.read_text())
    assert set(own) == {"munseo", "bare"}
    for key, name in (("munseo", "Munseo"), ("bare", "PyTorch's bare step, no input")):
        for phase in ("train", "predict"):
            (answer,) = own[key][phase]
            assert answer["images_per_s"] > 0
            assert answer["threads"] == 1
            assert answer["peak_bytes"] >= answer["peak_rss_bytes"] > 2**20
        rate = own[key]["train"][0]["images_per_s"]
        assert found[name][0] == f"{rate:.1f} ({rate:.1f} to {rate:.1f})"
    ratio = own["munseo"]["train"][0]["images_per_s"] / own["bare"]["train"][0]["images_per_s"]
    assert found["PyTorch's bare step, no input"][1] == f"{ratio:.2f}"


def test_peers_says_what_a_contender_died_of(documents):
    table = start(
        "peers.py", documents / "train", "--table", documents / "train.csv", "--no-install",
        *("--only", "bare", "--model", "no_such_model", "--size", 64, "--batch", 8, "--rounds", 1),
    )  # fmt: skip
    (row,) = [row for row in rows(table) if row[0].startswith("PyTorch")]
    assert row[1].startswith("failed: ")
    assert "no_such_model" in row[1]


def test_gpu_runs_in_its_reduced_form(documents, tmp_path):
    file = tmp_path / "gpu.json"
    cache = {"MUNSEO_CACHE": str(tmp_path / "cache")}
    markdown = start("gpu.py", "--reduced", "--data", documents, "--json", file, **cache)
    found = json.loads(file.read_text())
    ways = {(cell["batch"], cell["channels_last"], cell["compiled"]) for cell in found["cells"]}
    assert ways == {(b, c, k) for b in (4, 8) for c, k in ((False, False), (True, False), (True, True))}
    assert [row["workers"] for row in found["workers"]] == [0, 1]
    assert [row["batch"] for row in found["prediction"]] == [4, 8]
    for cell in found["cells"]:
        assert cell["ratio"] == pytest.approx(cell["training_images_per_s"] / cell["bare_images_per_s"])
    assert len(rows(markdown)) == (1 + 6) + (1 + 2) + (1 + 2)


@pytest.mark.parametrize("depends", [False, True])
def test_batch_bits_finds_a_network_whose_logits_depend_on_the_batch(depends, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import batch_bits
    import torch

    class MeanNetwork(torch.nn.Module):
        def forward(self, images):
            return images.mean(dim=(2, 3)) + (len(images) >= 8) * depends

    card = batch_bits.ModelCard("mean", tuple("abc"), tuple("abc"), 8, (0.5,) * 3, (0.5,) * 3)
    noise = batch_bits.np.random.default_rng(0).integers(0, 256, (13, 8, 8, 3), dtype="uint8")
    pages = [batch_bits.DecodedPage({(8, "as_is"): page}) for page in noise]
    found = batch_bits.differences(MeanNetwork(), card, pages, True)
    differing = [name for name, difference in found.items() if difference > 0.5]
    assert differing == (["8", "13", "reversed"] if depends else [])


def test_batch_bits_prints_every_engine():
    (header, row) = rows(start("batch_bits.py", f"{MODEL}@64", "--threads", 1))
    assert header[2:] == ["torch", "onnx", "openvino"]
    assert row[:3] == [f"`{MODEL}`", "1", "0"]


def test_builds_compares_this_build_with_itself(tmp_path):
    file = tmp_path / "builds.json"
    table = start(
        "builds.py", "--against", sys.executable, "--only", "wrong_run", "--rounds", 1, "--busy", 1, "--json", file
    )  # fmt: skip
    measured = json.loads(file.read_text())["wrong_run"]
    assert set(measured) == {"old", "new", "old busy", "new busy"}
    assert all(one["cpu_s"] > 0 and one["peak_bytes"] > 2**20 for build in measured.values() for one in build)
    found = rows(table)[-1]
    expected = measured["new"][0]["wall_s"] / measured["old"][0]["wall_s"]
    assert found[0] == "wrong_run"
    assert found[3] == f"{expected:.2f}"


def test_roofline_counts_every_layer_once():
    table = rows(start("roofline.py", f"{MODEL}@64", "--runs", 2))
    kinds = {row[0]: (int(row[1]), float(row[4])) for row in table[1:]}
    layers, multiply_adds = kinds.pop("all")
    assert {"dense convolution", "depthwise convolution", "matrix product"} <= set(kinds)
    assert layers == sum(number for number, _ in kinds.values())
    assert abs(multiply_adds - sum(adds for _, adds in kinds.values())) < 0.1 * len(kinds)
    assert multiply_adds > 0


def test_openvino_options_measures_every_way():
    table = rows(start("openvino_options.py", f"{MODEL}@64", "--rounds", 1, "--pages", 4))
    assert len(table) > 5
    assert all(float(wall) > 0 and float(cpu) > 0 for _, wall, cpu in table[1:])


def test_prediction_tables_writes_every_kind():
    table = rows(start("prediction_tables.py", "--pages", 3000, "--classes", 3, "--proba"))
    assert [row[:2] for row in table[1:]] == [[ending, "3,000"] for ending in (".parquet", ".csv", ".xlsx")]


def test_decode_speed_draws_its_pages_and_compares_a_build_with_itself(tmp_path):
    (tmp_path / "scans").mkdir()
    Image.new("L", (60, 80), 250).save(tmp_path / "scans" / "a.jpg")
    only = ["grey JPEG, decoded", "one-bit G4 TIFF, 300 dpi, to the model's square", "JPEGs of the folder, decoded"]
    words = (
        "--against",
        sys.executable,
        "--data",
        tmp_path / "scans",
        "--rounds",
        1,
        "--seconds",
        0.01,
        "--only",
        *only,
    )
    found = {row[0]: row[1:] for row in rows(start("decode_speed.py", *words))}
    assert set(found) == {"workload", *only}
    for workload in only:
        old, new, ratio = map(float, found[workload])
        assert min(old, new) > 0
        assert abs(ratio - new / old) <= 0.2 * ratio
