"""A copy of a labelled table with some labels changed and some rows left out; all other bytes are unchanged."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from munseo._data.data_table import DataTable
from munseo._data.excel_table import write_edited_workbook
from munseo._data.parquet_table import ParquetTable
from munseo._data.text_table import BYTE_ORDER_MARKS, encoding_of
from munseo._errors import UserError
from munseo._run.atomic import replacing


def write_edited(table: DataTable, target_column: str, edits: dict[int, str | None], output: Path) -> None:
    """Write a copy of a table. Rows that are not edited keep their bytes, and all keep their order and encoding.

    Args:
        table: The table that ``read_table`` returned.
        target_column: The column of the labels, as the table spells it.
        edits: The new label by ``TableRow.line``, or None to leave out the row.
        output: The new file; it is replaced in one step.

    Raises:
        UserError: A label does not fit the type of a parquet column.
    """
    with replacing(output) as temporary:
        if table.encoding == "parquet":
            _write_parquet(table, target_column, edits, temporary)
        elif table.encoding == "Excel":
            write_edited_workbook(table, target_column, edits, temporary)
        else:
            temporary.write_bytes(_edited_text(table, target_column, edits))


def _edited_text(table: DataTable, target_column: str, edits: dict[int, str | None]) -> bytes:
    assert table.layout is not None
    data = table.path.read_bytes()
    encoding = encoding_of(table.path, io.BytesIO(data))
    mark = next((one for one in BYTE_ORDER_MARKS if data.startswith(one)), b"")
    codec = BYTE_ORDER_MARKS.get(mark, encoding.codec.removesuffix("-sig"))
    lines = list(io.StringIO(data[len(mark) :].decode(codec), newline=""))
    kept = (_edited_json if table.layout.is_json else _edited_rows)(table, target_column, edits, lines)
    return mark + "".join(kept).encode(codec)


def _edited_json(
    table: DataTable, target_column: str, edits: dict[int, str | None], lines: Sequence[str]
) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        label = edits.get(number)
        if number not in edits:
            yield line
        elif label is not None:
            values = json.loads(line)
            values[target_column] = int(label) if isinstance(values.get(target_column), int) else label
            yield json.dumps(values, ensure_ascii=False) + line[len(line.rstrip("\r\n")) :]


def _edited_rows(
    table: DataTable, target_column: str, edits: dict[int, str | None], lines: Sequence[str]
) -> Iterator[str]:
    assert table.layout is not None
    index, separator = table.columns.index(target_column), table.layout.separator
    reader = csv.reader(iter(lines), delimiter=separator, strict=True)
    before = 0
    for cells in reader:
        # A quoted cell may span several lines; a row is known by its first line.
        first, raw = before + 1, "".join(lines[before : reader.line_num])
        before = reader.line_num
        if first not in edits:
            yield raw
        elif (label := edits[first]) is not None:
            yield _row([*cells[:index], label, *cells[index + 1 :]], raw, separator)


def _row(cells: list[str], raw: str, separator: str) -> str:
    """Write a row with the quotation and the line end of the old row."""
    text = io.StringIO()
    # The program that wrote it may quote every cell.
    quotes_all = raw.count('"') >= 2 * len(cells)
    csv.writer(
        text, delimiter=separator, quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL, lineterminator=""
    ).writerow(cells)
    return text.getvalue() + raw[len(raw.rstrip("\r\n")) :]


def _write_parquet(table: DataTable, target_column: str, edits: dict[int, str | None], output: Path) -> None:
    """Write a copy by row groups, as the images in a table may be more than the memory holds."""
    try:
        with closing(ParquetTable(table.path)) as content, pq.ParquetWriter(output, content.schema) as writer:
            names = content.class_names.get(target_column, [])
            first = 1
            for group in content.row_groups():
                own = {line - first: label for line, label in edits.items() if first <= line < first + group.num_rows}
                first += group.num_rows
                writer.write_table(_edited_group(group, target_column, names, own) if own else group)
    except pa.ArrowException as error:
        raise UserError(f"{table.path.name}: column {target_column!r} cannot hold the new labels ({error}).") from None


def _edited_group(group: pa.Table, target_column: str, names: Sequence[str], edits: dict[int, str | None]) -> pa.Table:
    index = group.column_names.index(target_column)
    field, values = group.schema.field(index), group.column(index).to_pylist()
    for row, label in edits.items():
        if label is not None:
            # Where the file names its classes, the column holds their numbers.
            stored = str(names.index(label)) if label in names else label
            values[row] = pa.scalar(stored, pa.string()).cast(field.type).as_py()
    changed = group.set_column(index, field, pa.array(values, field.type))
    kept = [row for row in range(group.num_rows) if edits.get(row, "") is not None]
    return changed.take(pa.array(kept, pa.int64()))
