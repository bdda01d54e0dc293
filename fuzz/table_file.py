"""Coverage-guided fuzzing of tables and archives of pages: ``python fuzz/table_file.py -max_total_time=300``.

Flags are those of libFuzzer. The first byte of an input says which kind of table it is. A workbook or ZIP is changed
within one of its parts, since changed bytes of a whole archive seldom get past its checksums.
"""

from __future__ import annotations

import io
import logging
import random
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import atheris
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

with atheris.instrument_imports(include=["munseo._data", "openpyxl"]):
    from harness import fuzz
    from opened_table import EXTENSIONS, data_table

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c63f80f0001010100b138f6140000000049454e44ae426082"
)
"""A page of one pixel."""
ROWS = (("00007", "letter"), ("b", "None"), ("c", "a,b"))


def workbook() -> bytes:
    """Return a workbook with an ID that is a number with leading zeros, a formula and a date."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet, zeros = book.add_worksheet(), book.add_format({"num_format": "00000"})
        sheet.write_row(0, 0, ["ID", "target", "more"])
        for number, row in enumerate(ROWS, 1):
            sheet.write_row(number, 0, row)
        sheet.write_number(4, 0, 7, zeros)
        sheet.write_formula(4, 1, "=1+1", None, 2)
        sheet.write_boolean(4, 2, True)
    return stream.getvalue()


def parquet() -> bytes:
    """Return a table as Hugging Face's datasets writes it."""
    stream = io.BytesIO()
    rows = [{"image": {"bytes": PNG, "path": f"{name}.png"}, "label": number} for number, (name, _) in enumerate(ROWS)]
    pq.write_table(pa.Table.from_pylist(rows), stream, row_group_size=2)
    return stream.getvalue()


def shard() -> bytes:
    """Return a TAR as WebDataset writes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in (("1.png", PNG), ("1.cls", b"0"), ("2.png", PNG), ("2.json", b'{"label": "a"}')):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def zipped(parts: dict[str, bytes]) -> bytes:
    """Return a ZIP with these parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a part of an archive, or else bytes."""
    chance = random.Random(seed)
    if chance.random() < 0.8:
        try:
            with zipfile.ZipFile(io.BytesIO(data[1:])) as archive:
                parts = {name: archive.read(name) for name in archive.namelist()}
            name = chance.choice(list(parts))
            parts[name] = atheris.Mutate(parts[name], max_size // 4)
            changed = data[:1] + zipped(parts)
        except Exception:  # what the fuzzer has made of a ZIP may be anything
            changed = b""
        if changed and len(changed) <= max_size:
            return changed
    return atheris.Mutate(data, max_size)


def seeds() -> dict[str, bytes]:
    """Return a small table of each kind, with the byte that names it in front."""
    text = "".join(f'{name},"{label}"\n' for name, label in (("ID", "target"), *ROWS))
    contents = {
        ".csv": text.encode(),
        ".jsonl": b'{"file_name": "a.png", "label": "letter"}\n{"file_name": "b.png", "label": 7}\n',
        ".xlsx": workbook(),
        ".parquet": parquet(),
        ".tar": shard(),
        ".zip": zipped({"letter/1.png": PNG, "form/2.png": PNG, "form/계약.png": PNG}),
    }
    found = {name: bytes([EXTENSIONS.index(name)]) + content for name, content in contents.items()}
    found["semicolons"] = b"\x00" + text.replace(",", ";").encode("utf-16")
    found["list"] = b"\x00scans/a.tif 3\nscans/b.tif 4\n"
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        fuzz("table_file", lambda data: data_table(data, folder), seeds(), mutate)
