"""One process at a time works on a run, and who it is can be read; a lock that is left over is no hindrance."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from munseo._errors import UserError
from munseo._run import RunFolder
from munseo._run import run_lock as claiming
from munseo._run.run_lock import claim

HOLDER = """
import os, sys, time
from pathlib import Path
from munseo._run import RunFolder, claim
with claim(RunFolder(Path(sys.argv[1]))):
    if "fork" in sys.argv and os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path)


@pytest.fixture
def holder(run):
    """Start a process that holds the run."""
    started = []

    def hold(*words):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(run.path), *words],
            stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        with suppress(ProcessLookupError):  # a test ended it
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_the_second_process_is_refused_by_the_name_of_the_first(run, holder):
    first = holder()
    with pytest.raises(UserError) as caught, claim(run):
        pass
    told = str(caught.value)
    year = time.strftime("%Y-")
    assert f"process {first.pid} on {socket.gethostname()} (since {year}" in told
    assert "is at work on this run" in told
    assert first.poll() is None
    assert run.lock_file.exists(), "it is not the second one's to remove"


@pytest.mark.parametrize("words", [(), ("fork",)], ids=["alone", "with a child that lives on"])
def test_a_stale_lock_is_recognised(run, holder, capsys, words):
    first = holder(*words)
    (run.path / ".state.ckpt.123.tmp").write_bytes(b"half")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert json.loads(run.lock_file.read_text())["pid"] == first.pid
    with claim(run):
        assert json.loads(run.lock_file.read_text())["pid"] == os.getpid()
    assert f"taken over from process {first.pid} on" in capsys.readouterr().err.replace("\n", " ")
    assert not list(run.path.iterdir()), "neither the lock nor what was half written"


def test_a_lock_is_awaited_while_a_worker_of_a_process_that_has_ended_still_holds_it(run, holder, capsys):
    first = holder()
    text = json.loads(run.lock_file.read_text())
    first.kill()
    first.wait()
    with run.lock_file.open("rb+") as file:
        assert claiming.lock(file)
        # As the first moments of a forked worker: the lock is held, and the process that it names has ended.
        threading.Timer(0.3, file.close).start()
        with claim(run):
            assert json.loads(run.lock_file.read_text())["pid"] == os.getpid()
    assert f"taken over from process {text['pid']} on" in capsys.readouterr().err.replace("\n", " ")


def test_without_locks_of_the_system_the_text_is_believed(run, holder, monkeypatch):
    def no_locks(file, **how):
        raise OSError(errno.ENOLCK, "no locks")

    first = holder()
    text = json.loads(run.lock_file.read_text())
    monkeypatch.setattr(claiming, "lock", no_locks)
    with pytest.raises(UserError, match=f"process {first.pid} on"), claim(run):
        pass
    run.lock_file.write_text(json.dumps({**text, "host": "another"}))
    with pytest.raises(UserError, match="on another"), claim(run):
        pass
    run.lock_file.write_text(json.dumps({**text, "process_started": 1.0}))
    with claim(run):  # another process has the number today
        pass
    assert not run.lock_file.exists()


def test_a_damaged_lock_file_hinders_nobody(run):
    for content in (b"", b"\xff\x00", b"[]", b"7", b'{"pid": 1}'):
        run.lock_file.write_bytes(content)
        with claim(run):
            assert json.loads(run.lock_file.read_text())["pid"] == os.getpid()
