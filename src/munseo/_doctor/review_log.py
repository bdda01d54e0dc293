"""``review.csv``: what people decided about pages, row after row; nothing in it is ever changed.

A decision is on the disk before it is acknowledged. Several people may decide at once: whoever has not seen the latest
decision about a page is told of it instead of overruling it unknowingly.
"""

from __future__ import annotations

import csv
import io
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from munseo._data.image_finder import nfc
from munseo._errors import UserError
from munseo._run.run_lock import lock
from munseo._spreadsheet import inert_cell, original_cell

COLUMNS = ("number", "decided_at", "reviewer", "part", "ID", "target", "action", "new_target", "undoes")
DECISIONS = ("keep", "relabel", "drop", "skip")
UNDO = "undo"


@dataclass(frozen=True)
class Decision:
    """A row.

    Attributes:
        number: From 1, in the order of the file.
        decided_at: UTC, ISO 8601.
        reviewer: Who.
        part: ``train`` or ``val``.
        id: Of the page.
        target: Its label as the reviewer saw it.
        action: One of ``DECISIONS``, or ``undo``.
        new_target: The label of a ``relabel``.
        undoes: Number of the row that an ``undo`` takes back, else 0.
    """

    number: int
    decided_at: str
    reviewer: str
    part: str
    id: str
    target: str
    action: str
    new_target: str = ""
    undoes: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """The page that it is about."""
        return self.part, self.id


class Overtaken(Exception):  # noqa: N818 (news, not a fault)
    """Someone has decided about this page in the meantime."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"{decision.reviewer} decided about {decision.id} in the meantime")
        self.decision = decision


class ReviewLog:
    """The log, for any number of threads and processes.

    Args:
        path: The CSV; it is made by the first decision.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread_lock = threading.Lock()
        self._known: list[Decision] = []
        self._offset = 0
        self._identity: tuple[int, int] = (0, 0)

    def read(self) -> list[Decision]:
        """All decisions; a last row that a kill has cut is none.

        Raises:
            UserError: Rows in the file are no decisions, all of them named.
        """
        with self._thread_lock:
            if not self.path.exists():
                return []
            with self.path.open("rb") as file:
                self._catch_up(file)
            return list(self._known)

    def current(self) -> dict[tuple[str, str], Decision]:
        """Part and ID of a page to what is decided about it: the last decision that nobody has taken back."""
        return in_force(self.read())

    def decide(
        self, reviewer: str, part: str, page_id: str, target: str, action: str, new_target: str = "", *, seen: int = 0
    ) -> Decision:
        """Write a decision.

        Args:
            reviewer: Who decides.
            part: ``train`` or ``val``.
            page_id: ID of the page.
            target: Its label, as the reviewer sees it.
            action: One of ``DECISIONS``.
            new_target: The new label of a ``relabel``.
            seen: Number of the decision about this page that the reviewer knows of, 0 for none.

        Raises:
            Overtaken: There is another one by now; nothing was written.
            UserError: No such action, a relabel without a label, or the file is damaged.
        """
        if action not in DECISIONS:
            raise UserError(f"action: {action!r} is not allowed; should be {', '.join(DECISIONS)}.")
        if (action == "relabel") != bool(new_target):
            raise UserError("new_target: a relabel needs one, and nothing else has one.")
        with self._writing() as file:
            now = in_force(self._known).get((part, nfc(page_id)))
            if now is not None and now.number != seen:
                raise Overtaken(now)
            return self._append(file, reviewer, part, nfc(page_id), target, action, new_target)

    def undo(self, reviewer: str, number: int) -> Decision:
        """Take a decision back; the one before it is in force again.

        Raises:
            Overtaken: There is a newer one about the same page; nothing was written.
            UserError: There is no such decision in force, or it is someone else's.
        """
        with self._writing() as file:
            about = next((one for one in self._known if one.number == number and one.action != UNDO), None)
            now = in_force(self._known).get(about.key) if about else None
            if about is None or now is None or now.number < number:
                raise UserError(f"{self.path.name}: decision {number} is not in force, so it cannot be undone.")
            if now.number != number:
                raise Overtaken(now)
            if about.reviewer != reviewer:
                raise UserError(f"{self.path.name}: decision {number} is {about.reviewer}'s; only they can undo it.")
            return self._append(file, reviewer, about.part, about.id, about.target, UNDO, "", number)

    @contextmanager
    def _writing(self) -> Iterator[BinaryIO]:
        """The file, for this writer alone, with all of it read."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._thread_lock, self.path.open("a+b") as file:
            lock(file, wait=True)
            self._catch_up(file)
            self._mend(file)
            yield file

    def _append(self, file: BinaryIO, *values: str | int) -> Decision:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        number = self._known[-1].number + 1 if self._known else 1
        decision = Decision(number, now, *values)  # type: ignore[arg-type]
        lines = [_line(COLUMNS)] if self._offset == 0 else []
        file.write(b"".join([*lines, _line([inert_cell(str(value)) for value in astuple(decision)])]))
        file.flush()
        os.fsync(file.fileno())
        self._known.append(decision)
        self._offset = file.seek(0, os.SEEK_END)
        return decision

    def _catch_up(self, file: BinaryIO) -> None:
        """Read what has come since."""
        found = os.fstat(file.fileno())
        identity = (found.st_dev, found.st_ino)
        if identity != self._identity or found.st_size < self._offset:
            self._known, self._offset, self._identity = [], 0, identity
        file.seek(self._offset)
        new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        rows = list(csv.reader(io.StringIO(whole.decode("utf-8", "replace"), newline="")))
        if self._offset == 0 and rows:
            self._check_head(rows.pop(0))
        self._known += self._decisions(rows)
        self._offset += len(whole)

    def _mend(self, file: BinaryIO) -> None:
        """Put a row that was cut aside, so that the next one begins on a line of its own."""
        file.seek(self._offset)
        if torn := file.read():
            with self.path.with_name(f"{self.path.name}.torn").open("ab") as aside:
                aside.write(torn + b"\n")
            file.truncate(self._offset)

    def _check_head(self, head: Sequence[str]) -> None:
        if tuple(head) != COLUMNS:
            raise UserError(f"{self.path}: its columns should be {', '.join(COLUMNS)}; is it a review of Munseo?")

    def _decisions(self, rows: Sequence[Sequence[str]]) -> list[Decision]:
        found, problems = [], []
        number = self._known[-1].number if self._known else 0
        for row in rows:
            decision = _decision(row, number + 1)
            if decision is None:
                problems.append(f"decision {number + 1}: {','.join(row)[:120]}")
            else:
                found.append(decision)
            number += 1
        if problems:
            raise UserError(f"{self.path}: rows that are no decisions; restore the file from a copy.", problems)
        return found


def in_force(decisions: Sequence[Decision]) -> dict[tuple[str, str], Decision]:
    """Part and ID of a page to the last decision about it that is not undone."""
    undone = {one.undoes for one in decisions if one.action == UNDO}
    return {one.key: one for one in decisions if one.action != UNDO and one.number not in undone}


def _line(values: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    # A line break in a name would be two lines, and half of a decision.
    csv.writer(text, lineterminator="\n").writerow([" ".join(value.splitlines()) for value in values])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _decision(row: Sequence[str], number: int) -> Decision | None:
    if len(row) != len(COLUMNS):
        return None
    values = dict(zip(COLUMNS, map(original_cell, row), strict=True))
    if values["number"] != str(number) or values["action"] not in (*DECISIONS, UNDO) or not values["undoes"].isdigit():
        return None
    return Decision(
        number, values["decided_at"], values["reviewer"], values["part"], nfc(values["ID"]), values["target"],
        values["action"], values["new_target"], int(values["undoes"]),
    )  # fmt: skip
