"""Finished runs that nobody trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_run import ENGLISH, NAME, write_run

from munseo._run import RunFolder


@pytest.fixture
def korean_run(tmp_path: Path) -> RunFolder:
    return write_run(tmp_path / "runs" / NAME)


@pytest.fixture
def english_run(tmp_path: Path) -> RunFolder:
    return write_run(tmp_path / "runs" / NAME, ENGLISH)
