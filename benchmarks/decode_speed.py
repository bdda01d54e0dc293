"""How many pages a second two builds of Munseo decode, in alternating rounds, and how much memory a drawing takes.

    python benchmarks/decode_speed.py --against OTHER/bin/python --data data/rvl5/train --rounds 7
    python benchmarks/decode_speed.py --memory

``OTHER/bin/python`` is the interpreter of an environment in which the other build is installed; the script runs in
this build's environment. The pages are drawn: text on A4, in colour, in grey and in one bit. With ``--data FOLDER`` the
JPEGs of a folder are measured too.

In each round every workload runs in a new process of each build, on one thread, and the build that begins changes from
round to round. Seconds are those of the processor. Figures are medians over the rounds, and ratios medians of the
ratios within a round.

With ``--memory`` this build reads a drawing of A0 (300 and 400 dpi, one bit), alone, in four threads and in four
processes at once; the peak is that of Linux (VmHWM), summed over the processes.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE_PX = 224  # the side of the square that pages are brought to
DRAWINGS = {"A0 at 300 dpi": (14_043, 9_933), "A0 at 400 dpi": (18_724, 13_244)}

WORKLOADS = {
    "colour JPEG, decoded": ("colour.jpg", "decode"),
    "grey JPEG, decoded": ("grey.jpg", "decode"),
    "colour PNG, decoded": ("colour.png", "decode"),
    "grey PNG, decoded": ("grey.png", "decode"),
    "grey JPEG to the model's square": ("grey.jpg", "square"),
    "one-bit G4 TIFF, 300 dpi, decoded": ("fax.tif", "stored"),
    "one-bit G4 TIFF, 300 dpi, to the model's square": ("fax.tif", "square"),
}
"""For each workload its file and what is done with it."""
OF_FOLDER = {"JPEGs of the folder, decoded": "decode", "JPEGs of the folder to the model's square": "square"}
MOST_FILES = 100

MEASURED = """
import json, os, re, sys, threading
from pathlib import Path
from munseo._data.decoder import decode_stored
threads = [threading.Thread(target=decode_stored, args=(Path(sys.argv[1]),)) for _ in range(int(sys.argv[2]))]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def draw(folder: Path) -> None:
    """Draw the pages."""
    rng = np.random.default_rng(0)
    words = [
        "invoice",
        "number",
        "total",
        "amount",
        "due",
        "payment",
        "date",
        "receipt",
        "customer",
        "address",
        "order",
    ]
    for name, dpi in (("colour", 150), ("grey", 150), ("fax", 300)):
        width, height = round(8.27 * dpi), round(11.69 * dpi)
        page = Image.new("RGB", (width, height), "white")
        pen, font = ImageDraw.Draw(page), ImageFont.load_default(dpi // 9)
        for y in range(dpi // 2, height - dpi // 2, dpi // 6):
            pen.text((dpi // 2, y), " ".join(rng.choice(words, 13)), font=font, fill=(20, 20, 60))
        noise = rng.normal(0, 1.5, (height, width, 3))
        scan = Image.fromarray(np.clip(np.asarray(page) + noise, 0, 255).astype(np.uint8))
        if name == "fax":
            scan.convert("L").point(lambda level: 255 * (level > 128)).convert("1").save(
                folder / "fax.tif", compression="group4"
            )
            continue
        scan = scan.convert("L") if name == "grey" else scan
        scan.save(folder / f"{name}.jpg", quality=85)
        scan.save(folder / f"{name}.png", compress_level=6)


def readers() -> dict[str, Callable[[bytes], object]]:
    """Return what this process's build does with a file; the names of modules changed once."""
    try:
        from munseo._data.decoder import decode, decode_stored
        from munseo._data.pixels import letterbox
    except ImportError:
        from munseo.data.decoding import decode  # type: ignore[import-not-found,no-redef]
        from munseo.data.letterbox import letterbox  # type: ignore[import-not-found,no-redef]

        decode_stored = decode
    return {"decode": decode, "stored": decode_stored, "square": lambda data: letterbox(decode_stored(data), SIZE_PX)}


def pages_per_s(path: Path, what: str, seconds: float) -> float:
    """Decode a page, or the pages of a folder, for so long; the first time does not count."""
    import cv2

    cv2.setNumThreads(1)
    files = sorted(path.glob("*.jpg"))[:MOST_FILES] if path.is_dir() else [path]
    read, pages = readers()[what], [file.read_bytes() for file in files]
    for page in pages:
        read(page)
    started, number = time.process_time(), 0
    while (passed := time.process_time() - started) < seconds or number < 2:
        for page in pages:
            read(page)
        number += len(pages)
    return number / passed


def run(python: Path, path: Path, what: str, seconds: float) -> float:
    """Measure what is done with a file or a folder, in a process of a build."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if python != Path(sys.executable):
        environment.pop("PYTHONPATH", None)  # it would lead the other build to the code of this one
    command = [python, Path(__file__).resolve(), "--measure", path.resolve(), what, str(seconds)]
    done = subprocess.run(command, env=environment, cwd=path.parent, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout))


def compare(options: argparse.Namespace) -> None:
    """Print the table of speeds."""
    builds = {"new": Path(sys.executable)} | ({"old": options.against} if options.against else {})
    print("| workload | other, pages/s | this, pages/s | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
        workloads = {name: (Path(folder) / file, what) for name, (file, what) in WORKLOADS.items()}
        workloads |= {name: (options.data, what) for name, what in OF_FOLDER.items() if options.data}
        for workload in options.only or workloads:
            found: dict[str, list[float]] = {build: [] for build in builds}
            for number in range(options.rounds):
                for build in list(builds)[:: 1 if number % 2 == 0 else -1]:
                    found[build].append(run(builds[build], *workloads[workload], options.seconds))
            new, old = found["new"], found.get("old")
            ratio = statistics.median(a / b for a, b in zip(new, old, strict=True)) if old else float("nan")
            middle = statistics.median(old) if old else float("nan")
            print(f"| {workload} | {middle:.1f} | {statistics.median(new):.1f} | {ratio:.2f} |", flush=True)


def measure_memory() -> None:
    """Print the table of peak memory."""
    Image.MAX_IMAGE_PIXELS = None
    print("| drawing | alone, MB | four threads | four processes |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, (width, height) in DRAWINGS.items():
            page = np.full((height, width), 255, np.uint8)
            page[::64] = 0
            file, stream = Path(folder) / "drawing.tif", io.BytesIO()
            Image.fromarray(page).convert("1").save(stream, "TIFF", compression="group4", tiffinfo={278: height})
            file.write_bytes(stream.getvalue())
            alone, threads = (int(_start(file, number).communicate()[0]) // 1024 for number in (1, 4))
            together = [_start(file, 1) for _ in range(4)]
            processes = sum(int(process.communicate()[0]) // 1024 for process in together)
            print(f"| {name}, one strip | {alone} | {threads} | {processes} |", flush=True)


def _start(file: Path, num_threads: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MEASURED, str(file), str(num_threads)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=re.sub(r"\s+", " ", __doc__ or ""))
    parser.add_argument("--against", type=Path, help="interpreter of the other build's environment")
    parser.add_argument("--data", type=Path, help="a folder of JPEGs")
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS, *OF_FOLDER], metavar="WORKLOAD")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2, help="how long each workload is measured in a round")
    parser.add_argument("--memory", action="store_true", help="measure the memory of large drawings instead")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        file, what, seconds = options.measure
        print(json.dumps(pages_per_s(Path(file), what, float(seconds))))
    elif options.memory:
        measure_memory()
    else:
        compare(options)


if __name__ == "__main__":
    main()
