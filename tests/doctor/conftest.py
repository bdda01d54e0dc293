"""Data sets of printed pages, and labelled pages that were not read."""

from pathlib import Path

import pytest
from printed import CLASSES

from munseo._data import Page, PageSet
from munseo._doctor.inspected_page import InspectedPage


@pytest.fixture
def make_pages(tmp_path):
    """Make a page set from names to (bytes, label) for each split."""

    def make(**parts) -> PageSet:
        made = {}
        for part, files in parts.items():
            pages = []
            for name, (data, label) in files.items():
                path = tmp_path / part / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
                pages.append(Page(name, path, label))
            made[part] = tuple(pages)
        empty = {"train": (), "val": None, "test": ()}
        return PageSet(**{**empty, **made}, class_names=CLASSES, class_targets=("0", "1"), tables={}, notes=())

    return make


@pytest.fixture
def unread():
    """Make pages that were not read, with the labels given."""

    def make(labels) -> list[InspectedPage]:
        pages = (Page(f"{n}.jpg", Path(f"{n}.jpg"), int(label)) for n, label in enumerate(labels))
        return [InspectedPage("train", page) for page in pages]

    return make
