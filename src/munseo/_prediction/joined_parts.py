"""Joining: the parts of all shards become one table, in the order of the inputs, with a few parts in memory.

The ending of the output chooses the kind of table (``table_files.py``).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from munseo._console import say
from munseo._errors import UserError
from munseo._prediction.combination import all_weights_sha256
from munseo._prediction.parts_folder import ERROR, PLACE, PartsFolder, Shard, differences, parts_dir, shards_begun
from munseo._prediction.prediction_rows import NEEDS_PERSON, RAW, raw_probabilities
from munseo._prediction.table_files import ROWS_A_GROUP, table_file
from munseo._run import RunFolder

MOST_RAW = 200_000
"""Pages above which no score is estimated: their probabilities would fill the memory."""
SHOWN = 5
"""Unreadable pages that are named; the column ``error`` has all of them."""
_OWN = ("format", "shard", "num_own", "inputs")
"""Entries of a plan in which shards may differ: a folder may have another path on another machine."""


@dataclass(frozen=True)
class JoinedTable:
    """What a joined table holds.

    Attributes:
        file: The file.
        num_rows: Number of pages.
        num_sure: Number of pages that need no person; None where no threshold was asked for.
        raw: Probabilities of the readable pages before calibration, float32 (N, num_classes); None where the parts do
            not keep them, or there are more than ``MOST_RAW``.
    """

    file: Path
    num_rows: int
    num_sure: int | None
    raw: np.ndarray | None


def join_shards(run: RunFolder, output: Path, excel: bool = False) -> Path:
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
    return join_parts(output, excel).file


def join_if_complete(output: Path, own: Shard, excel: bool = False) -> JoinedTable | None:
    """Join the shards and return the table; if some are missing, print which ones and return None."""
    lines = missing_shards(output)
    if not lines:
        return join_parts(output, excel)
    say(f"shard {own} is done; {len(lines)} of {own.count} are not. The last one joins them, or --join does.")
    return None


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


def join_parts(output: Path, excel: bool = False) -> JoinedTable:
    """Write the joined table, as a whole or not at all.

    Args:
        output: The file that every shard was given.
        excel: Whether a CSV is for Excel.

    Raises:
        UserError: Shards are missing or unfinished, all of them named; or they do not belong together.
    """
    lines = missing_shards(output)
    if lines:
        raise UserError(f"{parts_dir(output)}: {len(lines)} shards are not complete; predict these first:", lines)
    folders = [PartsFolder.of(output, shard) for shard in shards_begun(output)]
    plan = folders[0].read_plan()
    assert plan is not None
    about = json.dumps({key: value for key, value in plan.items() if key not in _OWN}, ensure_ascii=False)
    num_rows = num_sure = 0
    errors = _Errors()
    raw: list[np.ndarray] = []
    with table_file(output, about, excel) as file:
        for group in _grouped(_merged(folders)):
            num_rows += group.num_rows
            errors.count(group)
            if NEEDS_PERSON in group.column_names:
                num_sure += group.num_rows - int(np.count_nonzero(group[NEEDS_PERSON].to_numpy()))
            if RAW in group.column_names and num_rows <= MOST_RAW:
                raw.append(raw_probabilities(group))
            file.write(group.drop_columns([name for name in (PLACE, RAW) if name in group.column_names]))
    say(f"predictions: {output} ({num_rows:,} pages{errors})")
    has_threshold = plan["settings"].get("needs_person_below") is not None
    return JoinedTable(
        output,
        num_rows,
        num_sure if has_threshold else None,
        np.concatenate(raw) if raw and num_rows <= MOST_RAW else None,
    )


def unreadable_pages(output: Path) -> list[str]:
    """Return a line for every page of a complete output that cannot be read, with the reason."""
    folders = [PartsFolder.of(output, shard) for shard in shards_begun(output)]
    return [
        f"{page_id}: {error}"
        for rows in _merged(folders)
        for page_id, error in zip(rows["ID"].to_pylist(), rows[ERROR].to_pylist(), strict=True)
        if error is not None
    ]


def remove_parts(output: Path) -> None:
    """Remove the parts of an output."""
    shutil.rmtree(parts_dir(output), ignore_errors=True)


class _Errors:
    """Counts the pages that cannot be read, and remembers the first ones."""

    def __init__(self) -> None:
        self.number = 0
        self._first: list[str] = []

    def count(self, rows: pa.Table) -> None:
        number = rows.num_rows - rows[ERROR].null_count
        if number and len(self._first) < SHOWN:
            self._first += rows.filter(rows[ERROR].is_valid())["ID"].slice(0, SHOWN - len(self._first)).to_pylist()
        self.number += number

    def __str__(self) -> str:
        """What the line about the predictions adds."""
        if not self.number:
            return ""
        names = ", ".join(self._first) + (", …" if self.number > len(self._first) else "")
        return f", {self.number:,} of them unreadable: see the column error ({names})"


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
