"""``munseo bench train``: its figures agree with each other, and nothing is left behind."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from munseo import bench_train
from munseo._commands.app import app
from munseo._errors import UserError

STAGES = ["decode", "augment", "collate", "copy", "forward", "backward", "optimiser"]


@pytest.fixture
def measured(plain_config, overrides, tmp_path):
    """The output of the command and its file, over two short rounds."""
    file = tmp_path / "out" / "speed.json"
    words = overrides(augmentation__eda="true", batch_size=8)
    options = ["--steps", "2", "--rounds", "2", "--workers", "0", "--workers", "1", "-o", str(file), "-q"]
    answer = CliRunner().invoke(app, ["bench", "train", str(plain_config), *words, *options], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout, file


def test_rates_ratios_and_stages(measured, tmp_path):
    printed, file = measured
    found = json.loads(file.read_text(encoding="utf-8"))
    rates = found["rates"]
    assert list(rates) == ["bare step", "training", "usual way"]
    for rate in rates.values():
        assert len(rate["rounds"]) == 2
        assert min(rate["rounds"]) > 0
        assert rate["median"] == pytest.approx(np.median(rate["rounds"]))
    pairs = zip(rates["training"]["rounds"], rates["bare step"]["rounds"], strict=True)
    assert found["ratios"]["training / bare step"] == pytest.approx(np.median([one / other for one, other in pairs]))
    assert list(found["pipeline"]) == ["0", "1"]
    assert list(found["stages"]) == STAGES
    assert found["stages"]["forward"] > 0
    assert found["config"]["batch_size"] == 8
    assert found["peak_memory_bytes"]["process"] > 50 * 2**20
    for word in ("training / usual way", "backward", "peak memory", str(file)):
        assert word in printed
    with Image.open(file.with_suffix(".png")) as picture:
        assert picture.width > picture.height > 400
    assert not (tmp_path / "runs").exists()


def test_every_wrong_number_is_named():
    with pytest.raises(UserError) as caught:
        bench_train("efficientnet_b4", num_steps=0, num_rounds=-1, worker_counts=[2, -3])
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["num_steps", "num_rounds", "worker_counts"]
