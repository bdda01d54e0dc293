"""The submission: one row for each test page, in the order and with the IDs of the sample submission."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from munseo._data.data_table import DataTable
from munseo._data.image_finder import nfc
from munseo._data.tables import read_table
from munseo._errors import UserError
from munseo._run.atomic import write_text
from munseo._spreadsheet import CsvRows


def read_sample_submission(path: Path) -> list[str]:
    """Return the IDs of a sample submission, in their order and as written.

    Raises:
        UserError: It cannot be read, or an ID is empty or occurs twice.
    """
    table = read_table(path)
    id_column, _ = _columns(table)
    ids: dict[str, str] = {}
    problems = list(table.problems)
    for row in table.rows:
        page_id = row.values[id_column]
        if not page_id:
            problems.append(f"{table.where(row)}: the ID is empty")
        elif nfc(page_id) in ids:
            problems.append(f"{table.where(row)}: {page_id}: duplicate ID")
        ids.setdefault(nfc(page_id), page_id)
    if problems:
        raise UserError(f"{path}: is not a usable sample submission; fix these rows.", problems)
    return list(ids.values())


def write_submission(
    path: Path,
    ids: Sequence[str],
    targets: Sequence[str],
    *,
    sample: Path | None = None,
    probabilities: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    extra: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write the CSV, completely or not at all.

    Args:
        path: The file to write.
        ids: The IDs of the predicted pages; they are distinct.
        targets: What to write for each page.
        sample: A sample submission: its column names, its order and its spelling of the IDs are kept.
        probabilities: (len(ids), num_classes); adds a column ``p_<class name>`` for each class.
        class_names: The names of the classes; needed for ``probabilities``.
        extra: Further columns, right after the target: the name, and a value for each of ``ids``.

    Raises:
        UserError: IDs of the sample are missing in ``ids`` or vice versa (nothing is written), or the file cannot be
            written.
    """
    assert len(ids) == len(targets) == len({nfc(page_id) for page_id in ids}), "one target for each of distinct IDs"
    positions = {nfc(page_id): position for position, page_id in enumerate(ids)}
    rows, header = list(ids), ["ID", "target"]
    if sample is not None:
        rows, header = read_sample_submission(sample), list(_columns(read_table(sample)))
        _refuse_other_ids(positions, rows, sample)
    extra = extra or {}
    assert all(len(values) == len(ids) for values in extra.values()), "one value for each ID"
    header += list(extra)
    if probabilities is not None:
        assert class_names is not None
        assert probabilities.shape == (len(ids), len(class_names))
        header += [f"p_{name}" for name in class_names]
    text = io.StringIO()
    lines = CsvRows(text)
    lines.write(header)
    for page_id in rows:
        position = positions[nfc(page_id)]
        row = [page_id, targets[position], *(values[position] for values in extra.values())]
        if probabilities is not None:
            row += [f"{probability:.6f}" for probability in probabilities[position]]
        lines.write(row)
    try:
        write_text(path, text.getvalue())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another path for it.") from None


def _columns(table: DataTable) -> tuple[str, str]:
    """Return the ID and the target column: by their usual names, otherwise the first two."""
    by_name = {name.casefold(): name for name in reversed(table.columns)}
    id_column = by_name.get("id", table.columns[0])
    others = [name for name in table.columns if name != id_column]
    return id_column, by_name.get("target", others[0] if others else "target")


def _refuse_other_ids(predicted: dict[str, int], expected: Sequence[str], sample: Path) -> None:
    name, wanted = sample.name, {nfc(page_id): page_id for page_id in expected}
    problems = [f"{wanted[key]}: is in {name}, but was not predicted" for key in wanted if key not in predicted]
    problems += [f"{key}: was predicted, but is not in {name}" for key in predicted if key not in wanted]
    if problems:
        raise UserError(f"The predictions do not match {sample}; predict exactly its pages.", problems)
