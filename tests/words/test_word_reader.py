import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from drawn_pages import LINES, needs_engine
from page_sources import DrawnSource, asked
from PIL import Image

from munseo._errors import UserError
from munseo._words.page_words import NO_WORDS
from munseo._words.reading_settings import ReadingSettings
from munseo._words.word_reader import read_words
from munseo._words.word_sources import StoredPage

OCR = ReadingSettings(text="ocr")


@needs_engine
def test_the_words_are_the_same_for_any_number_of_processes_and_from_the_cache(tmp_path, capfd) -> None:
    log = tmp_path / "log"
    pages = [DrawnSource(number, log, fate="blank" if number == 2 else "") for number in (0, 1, 2, 3, 1)]
    here = read_words(pages, OCR, None, 0, None)
    there = read_words(pages, OCR, tmp_path / "cache", 2, None)
    assert here == there
    # Each key is read once, also if two pages have it.
    assert sorted(asked(log)) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [words.text.split()[:1] for words in here] == [[LINES[n].split()[0]] if n else [] for n in (1, 2, 0, 4, 2)]

    log.unlink()
    assert read_words(pages, OCR, tmp_path / "cache", 2, None) == here
    assert read_words(pages[:1], OCR, tmp_path / "cache", 0, None) == here[:1]
    assert asked(log) == []
    # Other settings are other words.
    read_words(pages[:1], ReadingSettings(text="auto"), tmp_path / "cache", 0, None)
    assert asked(log) == [0]
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from page_sources import DrawnSource
from munseo._words.reading_settings import ReadingSettings
from munseo._words.word_reader import read_words
if __name__ == "__main__":
    pages = [DrawnSource(number, Path({log!r}), slowness_s=0.7) for number in range(12)]
    read_words(pages, ReadingSettings(text="ocr"), Path({cache!r}), 1)
"""


@needs_engine
def test_a_killed_process_goes_on_where_it_was(tmp_path) -> None:
    log, script = tmp_path / "log", tmp_path / "script.py"
    tests = str(Path(__file__).parent)
    script.write_text(SCRIPT.format(tests=tests, log=str(log), cache=str(tmp_path / "cache")))
    process = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    deadline = time.monotonic() + 120
    while len(asked(log)) < 7 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = asked(log)
    assert 7 <= len(before) < 12

    log.unlink()
    pages = [DrawnSource(number, log) for number in range(12)]
    words = read_words(pages, OCR, tmp_path / "cache", 0, None)
    assert all(page.words for page in words)
    # What was read more than a second before the kill is there.
    assert 12 - len(before) <= len(asked(log)) <= 12 - len(before) + 5


@needs_engine
def test_a_page_that_ends_the_process_of_its_engine_has_no_words(tmp_path, capsys) -> None:
    log = tmp_path / "log"
    pages = [DrawnSource(number, log, fate="ends" if number == 1 else "") for number in range(3)]
    words = read_words(pages, OCR, tmp_path / "cache", 1, None)
    assert words[1] == NO_WORDS
    assert words[0].words
    assert words[2].words
    assert "drawn 1" in capsys.readouterr().err.replace("\n", " ")


def test_given_words_need_no_engine_and_no_pixels(tmp_path) -> None:
    log, sidecar = tmp_path / "log", tmp_path / "page.txt"
    sidecar.write_text("from the file")
    pages = [
        DrawnSource(0, log, text="from the table", sidecar=sidecar),
        DrawnSource(1, log, text="  ", sidecar=sidecar),
        DrawnSource(2, log, text="from the table"),
    ]
    settings = ReadingSettings(text="auto", languages=("xyz",))
    words = read_words(pages, settings, tmp_path / "cache", 2)
    assert [(page.text, page.source) for page in words] == [
        ("from the table", "column"),
        ("from the file", "sidecar"),
        ("from the table", "column"),
    ]
    column = read_words([DrawnSource(3, log)], ReadingSettings(text="column"), None, 0)
    assert column[0].words == ()
    assert read_words(pages, ReadingSettings(text="none"), None, 0) == [NO_WORDS] * 3
    assert read_words([], settings, None, 0) == []
    assert asked(log) == []


@needs_engine
def test_a_language_without_data_stops_before_any_page_is_read(tmp_path) -> None:
    log = tmp_path / "log"
    with pytest.raises(UserError, match="no data"):
        read_words([DrawnSource(0, log)], ReadingSettings(languages=("xyz",)), tmp_path / "cache", 0)
    assert asked(log) == []
    assert not (tmp_path / "cache").exists()


@needs_engine
def test_files_are_read_and_those_that_cannot_be_have_no_words(tmp_path) -> None:
    good, bad, log = tmp_path / "good.png", tmp_path / "bad.png", tmp_path / "log"
    Image.fromarray(DrawnSource(0, log).grey()).convert("RGB").save(good)
    bad.write_bytes(b"no image")
    words = read_words([StoredPage("good", good), StoredPage("bad", bad)], OCR, tmp_path / "cache", 0, None)
    assert words[0].words[:2] == ("thank", "you")
    assert words[1] == NO_WORDS
