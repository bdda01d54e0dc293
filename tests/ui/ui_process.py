"""``munseo ui`` as a process, for a client or a browser."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass(frozen=True)
class Ui:
    """A page that is served."""

    url: str
    runs: Path
    data: Path
    process: subprocess.Popen

    @property
    def review_file(self) -> Path:
        return self.runs / "review.csv"


@contextmanager
def served(runs: Path, data: Path, *more: str):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "munseo", "ui", str(runs), "--data", str(data), "--port", str(port), *more]
    log_file = runs.with_name(f"{runs.name}-{port}.log")  # a pipe that nobody reads would fill up
    with log_file.open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/static/munseo.svg")
                break
            except httpx.TransportError:
                assert process.poll() is None, log_file.read_text(encoding="utf-8")
                assert time.monotonic() < end, "the page was not served"
                time.sleep(0.1)
        yield Ui(url, runs, data, process)
    finally:
        process.kill()
        process.wait()
