"""The index of pages, and results that are computed once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from munseo._data import Page, PageSet
from munseo._ui.site import NotHere, PageIndex, ResultCache


@pytest.fixture
def index() -> PageIndex:
    train, val, test = (Page(f"{part}.jpg", Path(f"{part}.jpg"), 0) for part in ("train", "val", "test"))
    return PageIndex(PageSet((train,), (val,), (test,), ("letter", "form"), ("0", "1"), {}, ()))


def test_a_page_is_found_by_its_id(index):
    for part in ("train", "val", "test"):
        assert index.find(f"{part}.jpg") is index.get(part, f"{part}.jpg")
    assert index.labelled_part("val.jpg") == "val"
    assert index.labelled_part("train.jpg") == "train"
    assert index.labelled_part("test.jpg") is None
    for search in (lambda: index.find("x.jpg"), lambda: index.get("val", "train.jpg"), lambda: index.get("x", "x.jpg")):
        with pytest.raises(NotHere):
            search()


def test_threads_that_ask_together_get_one_result():
    cache, ready, made = ResultCache(2), threading.Barrier(8), []

    def ask(_):
        ready.wait()
        return cache.get("key", lambda: made.append(1) or len(made))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [1] * 8


def test_the_result_that_was_not_used_for_the_longest_time_is_dropped():
    cache = ResultCache(2)
    for key in ("a", "b", "a", "c"):
        cache.get(key, lambda key=key: key)
    assert cache.get("a", lambda: "again") == "a"
    assert cache.get("b", lambda: "again") == "again"
