"""Which part of the files a process predicts."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from munseo._errors import UserError


@dataclass(frozen=True)
class Shard:
    """Every file whose place, counted from 0, leaves ``number`` when divided by ``count``."""

    number: int = 0
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def folder_name(self) -> str:
        """Of its parts."""
        return f"shard-{self.number:03d}-of-{self.count:03d}"

    def has(self, place: int) -> bool:
        """Whether the file at this place is one of it."""
        return place % self.count == self.number

    def place(self, index: int) -> int:
        """The place among all files of the file that is ``index``-th here."""
        return index * self.count + self.number


def parse_shard(text: str) -> Shard:
    """Read ``3/16``: the shards are counted from 0.

    Raises:
        UserError: It is no such pair.
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if found is None or not int(found[1]) < int(found[2]):
        raise UserError(f"shard: {text!r} is not allowed; of 16 shards they are 0/16, 1/16 … 15/16.")
    return Shard(int(found[1]), int(found[2]))


def launched_shard() -> Shard:
    """The shard of this process among those that a launcher such as torchrun started; 0/1 where none did."""
    rank, world = os.environ.get("RANK", ""), os.environ.get("WORLD_SIZE", "")
    return parse_shard(f"{rank}/{world}") if rank.isdigit() and world.isdigit() else Shard()
