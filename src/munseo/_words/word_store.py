"""The store of words in the cache folder: one SQLite file for each version of settings, engine and code.

A page is identified by a key of its pixels. SQLite keeps the file whole if the process is killed. A folder that cannot
be written to, or a damaged file, costs nothing but the time to read pages again.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from munseo._console import say
from munseo._data.cache.pack_storage import WORDS, WORDS_SUFFIX
from munseo._words.page_words import PageWords

SECONDS_A_COMMIT = 1.0
"""Words are written to the disk this often; a killed process loses no more."""
SECONDS_TO_WAIT = 30.0
"""How long another process may hold the file while it writes."""
KEYS_A_QUERY = 500
MOST_BYTES = 2**26
"""An entry that claims to be larger is damaged: it would have a million words."""
_HEAD = struct.Struct("<II")  # bytes of the JSON text, number of words


class WordStore:
    """The words of pages that were read before, and of those that are read now; for one thread.

    Args:
        folder: The cache folder.
        version: What ``ReadingSettings.version`` returns.
    """

    def __init__(self, folder: Path, version: str) -> None:
        self.path = folder / WORDS / f"{version}{WORDS_SUFFIX}"
        self._database: sqlite3.Connection | None = None
        self._last_commit = time.monotonic()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            self._database = self._opened()
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)

    def find(self, keys: Sequence[str]) -> dict[str, PageWords]:
        """Return the words of those pages that were read before."""
        found: dict[str, PageWords] = {}
        for start in range(0, len(keys), KEYS_A_QUERY):
            chunk = keys[start : start + KEYS_A_QUERY]
            query = f"SELECT key, words FROM pages WHERE key IN ({','.join('?' * len(chunk))})"
            for key, entry in self._execute(query, chunk):
                if (words := decoded(entry)) is not None:
                    found[key] = words
        return found

    def add(self, key: str, words: PageWords) -> None:
        """Remember the words of a page."""
        self._execute("INSERT OR REPLACE INTO pages VALUES (?, ?)", (key, encoded(words)))
        if self._database is not None and time.monotonic() - self._last_commit >= SECONDS_A_COMMIT:
            self._commit()

    def close(self) -> None:
        """Write what was added, and close the file."""
        self._commit()
        if self._database is not None:
            self._database.close()
            self._database = None

    def _opened(self) -> sqlite3.Connection:
        try:
            return _connection(self.path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, or not writable: not damaged
                raise
            say(f"cache: {self.path} is damaged; its pages are read again")
            self.path.unlink(missing_ok=True)
            return _connection(self.path)

    def _execute(self, query: str, values: Sequence[object]) -> list[tuple[str, bytes]]:
        if self._database is None:
            return []
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _commit(self) -> None:
        self._last_commit = time.monotonic()
        if self._database is not None:
            try:
                self._database.commit()
            except sqlite3.Error as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        say(f"cache: {self.path} cannot be used ({error}); words are not kept")
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None


def _connection(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=SECONDS_TO_WAIT)
    try:
        database.execute("CREATE TABLE IF NOT EXISTS pages (key TEXT PRIMARY KEY, words BLOB NOT NULL) WITHOUT ROWID")
        database.execute("SELECT count(*) FROM (SELECT key FROM pages LIMIT 1)").fetchall()
        database.commit()
    except sqlite3.Error:
        database.close()
        raise
    return database


def encoded(words: PageWords) -> bytes:
    """Return the words of a page as bytes."""
    head = {
        "words": words.words,
        "source": words.source,
        "quarter_turns": words.quarter_turns,
        "mirrored": words.mirrored,
        "pose_certainty": words.pose_certainty,
        "boxes": words.boxes is not None,
        "confidences": words.confidences is not None,
    }
    text = json.dumps(head, ensure_ascii=False).encode("utf-8", "surrogatepass")
    arrays = [array.astype("<f4").tobytes() for array in (words.boxes, words.confidences) if array is not None]
    return zlib.compress(b"".join([_HEAD.pack(len(text), len(words.words)), text, *arrays]))


def decoded(entry: bytes) -> PageWords | None:
    """Return the words from their bytes; None if these are not what ``encoded`` makes."""
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(entry, MOST_BYTES)
        length, count = _HEAD.unpack_from(data)
        head = json.loads(data[_HEAD.size : _HEAD.size + length].decode("utf-8", "surrogatepass"))
        numbers = np.frombuffer(data, "<f4", offset=_HEAD.size + length).astype(np.float32)
        widths = 4 * head.pop("boxes"), int(head.pop("confidences"))
        if not unpacker.eof or len(head["words"]) != count or len(numbers) != count * sum(widths):
            return None
        boxes = numbers[: 4 * count].reshape(count, 4) if widths[0] else None
        confidences = numbers[len(numbers) - count :] if widths[1] else None
        return PageWords(tuple(head.pop("words")), boxes, confidences, **head)
    except (zlib.error, struct.error, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
