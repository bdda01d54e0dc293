"""Decisions survive a killed process, and nobody overrules anybody unknowingly."""

import subprocess
import sys

import pandas as pd
import pytest

from munseo import UserError, fix
from munseo._doctor.review_log import COLUMNS, Overtaken, ReviewLog

WRITER = """
import sys
from pathlib import Path
from munseo._doctor.review_log import ReviewLog
log = ReviewLog(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    print(log.decide(sys.argv[2], "train", f"{sys.argv[2]}-{number}", "1", "keep").number, flush=True)
"""


@pytest.fixture
def log(tmp_path):
    return ReviewLog(tmp_path / "review.csv")


def writer(log, name, count):
    words = [sys.executable, "-c", WRITER, str(log.path), name, str(count)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_two_processes_lose_nothing(log):
    writers = [writer(log, name, 50) for name in ("ann", "bob")]
    told = [int(line) for one in writers for line in one.communicate()[0].split()]
    assert sorted(told) == list(range(1, 101))
    assert [one.number for one in log.read()] == list(range(1, 101))
    assert len(log.current()) == 100


def test_what_was_acknowledged_before_a_kill_is_there(log):
    process = writer(log, "ann", 100_000)
    told = [int(process.stdout.readline()) for _ in range(30)]
    process.kill()
    rest, _ = process.communicate()
    told += [int(line) for line in rest.split("\n")[:-1]]
    assert [one.number for one in log.read()][: len(told)] == told
    assert log.decide("bob", "train", "after", "1", "drop").number > told[-1]


def test_a_row_that_was_cut_is_put_aside(log):
    log.decide("ann", "train", "a", "1", "keep")
    with log.path.open("ab") as file:
        file.write("2,2026-11-26T12:00:00+00:00,ann,train,서".encode()[:-1])
    assert [one.id for one in ReviewLog(log.path).read()] == ["a"]
    assert ReviewLog(log.path).decide("ann", "train", "b", "1", "drop").number == 2
    assert [one.id for one in log.read()] == ["a", "b"]
    assert log.path.with_name("review.csv.torn").read_bytes().startswith(b"2,2026")


def test_nobody_overrules_what_they_have_not_seen(log):
    first = log.decide("ann", "val", "a", "1", "keep")
    with pytest.raises(Overtaken) as news:
        log.decide("bob", "val", "a", "1", "drop")
    assert news.value.decision == first
    assert log.decide("bob", "val", "a", "1", "drop", seen=first.number).number == 2
    with pytest.raises(Overtaken):
        log.undo("ann", first.number)
    assert len(log.read()) == 2


def test_undo_falls_back_to_what_was_before(log):
    kept = log.decide("ann", "val", "a", "1", "keep")
    changed = log.decide("ann", "val", "a", "1", "relabel", "2", seen=kept.number)
    log.undo("ann", changed.number)
    assert log.current()["val", "a"] == kept
    with pytest.raises(UserError, match="not in force"):
        log.undo("ann", changed.number)
    with pytest.raises(UserError, match="ann's"):
        log.undo("bob", kept.number)
    log.undo("ann", kept.number)
    assert log.current() == {}
    with pytest.raises(UserError, match="not in force"):
        log.undo("ann", 99)
    with pytest.raises(UserError, match="relabel needs one"):
        log.decide("ann", "val", "a", "1", "relabel")


def test_names_that_would_act_in_a_spreadsheet_come_back_as_they_were(log):
    for name in ("=cmd|' /C calc'!A0", "-1+2", "'quoted", 'a,"b"', "문서.jpg"):
        log.decide("=ann", "train", name, "1", "keep")
        assert ReviewLog(log.path).read()[-1].id == name
    assert "\n=" not in log.path.read_text(encoding="utf-8")
    assert ",=" not in log.path.read_text(encoding="utf-8")


def test_a_file_of_something_else_is_not_written_to(log):
    log.path.write_text("ID,target\na,1\n", encoding="utf-8")
    with pytest.raises(UserError, match="its columns should be"):
        log.decide("ann", "train", "a", "1", "keep")
    log.path.write_text(",".join(COLUMNS) + "\n1,now,ann,train,a,1,burn,,0\n3,now,ann,train,b,1,keep,,0\n", "utf-8")
    with pytest.raises(UserError) as error:
        log.read()
    assert len(error.value.problems) == 2
    assert log.path.read_text(encoding="utf-8").count("\n") == 3


def test_fix_follows_the_decisions_in_force(log, documents, tmp_path):
    table = pd.read_csv(documents / "train.csv", dtype=str)
    ids, targets = table["ID"].tolist(), table["target"].tolist()
    other = next(target for target in targets if target != targets[1])
    log.decide("ann", "train", ids[0], targets[0], "keep")
    log.decide("ann", "train", ids[1], targets[1], "relabel", other)
    log.decide("ann", "train", ids[2], targets[2], "drop")
    log.decide("ann", "train", ids[3], targets[3], "skip")
    log.undo("ann", log.decide("ann", "train", ids[4], targets[4], "drop").number)
    first = log.decide("ann", "train", ids[5], targets[5], "drop")
    log.decide("bob", "train", ids[5], targets[5], "keep", seen=first.number)
    (fixed,) = fix(documents, log.path, tmp_path / "fixed.csv")
    assert fixed.dropped == (ids[2],)
    assert fixed.relabelled == ((ids[1], targets[1], other),)
    after = pd.read_csv(fixed.output, dtype=str).set_index("ID")["target"]
    assert after[ids[1]] == other
    assert len(after) == len(table) - 1
    stale = tmp_path / "stale.csv"
    ReviewLog(stale).decide("ann", "train", ids[0], other if targets[0] != other else "16", "drop")
    with pytest.raises(UserError, match="cannot be followed"):
        fix(documents, stale, tmp_path / "stale_fixed.csv")
