"""Real servers on a loopback port, each a process of its own."""

import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import httpx
from PIL import Image

START_S = 120


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    port: int
    process: subprocess.Popen

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **more) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, **more)

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def serving(words, port):
    with tempfile.TemporaryFile() as output:  # a pipe that nobody reads would fill up, and then the server would wait
        process = subprocess.Popen([sys.executable, *map(str, words)], stdout=output, stderr=output)
        try:
            _wait_until_ready(port, process, output)
            yield Server(port, process)
        finally:
            process.kill()
            process.wait()


def _wait_until_ready(port, process, output):
    end = time.monotonic() + START_S
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None:
            output.seek(0)
            raise AssertionError(output.read().decode())
        assert time.monotonic() < end, "the server did not become ready"
        time.sleep(0.1)


def image(colour=(200, 30, 20), form="PNG", size=(40, 60)) -> bytes:
    stream = BytesIO()
    Image.new("RGB", size, colour).save(stream, form)
    return stream.getvalue()


def document(num_pages, form="PDF") -> bytes:
    pages = [Image.new("RGB", (40, 60), (50 * number, 10, 10)) for number in range(num_pages)]
    stream = BytesIO()
    pages[0].save(stream, form, save_all=True, append_images=pages[1:])
    return stream.getvalue()
