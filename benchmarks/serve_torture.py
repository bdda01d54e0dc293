"""Send malformed requests to a running service, count its answers, and check that it survives.

    munseo serve runs/2507… --port 8000 &
    python benchmarks/serve_torture.py 8000 --requests 10000

The requests have heads with wrong lengths, broken chunks, forms with broken boundaries, pixel bombs, fake files, random
bytes, or connections that end in the middle; the seed decides which. Use it against loopback only.
"""

from __future__ import annotations

import argparse
import random
import socket
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

NUM_THREADS = 8
TIMEOUT_S = 30
HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(b"\0" * 1000)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def sized(body: bytes, content_type: bytes = b"application/octet-stream", length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    return HEAD + b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n" % (content_type, length) + body


def form(rng: random.Random) -> bytes:
    boundary = rng.choice([b"x", b"-" * 70, b"y" * 71, b"", b'"', b"a b"])
    name = rng.choice([b"a.png", b"../../etc/passwd", b"\0", b"\xff\xfe", b"n" * 5000, b'"; x="'])
    part = b'Content-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
    part += rng.choice([b"", b"Content-Type: image/png\r\n", b"X" * 9000 + b": 1\r\n", b": :\r\n"])
    lines = [b"--" + boundary, part, rng.choice([png(30_000, 30_000), rng.randbytes(50), b""]), b"--" + boundary]
    body = b"\r\n".join(lines * rng.randint(1, 9)) + rng.choice([b"--\r\n", b"", b"-", b"--"])
    return sized(mutated(body, rng), b"multipart/form-data; boundary=" + boundary)


def mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(0, 6)):
        place = rng.randrange(len(changed) + 1)
        kind = rng.randrange(3)
        if kind == 0:
            del changed[place : place + rng.randint(1, 40)]
        elif kind == 1:
            changed[place:place] = rng.randbytes(rng.randint(1, 40))
        elif place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def wrong_length(rng: random.Random) -> bytes:
    length = rng.choice(
        [b"-1", b"1e9", b"99999999999999999999", b"5, 6", b"0x10", b"", b"3", b"3\r\nContent-Length: 4"]
    )
    return HEAD + b"Content-Length: " + length + b"\r\n\r\n" + rng.randbytes(rng.randint(0, 300))


def chunks(rng: random.Random) -> bytes:
    body = rng.choice(
        [b"zz\r\n", b"ffffffffffffffff\r\nabc", b"5\r\nabc\r\n0\r\n\r\n", b"3;" + b"e" * 20_000, b"0\r\n\r\n"]
    )
    more = rng.choice([b"", b"Content-Length: 5\r\n"])
    return HEAD + more + b"Transfer-Encoding: chunked\r\n\r\n" + body


def head(rng: random.Random) -> bytes:
    line = rng.choice([
        b"GET /" + b"a" * 30_000 + b" HTTP/1.1", b"GET /v1/../../etc/passwd HTTP/1.1", b"GET http://evil/ HTTP/1.1",
        b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0", b"GET / HTTP/9.9", b"CONNECT evil:80 HTTP/1.1", b"TRACE / HTTP/1.1",
        b"POST /v1/predict HTTP/1.0", b"GET /%00%ff%0d%0aX:1 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"get / http/1.1",
    ])  # fmt: skip
    more = b"".join(
        b"H%d: %s\r\n" % (number, rng.randbytes(4).hex().encode()) for number in range(rng.choice([0, 3, 900]))
    )
    return line + b"\r\nHost: " + rng.choice([b"localhost", b"evil.example", b"[::1", b""]) + b"\r\n" + more + b"\r\n"


def file(rng: random.Random) -> bytes:
    body = rng.choice([
        png(30_000, 30_000), png(0, 5), png(60, 60), b"<html>", b"%PDF-1.7\n%%EOF", b"II*\0\x08\0\0\0",
        b"\xff\xd8\xff\xd9", b"GIF89a" + b"\xff" * 30, b"RIFF\xff\xff\xff\xffWEBPVP8 ", b"PK\x03\x04", b"",
        b"BM" + b"\0" * 60,
    ])  # fmt: skip
    kind = rng.choice([b"image/png", b"application/pdf", b"text/html", b"a/b/c; ;", b"\xe9"])
    return sized(mutated(body, rng), kind, rng.choice([None, None, None, 10**7, 0]))


def nothing(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randint(0, 400))


KINDS: tuple[Callable[[random.Random], bytes], ...] = (form, wrong_length, chunks, head, file, nothing)


def send(port: int, seed: int, number: int) -> int | str:
    """Send one request and return its status, or how the connection ended without one."""
    rng = random.Random(f"{seed}/{number}")
    data = rng.choice(KINDS)(rng)
    data = data[: rng.randrange(len(data) + 1)] if rng.random() < 0.1 else data
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
            connection.sendall(data)
            if rng.random() < 0.2:
                return "left"
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
    except TimeoutError:
        return "no answer"
    except OSError:
        return "hung up"
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else "closed"


def torture(port: int, num_requests: int, seed: int) -> Counter[int | str]:
    """Send malformed requests, several at once, and count the answers."""
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        return Counter(pool.map(lambda number: send(port, seed, number), range(num_requests)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    found = torture(words.port, words.requests, words.seed)
    for answer, count in sorted(found.items(), key=lambda item: str(item[0])):
        print(f"{answer}: {count:,}")
    with socket.create_connection(("127.0.0.1", words.port), timeout=TIMEOUT_S) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        print("lives on" if b" 200 " in connection.recv(65536)[:20] else "does not answer any more")


if __name__ == "__main__":
    main()
