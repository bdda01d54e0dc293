"""The cache folder with two runs at once, a killed run, a full disk, and a limit."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import pytest

from munseo._data import Page, cache_folder, cache_pages, decode, letterbox, square
from munseo._data.cache import pack as pack_module
from munseo._data.cache import pack_storage as folder_module
from munseo._data.cache.pack import ENTRY_BYTES
from munseo._data.cache.pack_storage import (
    decoder_version,
    holding,
    is_used,
    pack_files,
    size_folder,
    size_limit,
    used_bytes,
)
from munseo._errors import UserError

SIZE = 40
PAGE_BYTES = 40 * 30 + ENTRY_BYTES


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def make_pages(tmp_path):
    """Grey pages, 40 × 30 px in the cache."""

    def make(name: str, num_pages: int) -> list[Page]:
        pages = []
        for number in range(num_pages):
            path = tmp_path / f"{name}{number}.png"
            rng = np.random.default_rng([ord(name), number])
            path.write_bytes(cv2.imencode(".png", rng.integers(0, 256, (80, 60), np.uint8))[1].tobytes())
            pages.append(Page(path.name, path, 0))
        return pages

    return make


def cached(pages, folder):
    digests = [hashlib.sha256(page.path.read_bytes()).hexdigest() for page in pages]
    return cache_pages(pages, digests, [SIZE], folder)


def are_right(pages):
    return all(np.array_equal(square(page, SIZE), letterbox(decode(page.path), SIZE)) for page in pages)


def pack_of(pages):
    return pages[0].places[0].pack


def all_files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def build(pages, folder, start, answers):
    start.wait()
    found = cached(pages, folder)
    answers.put(are_right(found) and pack_of(found).path.is_file())


def test_two_processes_at_once_end_with_one_file(make_pages, folder):
    pages, context = make_pages("a", 60), multiprocessing.get_context("spawn")
    start, answers = context.Barrier(2), context.Queue()
    builders = [context.Process(target=build, args=(pages, folder, start, answers)) for _ in range(2)]
    for builder in builders:
        builder.start()
    assert [answers.get(timeout=120) for _ in builders] == [True, True]
    for builder in builders:
        builder.join()
    assert len(all_files(folder)) == 1


def run_python(code, *words):
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_who_comes_second_waits(make_pages, folder):
    code = """
        import hashlib, sys
        from pathlib import Path
        from munseo._data import Page, cache_pages
        pages = [Page(name, Path(name), 0) for name in sys.argv[2:]]
        digests = [hashlib.sha256(page.path.read_bytes()).hexdigest() for page in pages]
        cache_pages(pages, digests, [40], Path(sys.argv[1]))
    """
    with holding(folder):
        second = run_python(code, folder, *(page.path for page in make_pages("a", 2)))
        assert "waiting for it" in second.stderr.readline()
        assert all_files(folder) == []
    assert "2 are new" in second.communicate(timeout=60)[1]
    assert len(all_files(folder)) == 1


def test_a_killed_builder_leaves_nothing_that_blocks(make_pages, folder):
    code = """
        import sys, time
        from pathlib import Path
        import numpy as np
        from munseo._data.cache.pack_storage import holding, size_folder
        from munseo._data.cache.pack import write_pack

        def pages():
            yield bytes(32), np.zeros((40, 30), np.uint8)
            print("half", flush=True)
            time.sleep(600)

        with holding(Path(sys.argv[1])):
            home = size_folder(Path(sys.argv[1]), 40)
            home.mkdir(parents=True)
            write_pack(home / "0123.pages", pages())
    """
    builder = run_python(code, folder)
    assert builder.stdout.readline() == "half\n"
    builder.send_signal(signal.SIGKILL)
    builder.communicate()
    (leftover,) = all_files(folder)
    assert leftover.endswith(".tmp")
    found = cached(make_pages("a", 3), folder)
    assert are_right(found)
    assert all_files(folder) == [pack_of(found).path.name], "the leftover is gone"


def test_without_locks_pages_are_right_and_nothing_is_deleted(make_pages, folder, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folder_module, "lock", refuse)
    monkeypatch.setattr(pack_module, "lock", refuse)
    first = cached(make_pages("a", 5), folder)
    pack_of(first).close()
    monkeypatch.setenv("MUNSEO_CACHE_GB", "1e-6")
    assert are_right(cached(make_pages("b", 5), folder))
    assert is_used(pack_of(first).path), "nobody can tell"
    assert all_files(folder) == [pack_of(first).path.name]


def test_a_full_disk_costs_the_cache_and_nothing_else(make_pages, folder, capsys):
    pages, before = make_pages("a", 30), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        found = cached(pages, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    told = capsys.readouterr().err
    assert "cannot be written to (File too large)" in told
    assert "30 are decoded anew each time" in told
    assert found == pages
    assert all_files(folder) == []


def test_what_was_not_used_for_longest_goes_first(make_pages, folder, monkeypatch):
    monkeypatch.setenv("MUNSEO_CACHE_GB", str(25 * PAGE_BYTES / 1e9))
    old, newer = (cached(make_pages(name, 10), folder) for name in "ab")
    for hours, pages in ((2, old), (1, newer)):
        pack_of(pages).close()
        before = pack_of(pages).path.stat().st_mtime - 3600 * hours
        os.utime(pack_of(pages).path, (before, before))
    pack_of(cached(make_pages("a", 10), folder)).close()  # used again
    third = cached(make_pages("c", 10), folder)
    assert are_right(third)
    assert set(all_files(folder)) == {pack_of(old).path.name, pack_of(third).path.name}
    assert used_bytes(folder) <= size_limit(folder)


def test_what_is_in_use_stays_and_the_rest_is_decoded(make_pages, folder, monkeypatch, capsys):
    monkeypatch.setenv("MUNSEO_CACHE_GB", str(25 * PAGE_BYTES / 1e9))
    first, second = cached(make_pages("a", 10), folder), cached(make_pages("b", 10), folder)
    third = cached(make_pages("c", 10), folder)
    told = capsys.readouterr().err
    assert "cache: full (3.12e-05 GB); MUNSEO_CACHE_GB sets another limit" in told
    assert "4 are new, 6 are decoded anew each time" in told
    assert len(all_files(folder)) == 3
    assert used_bytes(folder) <= size_limit(folder) + 3 * 20
    assert are_right([*first, *second, *third])


def test_large_sets_are_written_in_several_files(make_pages, folder, monkeypatch):
    monkeypatch.setattr("munseo._data.cache.cache_fill.MOST_PACK_BYTES", 4 * 3 * SIZE**2)
    pages = make_pages("a", 11)
    assert are_right(cached(pages, folder))
    assert len(all_files(folder)) == 3
    monkeypatch.undo()
    again = cached(pages, folder)
    assert are_right(again)
    assert len(all_files(folder)) == 3


def test_another_decoder_makes_its_own_pages(make_pages, folder, monkeypatch):
    pages = make_pages("a", 2)
    cached(pages, folder)
    before = decoder_version()
    decoder_version.cache_clear()
    monkeypatch.setattr(cv2, "__version__", "0.1")
    assert decoder_version() != before
    assert are_right(cached(pages, folder))
    monkeypatch.undo()
    decoder_version.cache_clear()
    assert len({path.parent for path in pack_files(folder)}) == 2
    assert size_folder(folder, SIZE).name == f"40px-{before}"


@pytest.mark.parametrize("package", ["pypdfium2", "tifffile", "imagecodecs", "pi_heif"])
def test_another_version_of_a_package_that_decodes_is_another_decoder(package, monkeypatch):
    version = metadata.version
    before = decoder_version.__wrapped__()
    monkeypatch.setattr(metadata, "version", lambda name: "0.1" if name == package else version(name))
    assert decoder_version.__wrapped__() != before


def test_where_the_folder_is(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("MUNSEO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "munseo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "munseo"
    monkeypatch.setenv("MUNSEO_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_the_limit(monkeypatch, tmp_path):
    monkeypatch.delenv("MUNSEO_CACHE_GB", raising=False)
    assert 0 < size_limit(tmp_path) <= 20e9
    monkeypatch.setenv("MUNSEO_CACHE_GB", "0.5")
    assert size_limit(tmp_path) == 5e8
    for wrong in ("much", "-1", "nan", "inf"):
        monkeypatch.setenv("MUNSEO_CACHE_GB", wrong)
        with pytest.raises(UserError, match=f"MUNSEO_CACHE_GB={wrong}"):
            size_limit(tmp_path)
