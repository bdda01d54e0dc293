"""Rows on the disk, part by part: what is there is done, whatever happened to the process that wrote it.

``<output>.parts/shard-003-of-016/`` holds what the shard is to do (``plan.json``, ``listing.parquet``) and what is done
(``part-000000.parquet`` …). A part ends with the last page of a file, and says in its metadata which files it holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from munseo._data.stream.shard import Shard
from munseo._errors import UserError
from munseo._run.atomic import replacing, write_json

FORMAT = 1
_FILES = b"munseo.files"
PLACE = "place"
"""Column of a part that a joined table lacks: the file's place among those of all shards."""
ERROR = "error"
"""Column with the reason why a page could not be read."""


@dataclass(frozen=True)
class Done:
    """What lies in a folder of parts.

    Attributes:
        num_parts: Parts that follow each other without a gap.
        num_sources: Files in them, from the first on.
        num_rows: Pages of these files.
    """

    num_parts: int
    num_sources: int
    num_rows: int


@dataclass(frozen=True)
class PartsFolder:
    """The parts of one shard."""

    path: Path

    @staticmethod
    def of(output: Path, shard: Shard) -> PartsFolder:
        """Where a shard of an output has its parts."""
        return PartsFolder(parts_dir(output) / shard.folder_name)

    @property
    def plan_file(self) -> Path:
        """What the shard is to do."""
        return self.path / "plan.json"

    @property
    def listing_file(self) -> Path:
        """The shard's files in their order."""
        return self.path / "listing.parquet"

    @property
    def stdin_file(self) -> Path:
        """What came from standard input."""
        return self.path / "stdin.txt"

    def part_file(self, number: int) -> Path:
        """One part."""
        return self.path / f"part-{number:06d}.parquet"

    def read_plan(self) -> dict[str, Any] | None:
        """The plan, or None where the shard has not begun."""
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
        """Begin."""
        write_json(self.plan_file, {"format": FORMAT, **plan})

    def done(self) -> Done:
        """Which files are predicted. A part after a gap does not count: it is written again."""
        number = sources = rows = 0
        while self.part_file(number).is_file():
            first, after, num_rows = _read_files(self.part_file(number))
            if first != sources:
                break
            number, sources, rows = number + 1, after, rows + num_rows
        return Done(number, sources, rows)

    def write_part(self, number: int, rows: pa.Table, first: int, after: int) -> None:
        """Write a part whole or not at all.

        Args:
            number: Of the part.
            rows: All pages of the files ``first`` to ``after`` - 1 of this shard's list.
            first: Index of the first file.
            after: Index of the file behind the last.
        """
        files = json.dumps({"first": first, "after": after}).encode()
        with replacing(self.part_file(number)) as beside:
            pq.write_table(rows.replace_schema_metadata({_FILES: files}), beside, compression="zstd")

    def read_parts(self, num_parts: int) -> Iterator[pa.Table]:
        """The rows of each part in turn."""
        for number in range(num_parts):
            yield pq.read_table(self.part_file(number)).replace_schema_metadata(None)


def parts_dir(output: Path) -> Path:
    """Where the parts of an output lie."""
    return output.with_name(f"{output.name}.parts")


def shards_begun(output: Path) -> list[Shard]:
    """Shards that have a plan, in their order."""
    found = []
    for plan in parts_dir(output).glob("shard-*-of-*/plan.json"):
        number, _, count = plan.parent.name.removeprefix("shard-").partition("-of-")
        if number.isdigit() and count.isdigit() and int(number) < int(count):
            found.append(Shard(int(number), int(count)))
    return sorted(found, key=lambda shard: (shard.count, shard.number))


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What two plans differ in: name, and both values as text."""
    found = []
    for key in {**one, **other}:
        first, second = one.get(key), other.get(key)
        if isinstance(first, dict) and isinstance(second, dict):
            found += differences(first, second)
        elif first != second:
            found.append((key, _shown(first), _shown(second)))
    return found


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _read_files(part: Path) -> tuple[int, int, int]:
    """First file, file after the last, number of rows."""
    try:
        content = pq.read_metadata(part)
        files = json.loads(content.metadata[_FILES])
        return int(files["first"]), int(files["after"]), int(content.num_rows)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{part}: is damaged ({str(error).splitlines()[0]}); delete it, and it is made again."
        ) from None
