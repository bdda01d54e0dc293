"""``munseo cache ls|clear``."""

import hashlib
import os

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from munseo._commands.app import app
from munseo._data import Page, cache_pages, square
from munseo._data.cache.pack_storage import FORMAT, pack_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MUNSEO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MUNSEO_CACHE_GB", "2")
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path / "cache"


@pytest.fixture
def pages(tmp_path, folder):
    """Three grey pages in the cache, at two sizes, in use."""
    found = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        path.write_bytes(cv2.imencode(".png", np.full((90, 60), number, np.uint8))[1].tobytes())
        found.append(Page(path.name, path, None))
    digests = [hashlib.sha256(page.path.read_bytes()).hexdigest() for page in found]
    return cache_pages(found, digests, [24, 48], folder)


@pytest.fixture
def munseo():
    def run(*words):
        result = CliRunner().invoke(app, ["cache", *map(str, words)])
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def let_go(pages):
    for place in pages[0].places:
        place.pack.close()


def test_an_empty_cache(munseo, folder):
    assert munseo("ls") == f"{folder}: empty\n"
    assert munseo("clear") == f"{folder}: 0.0 kB freed\n"
    assert not folder.exists()


def test_ls_says_what_is_there(munseo, folder, pages):
    let_go(pages[:1])
    small, large = sorted(pack_files(folder), key=lambda path: path.stat().st_size)
    os.utime(small, (1_750_000_000, 1_750_000_000))
    large.parent.rename(folder / FORMAT / "48px-0123456789ab")
    lines = [line.split() for line in munseo("ls").splitlines()]
    assert lines[0] == ["image", "size", "pages", "size", "last", "used"]
    assert lines[1][:5] == ["48", "px", "3", "4.8", "kB"]
    assert lines[1][-3:] == ["of", "another", "version"]
    assert lines[2][:6] == ["24", "px", "3", "1.3", "kB", "2025-06-15"]
    assert " ".join(lines[3]) == f"6.1 kB of at most 2.0 GB in {folder}"


def test_ls_says_what_is_in_use(munseo, pages):
    assert munseo("ls").count("in use") == 2
    let_go(pages)
    assert "in use" not in munseo("ls")


def test_clear_spares_what_is_in_use(munseo, folder, pages):
    pages[0].places[0].pack.close()
    assert munseo("clear").splitlines() == [f"{folder}: 1.3 kB freed", "4.8 kB are in use and stay"]
    assert (square(pages[2], 48)[:, 8:40] == 2).all()
    let_go(pages)
    assert munseo("clear", folder) == f"{folder}: 4.8 kB freed\n"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [".lock"]


def test_clear_leaves_foreign_files_alone(munseo, folder):
    (folder / "pages-1").mkdir(parents=True)
    foreign = [folder / "thesis.pages", folder / "pages-1" / "notes.txt"]
    for file in foreign:
        file.write_text("mine")
    munseo("clear")
    assert all(file.exists() for file in foreign)
