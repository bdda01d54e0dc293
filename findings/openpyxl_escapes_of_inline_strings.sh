#!/usr/bin/env bash
# openpyxl 3.1.5: a text such as "_x0041_" that another program stored in the row itself is read with its escape.
#
# Seen: in a workbook "_x0041_" stands for the character of this number, so that the text itself is stored escaped, as
# "_x005F_x0041_" (ISO/IEC 29500-1, ST_Xstring). XlsxWriter 3.3.1 does so. openpyxl, and pandas with it, undoes the escape of a
# shared string, but not that of an inline string, which XlsxWriter writes with constant_memory. The same name is thus
# read in two ways, depending on how the workbook was written. In the other direction openpyxl stores "_x0041_" as it is,
# which stands for "A".
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install openpyxl==3.1.5 xlsxwriter==3.3.1 --quiet
cat > "$work/seen.py" <<'PY'
import re
import sys
import zipfile

import openpyxl
import xlsxwriter

TEXT = "scan_x0041_1.jpg"
ESCAPED = "scan_x005F_x0041_1.jpg"
folder = sys.argv[1]


def stored(file: str) -> str:
    """Return the text as the file has it."""
    with zipfile.ZipFile(file) as book:
        parts = [book.read(name).decode() for name in book.namelist() if "sheet1" in name or "sharedStrings" in name]
    return re.search(r"<t[^>]*>([^<]*)</t>", "".join(parts))[1]


def by_xlsxwriter(constant_memory: bool) -> str:
    file = f"{folder}/xlsxwriter{constant_memory}.xlsx"
    book = xlsxwriter.Workbook(file, {"constant_memory": constant_memory})
    book.add_worksheet().write_string(0, 0, TEXT)
    book.close()
    return file


def by_openpyxl() -> str:
    file = f"{folder}/openpyxl.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"] = TEXT
    book.save(file)
    return file


seen = []
files = {"shared string": by_xlsxwriter(False), "inline string": by_xlsxwriter(True), "openpyxl": by_openpyxl()}
for name, file in files.items():
    seen.append((stored(file), str(openpyxl.load_workbook(file).active["A1"].value)))
    print(f"{name}: {TEXT} is stored as {seen[-1][0]} and read by openpyxl as {seen[-1][1]}")
raise SystemExit(seen != [(ESCAPED, TEXT), (ESCAPED, ESCAPED), (TEXT, TEXT)])
PY
python "$work/seen.py" "$work"
