"""What the fuzzers found once goes through the same doors for ever, and so does what they begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
from opened_image import image_decoder
from opened_run import READERS, run_folder, whole_run
from opened_table import data_table

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"


def found(name: str) -> list[Path]:
    return sorted(path for path in (CORPUS / name).iterdir() if path.name != "README.md")


@pytest.fixture(scope="module")
def run():
    with whole_run() as run:
        yield run


@pytest.mark.parametrize("file", [*found("image_decoder"), *found("pdf_pages")], ids=lambda file: file.name)
def test_an_image_that_was_found(file):
    image_decoder(file.read_bytes())


@pytest.mark.parametrize("file", found("table_file"), ids=lambda file: file.name)
def test_a_table_that_was_found(file, tmp_path):
    data_table(file.read_bytes(), tmp_path)


@pytest.mark.parametrize("file", found("run_folder"), ids=lambda file: file.name)
def test_a_file_of_a_run_that_was_found(file, run):
    run_folder(file.read_bytes(), run)


def test_a_whole_run_passes_without_a_complaint(run):
    for name, readers in READERS.items():
        for read in readers[:1] if name in ("results.json", "state.ckpt") else readers:
            read(run)
