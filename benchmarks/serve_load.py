"""Measure the service under load: throughput compared with the network by itself, processor time, latencies, memory.

    python benchmarks/serve_load.py runs/2507… page.jpg --clients 1 8 64 256 --seconds 60
    python benchmarks/serve_load.py runs/2507… page.jpg --clients 64 256 --rounds 5 --against ENVIRONMENT/bin/python

It starts `munseo serve` on loopback, and clients send one page a request over connections that stay open; a refused
client waits for the time in Retry-After. In every round, just before the load, the same engine is measured by itself:
pages in memory, one view, batches of 16 and 32. With `--against` the service of another environment is measured in turn
with this one, on the same run; the other one is an older build, since it has to understand the run as well. The clients
are one process on the same cores, which slows the service down; its processor time is in the table.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

BATCH_SIZES = (16, 32)
WARM_S = 2.0
"""Time under load before anything is counted, s."""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ask(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.read().decode()


@dataclass
class Connection:
    """One client: its socket, what it still has to send, and what it has received of an answer."""

    stream: socket.socket
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    received: bytearray = field(default_factory=bytearray)
    started: float = 0.0

    def send(self, poll: selectors.BaseSelector) -> None:
        """Send as much as fits; the poll tells when there is room for more."""
        while self.unsent:
            try:
                self.unsent = self.unsent[self.stream.send(self.unsent) :]
            except BlockingIOError:
                break
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.unsent else 0)
        poll.modify(self.stream, events, self)

    def answer(self) -> tuple[int, dict[str, str]] | None:
        """Return the status and the headers of an answer that has arrived whole."""
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self.received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(self.received) < end + 4 + int(headers["content-length"]):
            return None
        return int(first.split()[1]), headers


@dataclass
class Load:
    """The counts of a load: answers by status, the latencies of status 200 in seconds, and failed connections."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    failed: int = 0


class Clients:
    """Any number of clients in one thread, each with a connection that stays open."""

    def __init__(self, port: int, page: Path, num_clients: int) -> None:
        body = page.read_bytes()
        head = (
            f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}"
        )
        self.request = memoryview(head.encode() + b"\r\n\r\n" + body)
        self.address = ("127.0.0.1", port)
        self.poll = selectors.DefaultSelector()
        self.resting: list[tuple[float, Connection]] = []
        self.load = Load()
        for _ in range(num_clients):
            self.start(self.connect())

    def connect(self) -> Connection:
        """Open a connection."""
        connection = Connection(socket.create_connection(self.address))
        connection.stream.setblocking(False)
        self.poll.register(connection.stream, selectors.EVENT_READ, connection)
        return connection

    def start(self, connection: Connection) -> None:
        """Send a request."""
        connection.started, connection.unsent = time.perf_counter(), self.request
        connection.received.clear()
        connection.send(self.poll)

    def run(self, seconds: float) -> Load:
        """Send requests for some time; return what was answered in it."""
        self.load = Load()
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            wait = min([end, *(at for at, _ in self.resting[:1])]) - now
            for key, events in self.poll.select(max(wait, 0)):
                if events & selectors.EVENT_WRITE:
                    key.data.send(self.poll)
                if events & selectors.EVENT_READ:
                    self.receive(key.data)
            now = time.perf_counter()
            while self.resting and self.resting[0][0] <= now:
                self.start(self.resting.pop(0)[1])
        return self.load

    def receive(self, connection: Connection) -> None:
        """Read what has arrived; after an answer, send the next request or wait."""
        try:
            data = connection.stream.recv(2**16)
        except ConnectionError:
            data = b""
        if not data:
            self.load.failed += 1
            self.poll.unregister(connection.stream)
            connection.stream.close()
            self.start(self.connect())
            return
        connection.received += data
        if (answer := connection.answer()) is None:
            return
        status, headers = answer
        self.load.statuses[status] += 1
        now = time.perf_counter()
        if status == 200:
            self.load.latencies.append(now - connection.started)
        if status == 429:
            self.resting.append((now + float(headers["retry-after"]), connection))
            self.resting.sort(key=lambda resting: resting[0])
        else:
            self.start(connection)

    def close(self) -> None:
        """Close all connections."""
        for key in list(self.poll.get_map().values()):
            key.data.stream.close()
        self.poll.close()


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


class Build:
    """The service of one environment, and a process that measures its engine by itself."""

    def __init__(self, name: str, python: str, run: Path, backend: str, tta: bool) -> None:
        self.name, self.port = name, free_port()
        words = [str(run), "--backend", backend]
        self.network = subprocess.Popen(
            [python, __file__, *words, "--network"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        serve = ["-m", "munseo", "serve", *words, "--port", str(self.port), "--no-second-look"]
        self.server = subprocess.Popen([python, *serve, "--tta" if tta else "--no-tta"])
        self.process = psutil.Process(self.server.pid)

    def wait(self) -> None:
        """Wait until the service is ready."""
        while True:
            try:
                ask(self.port, "/readyz")
                return
            except OSError:
                assert self.server.poll() is None, "the service ended"
                time.sleep(0.5)

    def network_alone(self, seconds: float) -> dict[str, float]:
        """Return the pages a second of the network by itself, and its seconds of processor time a page."""
        print(seconds, file=self.network.stdin, flush=True)
        while not (line := self.network.stdout.readline()).startswith("{"):
            assert line, "the process that measures the network ended"
        return json.loads(line)

    def under_load(self, page: Path, num_clients: int, seconds: float) -> dict[str, float]:
        """Return the figures of one load."""
        clients, memory = Clients(self.port, page, num_clients), Memory(self.process)
        clients.run(WARM_S)
        before, own_before, start = self.process.cpu_times(), time.process_time(), time.perf_counter()
        load = clients.run(seconds)
        duration = time.perf_counter() - start
        after, own = self.process.cpu_times(), time.process_time() - own_before
        clients.close()
        answered = load.statuses.pop(200, 0)
        refused = load.statuses.pop(429, 0)
        times = sorted(load.latencies) or [float("nan")]
        return {
            "answered_per_s": answered / duration,
            "cpu_s": (after.user + after.system - before.user - before.system) / max(answered, 1),
            "clients_cpu_s": own / max(answered, 1),
            **{f"p{share}_s": times[int(len(times) * share / 100)] for share in (50, 95, 99)},
            "answered": answered,
            "refused": refused,
            "others": load.failed + load.statuses.total(),
            "peak_rss_bytes": memory.stop(),
        }

    def end(self) -> None:
        """End both processes."""
        self.network.stdin.close()
        self.server.terminate()
        self.server.wait(120)


def serve_network(run: Path, backend: str) -> None:
    """Measure the engine by itself for each number of seconds that is read from standard input."""
    import torch

    try:
        from munseo._engines.backends import load_backend
        from munseo._model import ModelCard
        from munseo._run import open_run
    except ImportError:  # version 0.1.0, to which others are compared
        from munseo.engines import load_backend
        from munseo.model import ModelCard
        from munseo.run import open_run
    folder = open_run(run)
    card = ModelCard.from_dict(json.loads(folder.model_file.read_text()), "model.json")
    classifier = load_backend(folder, card, backend)
    size = card.image_size
    batches = [torch.randint(0, 256, (number, size, size, 3), dtype=torch.uint8) for number in BATCH_SIZES]

    def measured(batch: torch.Tensor, seconds: float) -> tuple[float, float]:
        start, cpu, num_pages = time.perf_counter(), time.process_time(), 0
        while (duration := time.perf_counter() - start) < seconds:
            classifier(classifier.prepare(batch)).softmax(dim=1)
            num_pages += len(batch)
        return num_pages / duration, (time.process_time() - cpu) / num_pages

    with torch.inference_mode():
        measured(batches[0], 1.0)
        for line in sys.stdin:
            rates = [measured(batch, float(line) / len(batches)) for batch in batches]
            rate, cpu_s = max(rates)
            print(json.dumps({"pages_per_s": rate, "cpu_s": cpu_s}), flush=True)


COLUMNS: dict[str, Callable[[dict[str, float]], str]] = {
    "answered a second": lambda row: f"{row['answered_per_s']:.1f}",
    "network alone, pages a second": lambda row: f"{row['pages_per_s']:.1f}",
    "of the network alone": lambda row: f"{row['of_network']:.2f}",
    "ms of a core a page": lambda row: f"{row['cpu_s'] * 1000:.2f}",
    "network alone": lambda row: f"{row['network_cpu_s'] * 1000:.2f}",
    "clients": lambda row: f"{row['clients_cpu_s'] * 1000:.2f}",
    "p50, p95, p99 ms": lambda row: ", ".join(f"{row[key] * 1000:.0f}" for key in ("p50_s", "p95_s", "p99_s")),
    "200": lambda row: f"{row['answered']:.0f}",
    "429": lambda row: f"{row['refused']:.0f}",
    "others": lambda row: f"{row['others']:.0f}",
    "memory, MiB": lambda row: f"{row['peak_rss_bytes'] / 2**20:.0f}",
}
"""The columns of the table; times are of the processor, medians of the rounds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("page", type=Path, nargs="?", help="an image file that every request sends")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--backend", default="openvino")
    parser.add_argument("--tta", action="store_true", help="the configured views; without it one")
    parser.add_argument("--against", help="the python of another environment, whose service is measured in turn")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--network", action="store_true", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.network:
        serve_network(words.run, words.backend)
        return
    if words.page is None:
        parser.error("say which page is sent")
    builds = [Build("this build", sys.executable, words.run, words.backend, words.tta)]
    found: dict[int, dict[str, list[dict[str, float]]]] = {}
    try:
        if words.against:
            builds.append(Build("the other build", words.against, words.run, words.backend, words.tta))
        for build in builds:
            build.wait()
        for _ in range(words.rounds):
            for num_clients in words.clients:
                for build in builds:
                    alone = build.network_alone(max(4.0, words.seconds / 4))
                    row = build.under_load(words.page, num_clients, words.seconds)
                    row |= {"pages_per_s": alone["pages_per_s"], "network_cpu_s": alone["cpu_s"]}
                    row["of_network"] = row["answered_per_s"] / row["pages_per_s"]
                    found.setdefault(num_clients, {}).setdefault(build.name, []).append(row)
                    print(
                        build.name, num_clients, {key: round(value, 4) for key, value in row.items()}, file=sys.stderr
                    )
    finally:
        for build in builds:
            build.end()
    print(f"| clients | build | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 2)}")
    for num_clients, rows in found.items():
        for name, rounds in rows.items():
            middle = {key: median(row[key] for row in rounds) for key in rounds[0]}
            print(f"| {num_clients} | {name} | {' | '.join(show(middle) for show in COLUMNS.values())} |")
    if words.json:
        words.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
