"""Joining: the parts of all shards become one table, in the order of the inputs, with a few parts in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from munseo._console import say
from munseo._errors import UserError
from munseo._prediction.combination import all_weights_sha256
from munseo._prediction.parts_folder import ERROR, PLACE, PartsFolder, Shard, differences, parts_dir, shards_begun
from munseo._run import RunFolder
from munseo._run.atomic import replacing

ROWS_A_GROUP = 65_536
"""Rows of a row group of the joined file."""
METADATA = b"munseo.predictions"
"""Metadata key of the joined file with the plan that its shards share."""
_OWN = ("format", "shard", "num_own", "inputs")
"""Entries of a plan in which shards may differ: a folder may have another path on another machine."""


def join_shards(run: RunFolder, output: Path) -> Path:
    """Join the shards of a run's prediction into the file that every shard was given, in the order of the inputs.

    Raises:
        UserError: Shards are missing or unfinished, all of them named; or they do not belong together, or to the run.
    """
    weights = all_weights_sha256(run)
    for shard in shards_begun(output):
        plan = PartsFolder.of(output, shard).read_plan()
        if plan is not None and plan["weights_sha256"] != weights:
            raise UserError(
                f"{output}: shard {shard} was predicted by other weights than those of {run.path}; name its run."
            )
    return join_parts(output)


def join_if_complete(output: Path, own: Shard) -> Path:
    """Join the shards and return the file; if some are missing, print it and return the folder of this one's parts."""
    lines = missing_shards(output)
    if not lines:
        return join_parts(output)
    say(f"shard {own} is done; {len(lines)} of {own.count} are not. The last one joins them, or --join does.")
    return PartsFolder.of(output, own).path


def missing_shards(output: Path) -> list[str]:
    """Return what has to be done before the shards can be joined, one line for each shard.

    Raises:
        UserError: No shard has begun, or there are shards of different counts, files, weights or settings.
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


def join_parts(output: Path) -> Path:
    """Write the joined table, as a whole or not at all, and return its file.

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
    with replacing(output) as temporary:
        try:
            for group in _grouped(_merged(folders)):
                rows = group.drop_columns([PLACE]).replace_schema_metadata({METADATA: about})
                writer = writer or pq.ParquetWriter(temporary, rows.schema, compression="zstd")
                writer.write_table(rows, row_group_size=ROWS_A_GROUP)
                num_rows += rows.num_rows
                num_errors += rows.num_rows - rows[ERROR].null_count
        finally:
            if writer is not None:
                writer.close()
    unreadable = f", {num_errors:,} of them unreadable: see the column error" if num_errors else ""
    say(f"predictions: {output} ({num_rows:,} pages{unreadable})")
    return output


def _merged(folders: list[PartsFolder]) -> Iterator[pa.Table]:
    """Yield rows in the order of their files, as far as the parts in memory of all shards reach, and so on."""
    readers = [folder.read_parts(folder.done().num_parts) for folder in folders]
    parts = [next(reader, None) for reader in readers]
    while reached := [int(rows[PLACE][-1].as_py()) for rows in parts if rows is not None]:
        taken: list[pa.Table] = []
        for number, rows in enumerate(parts):
            if rows is not None:
                count = int(np.searchsorted(rows[PLACE].to_numpy(), min(reached), side="right"))
                taken.append(rows.slice(0, count))
                parts[number] = rows.slice(count) if count < rows.num_rows else next(readers[number], None)
        together = pa.concat_tables(taken)
        # All pages of a file come from one shard, in order, and stay so.
        yield together.take(np.argsort(together[PLACE].to_numpy(), kind="stable"))


def _grouped(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the same rows in tables that are large enough for a row group."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(rows.num_rows for rows in waiting) >= ROWS_A_GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def refuse_strangers(output: Path, shard: Shard, plan: dict[str, Any]) -> None:
    """Make sure that a shard was given the same files, weights and settings as those that have begun.

    Raises:
        UserError: A shard that has begun differs from this plan, or is one of another count.
    """
    problems = []
    for begun in shards_begun(output):
        known = PartsFolder.of(output, begun).read_plan()
        if known is None or begun == shard:
            continue
        if begun.count != shard.count:
            problems.append(f"shard {begun} has begun already")
            continue
        changes = differences(*({k: v for k, v in entries.items() if k not in _OWN} for entries in (known, plan)))
        problems += [f"{name}: {a} in shard {begun}, {b} in shard {shard}" for name, a, b in changes]
    if problems:
        advice = f"delete {parts_dir(output)}, or choose another output"
        raise UserError(f"{output}: shard {shard} does not belong to what has been done; {advice}.", problems)
