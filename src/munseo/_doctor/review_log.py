"""``review.csv``: the decisions of people about pages, one in each row; rows are only added and never changed.

A decision is on the disk before it is acknowledged. Several people may decide at once: someone who has not seen the
latest decision about a page is shown it, instead of overruling it unknowingly.
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
"""The columns of the file."""

DECISIONS = ("keep", "relabel", "drop", "skip")  # what a person may decide about a page
UNDO = "undo"  # the action of a row that takes back another row


@dataclass(frozen=True)
class Decision:
    """One row of the log."""

    number: int  # number of the row, from 1
    decided_at: str  # UTC, in ISO 8601
    reviewer: str  # name of the person who decided
    part: str  # ``train`` or ``val``
    id: str  # ID of the page
    target: str  # label as the reviewer saw it
    action: str  # one of ``DECISIONS``, or ``undo``
    new_target: str = ""  # new label of a ``relabel``
    undoes: int = 0  # number of the row that an ``undo`` takes back, otherwise 0

    @property
    def key(self) -> tuple[str, str]:
        """The split and the ID of the page."""
        return self.part, self.id


class Overtaken(Exception):  # noqa: N818 (it is not an error)
    """Raised when someone else has decided about the page in the meantime."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"{decision.reviewer} decided about {decision.id} in the meantime")
        self.decision = decision


class ReviewLog:
    """The log of decisions; any number of threads and processes may use it at once.

    Args:
        path: The CSV, which the first decision creates.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread_lock = threading.Lock()
        self._known: list[Decision] = []
        self._offset = 0
        self._identity: tuple[int, int] = (0, 0)

    def read(self) -> list[Decision]:
        """Return all decisions; an incomplete last row, which a killed process has left, is ignored.

        Raises:
            UserError: Rows of the file are not decisions; all of them are named.
        """
        with self._thread_lock:
            if not self.path.exists():
                return []
            with self.path.open("rb") as file:
                self._catch_up(file)
            return list(self._known)

    def current(self) -> dict[tuple[str, str], Decision]:
        """Return the valid decision about each page, by split and ID: the last one that nobody has taken back."""
        return in_force(self.read())

    def decide(
        self, reviewer: str, part: str, page_id: str, target: str, action: str, new_target: str = "", *, seen: int = 0
    ) -> Decision:
        """Write a decision.

        Args:
            reviewer: The name of the person who decides.
            part: The split of the page, ``train`` or ``val``.
            page_id: The ID of the page.
            target: The label of the page as the reviewer sees it.
            action: One of ``DECISIONS``.
            new_target: The new label of a ``relabel``.
            seen: The number of the decision about this page that the reviewer knows, 0 for none.

        Raises:
            Overtaken: There is a newer decision; nothing was written.
            UserError: The action is unknown, a relabel has no label, or the file is damaged.
        """
        if action not in DECISIONS:
            raise UserError(f"action: {action!r} is not allowed; should be {', '.join(DECISIONS)}.")
        if (action == "relabel") != bool(new_target):
            raise UserError("new_target: a relabel needs one, and nothing else has one.")
        with self._writing() as file:
            latest = in_force(self._known).get((part, nfc(page_id)))
            if latest is not None and latest.number != seen:
                raise Overtaken(latest)
            return self._append(file, reviewer, part, nfc(page_id), target, action, new_target)

    def undo(self, reviewer: str, number: int) -> Decision:
        """Take back a decision; the one before it is valid again.

        Raises:
            Overtaken: There is a newer decision about the same page; nothing was written.
            UserError: There is no such valid decision, or someone else made it.
        """
        with self._writing() as file:
            made = next((known for known in self._known if known.number == number and known.action != UNDO), None)
            latest = in_force(self._known).get(made.key) if made else None
            if made is None or latest is None or latest.number < number:
                raise UserError(f"{self.path.name}: decision {number} is not in force, so it cannot be undone.")
            if latest.number != number:
                raise Overtaken(latest)
            if made.reviewer != reviewer:
                raise UserError(f"{self.path.name}: decision {number} is {made.reviewer}'s; only they can undo it.")
            return self._append(file, reviewer, made.part, made.id, made.target, UNDO, "", number)

    @contextmanager
    def _writing(self) -> Iterator[BinaryIO]:
        """Open the file for this writer only, after reading all of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._thread_lock, self.path.open("a+b") as file:
            lock(file, wait=True)
            self._catch_up(file)
            self._set_aside_torn_row(file)
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
        """Read what was added since the last time."""
        status = os.fstat(file.fileno())
        identity = (status.st_dev, status.st_ino)
        if identity != self._identity or status.st_size < self._offset:
            self._known, self._offset, self._identity = [], 0, identity
        file.seek(self._offset)
        new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        rows = list(csv.reader(io.StringIO(whole.decode("utf-8", "replace"), newline="")))
        if self._offset == 0 and rows and tuple(rows.pop(0)) != COLUMNS:
            raise UserError(f"{self.path}: its columns should be {', '.join(COLUMNS)}; is it a review of Munseo?")
        self._known += self._decisions(rows)
        self._offset += len(whole)

    def _set_aside_torn_row(self, file: BinaryIO) -> None:
        """Move an incomplete last row to another file, so that the next one starts on a new line."""
        file.seek(self._offset)
        if torn := file.read():
            with self.path.with_name(f"{self.path.name}.torn").open("ab") as aside:
                aside.write(torn + b"\n")
            file.truncate(self._offset)

    def _decisions(self, rows: Sequence[Sequence[str]]) -> list[Decision]:
        found, problems = [], []
        for number, row in enumerate(rows, self._known[-1].number + 1 if self._known else 1):
            decision = _decision(row, number)
            if decision is None:
                problems.append(f"decision {number}: {','.join(row)[:120]}")
            else:
                found.append(decision)
        if problems:
            raise UserError(f"{self.path}: rows that are no decisions; restore the file from a copy.", problems)
        return found


def in_force(decisions: Sequence[Decision]) -> dict[tuple[str, str], Decision]:
    """Return the last decision about each page that is not undone, by split and ID."""
    undone = {decision.undoes for decision in decisions if decision.action == UNDO}
    return {
        decision.key: decision for decision in decisions if decision.action != UNDO and decision.number not in undone
    }


def _line(values: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    # A line break in a name would split a decision into two rows.
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
