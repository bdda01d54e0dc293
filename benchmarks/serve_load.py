"""Measure the service under load: throughput compared with the model by itself, latencies, memory, refusals.

    python benchmarks/serve_load.py runs/2507… page.jpg --clients 1 8 64 256 --seconds 60

It starts `munseo serve` on loopback and lets `wrk` send one page per request over open connections; a refused client
waits for the time in Retry-After. Before that, `munseo bench predict` measures the network by itself, with one view and
nothing to read. `wrk` runs on the same cores, which slows the service down.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import psutil

SCRIPT = Path(__file__).with_suffix(".lua")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ask(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.read().decode()


def model_rate(run: Path, backend: str, batch_sizes: list[str]) -> float:
    """Return the pages per second of the model by itself, at its best batch size."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bench.json"
        words = ["-m", "munseo", "bench", "predict", str(run), "--output", str(out)]
        subprocess.run([sys.executable, *words, *batch_sizes], check=True, capture_output=True)
        rows = json.loads(out.read_text())["backends"]
    return float(next(row for row in rows if row["backend"] == backend)["pages_per_second"])


def load(port: int, page: Path, clients: int, seconds: int) -> dict[str, float]:
    """Run `wrk` and return its counts."""
    words = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "120s", "-s", str(SCRIPT)]
    text = subprocess.run(
        [*words, f"http://127.0.0.1:{port}/v1/predict"], check=True, capture_output=True, text=True,
        env=os.environ | {"PAGE": str(page)},
    ).stdout  # fmt: skip
    names = ("requests", "us", "p50_us", "p95_us", "p99_us", "failed")
    found = dict(zip(names, map(float, re.search(r"^munseo (.*)$", text, re.MULTILINE)[1].split()), strict=True))
    percentiles = {f"{name}_ms": found[f"{name}_us"] / 1000 for name in ("p50", "p95", "p99")}
    return {"requests": found["requests"], "failed": found["failed"], "seconds": found["us"] / 1e6, **percentiles}


class Memory:
    """Watches the resident bytes of a process every second."""

    def __init__(self, process: psutil.Process) -> None:
        self.peak = 0
        self._process = process
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._ended.wait(1):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def stop(self) -> int:
        """Stop watching, and return the largest value."""
        self._ended.set()
        return max(self.peak, self._process.memory_info().rss)


def statuses(port: int) -> dict[str, int]:
    lines = re.findall(r'munseo_requests_total\{path="/v1/predict",status="(\d+)"\} ([\d.]+)', ask(port, "/metrics"))
    return {status: int(float(count)) for status, count in lines}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("page", type=Path, help="an image file that every request sends")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--backend", default="openvino")
    parser.add_argument("--tta", action="store_true", help="four views a page; without it one")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    words = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not installed: apt install wrk")
    best = model_rate(words.run, words.backend, ["--batch-size", "16", "--batch-size", "32"])
    print(f"the model by itself, by munseo bench predict: {best:.1f} pages a second")
    port = free_port()
    serve = ["-m", "munseo", "serve", str(words.run), "--port", str(port), "--backend", words.backend]
    serve += ["--tta" if words.tta else "--no-tta", "--no-second-look"]
    server = subprocess.Popen([sys.executable, *serve])
    rows = []
    try:
        while True:
            try:
                ask(port, "/readyz")
                break
            except OSError:
                time.sleep(0.5)
        heads = ("clients", "answered a second", "of the model alone", "p50, ms", "p95, ms", "p99, ms")
        print(f"| {' | '.join(heads)} | 200 | 429 | others | memory, MiB |\n|{'---|' * 10}")
        for clients in words.clients:
            before, memory = statuses(port), Memory(psutil.Process(server.pid))
            row = load(port, words.page, clients, words.seconds) | {"clients": clients, "peak_rss_bytes": memory.stop()}
            count = {status: number - before.get(status, 0) for status, number in statuses(port).items()}
            rate = count.get("200", 0) / row["seconds"]
            others = row["failed"] + sum(number for status, number in count.items() if status not in ("200", "429"))
            rows.append(row | {"statuses": count, "answered_per_s": rate, "of_model": rate / best})
            print(
                f"| {clients} | {rate:.1f} | {rate / best:.2f} | {row['p50_ms']:.0f} | {row['p95_ms']:.0f} "
                f"| {row['p99_ms']:.0f} | {count.get('200', 0):,} | {count.get('429', 0):,} | {others:.0f} "
                f"| {row['peak_rss_bytes'] / 2**20:.0f} |",
                flush=True,
            )
    finally:
        server.terminate()
        server.wait(120)
    if words.json:
        words.json.write_text(json.dumps({"model_alone": best, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
