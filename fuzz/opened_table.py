"""The door of tables as a function of bytes, which raises nothing but what is documented.

This file needs no fuzzer: a test gives every file of ``corpus/table_file`` to the same function.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from munseo._data import DataLayout, ImageError, load_pages
from munseo._data.decoder import read_bytes
from munseo._errors import UserError

EXTENSIONS = (".csv", ".jsonl", ".xlsx", ".parquet", ".tar", ".zip")
"""The kinds of table; the first byte of an input says which."""
PAGES = 3
"""The pages of a table that holds its pages whose bytes are read."""


def data_table(data: bytes, folder: Path) -> None:
    """Check that any bytes are a table of pages, or a ``UserError`` that names the file."""
    file = folder / f"train{EXTENSIONS[data[0] % len(EXTENSIONS)] if data else '.csv'}"
    file.write_bytes(data[1:])
    try:
        pages = load_pages(folder, DataLayout(train_table=file.name))
    except UserError as error:
        told = "\n".join([error.message, *error.problems])
        assert file.name in told or str(folder) in told
    else:
        for page in islice(pages.train, PAGES):
            try:
                assert read_bytes(page.path)
            except ImageError:  # the check of images reports it
                continue
    finally:
        file.unlink()
