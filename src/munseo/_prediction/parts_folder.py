"""The folder of a shard's parts: rows that are on the disk are done, whatever happened to the process that wrote them.

``<output>.parts/shard-003-of-016/`` holds what the shard has to do (``plan.json``, ``listing.parquet``) and what is
done (``part-000000.parquet`` …). A part ends with the last page of a file, and its metadata names its files.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from munseo._errors import UserError
from munseo._run.atomic import replacing, write_json

FORMAT = 1
"""Format of a plan; a reader refuses every other."""
_FILES = b"munseo.files"
"""Metadata key of a part that names its files."""
PLACE = "place"
"""Column of a part that a joined table lacks: the file's index among those of all shards."""
ERROR = "error"
"""Column with the reason why a page could not be read."""


@dataclass(frozen=True)
class Shard:
    """The files of one process: those whose index, counted from 0, leaves ``number`` when divided by ``count``."""

    number: int = 0
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def folder_name(self) -> str:
        """The name of the folder of its parts."""
        return f"shard-{self.number:03d}-of-{self.count:03d}"

    def has(self, index: int) -> bool:
        """Return whether the file with this index among all files belongs to the shard."""
        return index % self.count == self.number

    def index_of(self, own_index: int) -> int:
        """Return the index among all files of the file with this index in the shard."""
        return own_index * self.count + self.number


def parse_shard(text: str) -> Shard:
    """Read a shard such as ``3/16``; shards are counted from 0.

    Raises:
        UserError: The text is no such pair.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if match is None or not int(match[1]) < int(match[2]):
        raise UserError(f"shard: {text!r} is not allowed; of 16 shards they are 0/16, 1/16 … 15/16.")
    return Shard(int(match[1]), int(match[2]))


def launched_shard() -> Shard:
    """Return the shard of this process among those that a launcher such as torchrun started, or 0/1 without one."""
    rank, world = os.environ.get("RANK", ""), os.environ.get("WORLD_SIZE", "")
    return parse_shard(f"{rank}/{world}") if rank.isdigit() and world.isdigit() else Shard()


@dataclass(frozen=True)
class Done:
    """The finished work in a folder: the parts without a gap, the files in them, and the pages of these files."""

    num_parts: int
    num_sources: int
    num_rows: int


@dataclass(frozen=True)
class PartsFolder:
    """The folder of the parts of one shard."""

    path: Path

    @staticmethod
    def of(output: Path, shard: Shard) -> PartsFolder:
        """Return the folder of a shard of an output."""
        return PartsFolder(parts_dir(output) / shard.folder_name)

    @property
    def plan_file(self) -> Path:
        """The file that describes what the shard has to do."""
        return self.path / "plan.json"

    @property
    def listing_file(self) -> Path:
        """The list of the shard's files in their order."""
        return self.path / "listing.parquet"

    @property
    def stdin_file(self) -> Path:
        """The copy of what came from standard input."""
        return self.path / "stdin.txt"

    def part_file(self, number: int) -> Path:
        """Return the file of one part."""
        return self.path / f"part-{number:06d}.parquet"

    def read_plan(self) -> dict[str, Any] | None:
        """Read the plan; None where the shard has not begun."""
        if not self.plan_file.is_file():
            return None
        try:
            plan = json.loads(self.plan_file.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{self.plan_file}: not valid JSON ({error}); delete {self.path} and begin anew.") from None
        if not isinstance(plan, dict) or plan.get("format") != FORMAT:
            raise UserError(f"{self.plan_file}: written by another version; delete {self.path} and begin anew.")
        return plan

    def write_plan(self, plan: dict[str, Any]) -> None:
        """Write the plan; with it the shard has begun."""
        write_json(self.plan_file, {"format": FORMAT, **plan})

    def done(self) -> Done:
        """Return which files are predicted. A part after a gap does not count; it is written again."""
        number = sources = rows = 0
        while self.part_file(number).is_file():
            first, after, num_rows = _read_files(self.part_file(number))
            if first != sources:
                break
            number, sources, rows = number + 1, after, rows + num_rows
        return Done(number, sources, rows)

    def write_part(self, number: int, rows: pa.Table, first: int, after: int) -> None:
        """Write a part whole or not at all: all pages of the files ``first`` to ``after`` - 1 of this shard's list."""
        files = json.dumps({"first": first, "after": after}).encode()
        with replacing(self.part_file(number)) as temporary:
            pq.write_table(rows.replace_schema_metadata({_FILES: files}), temporary, compression="zstd")

    def read_parts(self, num_parts: int) -> Iterator[pa.Table]:
        """Yield the rows of each part in turn."""
        for number in range(num_parts):
            yield pq.read_table(self.part_file(number)).replace_schema_metadata(None)


def parts_dir(output: Path) -> Path:
    """Return the folder of all parts of an output."""
    return output.with_name(f"{output.name}.parts")


def shards_begun(output: Path) -> list[Shard]:
    """Return the shards that have a plan, in their order."""
    shards = []
    for plan in parts_dir(output).glob("shard-*-of-*/plan.json"):
        number, _, count = plan.parent.name.removeprefix("shard-").partition("-of-")
        if number.isdigit() and count.isdigit() and int(number) < int(count):
            shards.append(Shard(int(number), int(count)))
    return sorted(shards, key=lambda shard: (shard.count, shard.number))


def differences(plan_a: dict[str, Any], plan_b: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the entries in which two plans differ: name, and both values as text."""
    entries = []
    for key in {**plan_a, **plan_b}:
        first, second = plan_a.get(key), plan_b.get(key)
        if isinstance(first, dict) and isinstance(second, dict):
            entries += differences(first, second)
        elif first != second:
            entries.append((key, _shown(first), _shown(second)))
    return entries


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _read_files(part: Path) -> tuple[int, int, int]:
    """Return the index of the first file, that of the file after the last one, and the number of rows."""
    try:
        content = pq.read_metadata(part)
        files = json.loads(content.metadata[_FILES])
        return int(files["first"]), int(files["after"]), int(content.num_rows)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{part}: is damaged ({str(error).splitlines()[0]}); delete it, and it is made again."
        ) from None
