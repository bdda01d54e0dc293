"""Malformed requests: a seeded fuzz of bytes on the wire, and schemathesis against the OpenAPI description."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from serve_torture import torture

CONFIG = Path(__file__).with_name("schemathesis.toml")
NUM = 10_000 if os.environ.get("MUNSEO_TORTURE") else 400


@pytest.fixture(scope="module")
def hurried(stand_in):
    return stand_in(limits={"body_bytes": 200_000, "pixels": 250_000, "body_seconds": 1, "pages": 4})


def test_malformed_requests_get_an_answer_below_500_and_leave_the_server_alive(hurried):
    found = torture(hurried.port, NUM, seed=7)
    assert sum(found.values()) == NUM
    assert not [status for status in found if isinstance(status, int) and status >= 500], found
    assert hurried.process.poll() is None
    with hurried.client() as client:
        assert client.get("/readyz").status_code == 200


def test_schemathesis_finds_nothing(hurried, tmp_path):
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run",
            f"{hurried.url}/openapi.json", "--max-examples", "25", "--checks", "all", "--seed", "7", "--no-color",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
