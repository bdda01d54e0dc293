"""The parts of all shards as one table, in the order of the inputs, with a few parts at a time in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from munseo._data.stream.parts_folder import ERROR, PLACE, PartsFolder, differences, parts_dir, shards_begun
from munseo._data.stream.shard import Shard
from munseo._errors import UserError
from munseo._run.atomic import replacing

ROWS_A_GROUP = 65_536
METADATA = b"munseo.predictions"
_OWN = ("format", "shard", "num_own", "inputs")
"""Entries of a plan in which shards may differ: a folder may have another path on another machine."""


def missing_shards(output: Path) -> list[str]:
    """What has to be done before the shards can be joined, a line for each.

    Raises:
        UserError: No shard has begun, or shards of different counts, files, weights or settings lie there.
    """
    begun = shards_begun(output)
    if not begun:
        raise UserError(f"{parts_dir(output)}: no parts there; predict with -o {output} first.")
    count = begun[0].count
    lines = []
    for shard in (Shard(number, count) for number in range(count)):
        folder = PartsFolder.of(output, shard)
        plan = folder.read_plan()
        if plan is None:
            lines.append(f"shard {shard}: has not begun")
            continue
        refuse_strangers(output, shard, plan)
        done = folder.done().num_sources
        if done < plan["num_own"]:
            lines.append(f"shard {shard}: {done:,} of {plan['num_own']:,} files are done")
    return lines


def join_parts(output: Path) -> tuple[int, int]:
    """Write the joined table whole or not at all.

    Returns:
        The number of rows, and how many of them have an error.

    Raises:
        UserError: Shards are missing or unfinished, all of them named; or they do not belong together.
    """
    lines = missing_shards(output)
    if lines:
        raise UserError(f"{parts_dir(output)}: {len(lines)} shards are not complete; predict these first:", lines)
    folders = [PartsFolder.of(output, shard) for shard in shards_begun(output)]
    plan = folders[0].read_plan()
    assert plan is not None
    about = json.dumps({key: value for key, value in plan.items() if key not in _OWN}, ensure_ascii=False).encode()
    num_rows = num_errors = 0
    writer: pq.ParquetWriter | None = None
    with replacing(output) as beside:
        try:
            for group in _grouped(_merged([_Reader(folder) for folder in folders])):
                rows = group.drop_columns([PLACE]).replace_schema_metadata({METADATA: about})
                writer = writer or pq.ParquetWriter(beside, rows.schema, compression="zstd")
                writer.write_table(rows, row_group_size=ROWS_A_GROUP)
                num_rows += rows.num_rows
                num_errors += rows.num_rows - rows[ERROR].null_count
        finally:
            if writer is not None:
                writer.close()
    return num_rows, num_errors


class _Reader:
    """The rows of one shard, a part at a time."""

    def __init__(self, folder: PartsFolder) -> None:
        self._parts = folder.read_parts(folder.done().num_parts)
        self.rows: pa.Table | None = None
        self.refill()

    def refill(self) -> None:
        """Go on to the next part, if this one has been used up."""
        while self.rows is None or self.rows.num_rows == 0:
            self.rows = next(self._parts, None)
            if self.rows is None:
                return

    @property
    def last_place(self) -> int:
        assert self.rows is not None
        return int(self.rows[PLACE][-1].as_py())

    def take(self, place: int) -> pa.Table:
        """The rows up to this place."""
        assert self.rows is not None
        places = self.rows[PLACE].to_numpy()
        count = int(np.searchsorted(places, place, side="right"))
        taken, self.rows = self.rows.slice(0, count), self.rows.slice(count)
        self.refill()
        return taken


def _merged(readers: list[_Reader]) -> Iterator[pa.Table]:
    """Rows in the order of their files' places: as far as every shard's part at hand reaches, then on."""
    while open_readers := [reader for reader in readers if reader.rows is not None]:
        place = min(reader.last_place for reader in open_readers)
        rows = pa.concat_tables([reader.take(place) for reader in open_readers])
        # All pages of a file come from one shard, in order, and stay so.
        yield rows.take(np.argsort(rows[PLACE].to_numpy(), kind="stable"))


def _grouped(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows, in groups that are worth a row group."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(rows.num_rows for rows in waiting) >= ROWS_A_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def refuse_strangers(output: Path, shard: Shard, plan: dict[str, Any]) -> None:
    """Shards belong together where they were given the same files, weights and settings.

    Raises:
        UserError: A shard that has begun differs from this plan, or is one of another count.
    """
    problems = []
    for other in shards_begun(output):
        theirs = PartsFolder.of(output, other).read_plan()
        if theirs is None or other == shard:
            continue
        if other.count != shard.count:
            problems.append(f"shard {other} has begun already")
            continue
        found = differences(*({k: v for k, v in some.items() if k not in _OWN} for some in (theirs, plan)))
        problems += [f"{name}: {a} in shard {other}, {b} in shard {shard}" for name, a, b in found]
    if problems:
        advice = f"delete {parts_dir(output)}, or choose another output"
        raise UserError(f"{output}: shard {shard} does not belong to what has been done; {advice}.", problems)
