"""Shards and their parts: what is on the disk counts, up to the first gap."""

import pyarrow as pa
import pytest

from munseo import UserError
from munseo._prediction.parts_folder import PLACE, PartsFolder, Shard, launched_shard, parse_shard, shards_begun


def test_shards_are_counted_from_zero(monkeypatch):
    assert parse_shard("3/16") == Shard(3, 16)
    for text in ("16/16", "1", "-1/4", "a/b", "1/0"):
        with pytest.raises(UserError, match="shard"):
            parse_shard(text)
    monkeypatch.setenv("RANK", "2")
    assert launched_shard() == Shard()
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert launched_shard() == Shard(2, 4)


def test_the_shards_share_the_files_among_them():
    shards = [Shard(number, 3) for number in range(3)]
    for index in range(10):
        (own,) = (shard for shard in shards if shard.has(index))
        assert own.index_of(index // 3) == index


@pytest.fixture
def folder(tmp_path):
    """Parts 0, 1 and 3 of a shard, each with two files of one page."""
    folder = PartsFolder.of(tmp_path / "out.parquet", Shard(1, 4))
    folder.path.mkdir(parents=True)
    for number in (0, 1, 3):
        first = 2 * number
        folder.write_part(number, pa.table({PLACE: [first, first + 1]}), first, first + 2)
    return folder


def test_a_part_after_a_gap_does_not_count(folder):
    done = folder.done()
    assert (done.num_parts, done.num_sources, done.num_rows) == (2, 4, 4)
    assert [rows[PLACE].to_pylist() for rows in folder.read_parts(done.num_parts)] == [[0, 1], [2, 3]]


def test_a_damaged_part_is_named(folder):
    file = folder.part_file(1)
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(UserError, match=r"part-000001\.parquet: is damaged"):
        folder.done()


def test_a_shard_has_begun_when_it_has_a_plan(folder, tmp_path):
    assert folder.read_plan() is None
    assert shards_begun(tmp_path / "out.parquet") == []
    folder.write_plan({"num_own": 8})
    assert folder.read_plan() == {"format": 1, "num_own": 8}
    assert shards_begun(tmp_path / "out.parquet") == [Shard(1, 4)]
    folder.plan_file.write_text('{"format": 99}', encoding="utf-8")
    with pytest.raises(UserError, match="written by another version"):
        folder.read_plan()
