import numpy as np
import pytest

from munseo._commands.cache import show_listing
from munseo._data.cache.cache_contents import clear_cache, list_cache
from munseo._words.page_words import PageWords
from munseo._words.word_store import WordStore, decoded, encoded

BOXES = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 1, 1]], np.float32)
PAGES = [
    PageWords(("진단서", "No."), BOXES, np.array([0.5, 1], np.float32), "ocr", 3, True, 0.75),
    PageWords(("a", "b"), BOXES, None, "pdf"),
    PageWords(("a",), None, np.array([0.25], np.float32), "sidecar"),
    PageWords((), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), "ocr"),
    PageWords((), None, None, "none"),
]


@pytest.mark.parametrize("words", PAGES)
def test_words_are_the_same_after_storing(words: PageWords) -> None:
    assert decoded(encoded(words)) == words


def test_damaged_entries_are_none() -> None:
    entry = encoded(PAGES[0])
    assert decoded(b"") is None
    assert decoded(entry[: len(entry) // 2]) is None
    for position in range(0, len(entry), 3):
        damaged = entry[:position] + bytes([entry[position] ^ 0x55]) + entry[position + 1 :]
        assert decoded(damaged) in (None, PAGES[0])


def test_the_store_keeps_words_for_one_version(tmp_path) -> None:
    store = WordStore(tmp_path, "v1")
    for number, words in enumerate(PAGES):
        store.add(f"key{number}", words)
    store.close()
    keys = [f"key{number}" for number in range(2000)]
    assert WordStore(tmp_path, "v1").find(keys) == {f"key{n}": words for n, words in enumerate(PAGES)}
    assert WordStore(tmp_path, "v2").find(keys) == {}


def test_a_damaged_file_is_replaced(tmp_path, capsys) -> None:
    store = WordStore(tmp_path, "v")
    store.path.write_bytes(b"no database at all" * 100)
    store = WordStore(tmp_path, "v")
    assert "damaged" in capsys.readouterr().err
    store.add("key", PAGES[0])
    store.close()
    assert WordStore(tmp_path, "v").find(["key"]) == {"key": PAGES[0]}


def test_a_folder_that_cannot_be_used_costs_nothing_but_the_store(tmp_path, capsys) -> None:
    (tmp_path / "file").write_text("a file is no folder")
    store = WordStore(tmp_path / "file", "v")
    store.add("key", PAGES[0])
    assert store.find(["key"]) == {}
    store.close()
    assert "words are not kept" in capsys.readouterr().err


def test_words_are_listed_and_cleared_with_the_cache(tmp_path, capsys) -> None:
    store = WordStore(tmp_path, "v")
    store.add("a", PAGES[0])
    store.add("b", PAGES[1])
    store.close()
    listing = list_cache(tmp_path)
    assert listing.num_pages_with_words == 2
    show_listing(listing)
    assert "words of 2 pages" in capsys.readouterr().out
    assert clear_cache(tmp_path).num_bytes == listing.word_bytes
    assert list_cache(tmp_path).num_pages_with_words == 0
    assert not list((tmp_path / "words-1").glob("*.words"))
