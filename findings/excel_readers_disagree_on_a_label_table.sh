#!/usr/bin/env bash
# pandas 3.1.1 with openpyxl 3.1.5 and with python-calamine 0.8.0: one table of IDs and labels, three contents.
#
# The sheet shows the IDs 00007 (a number with the format 00000) and 00008 (a text), and the classes None and NA (texts).
# Seen: read_excel(dtype=str) gives '7' and '00008', and both classes as missing, with either engine. With
# keep_default_na=False the classes are there, and the ID is still '7'. python-calamine by itself gives the number 7.0 and
# has no formats of cells. Only openpyxl gives the number 7 together with its format '00000', from which the ID that
# people see can be written.
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install pandas==3.1.1 openpyxl==3.1.5 python-calamine==0.8.0 --quiet
cat > "$work/seen.py" <<'PY'
import openpyxl
import pandas as pd
import python_calamine

book = openpyxl.Workbook()
sheet = book.active
for row in (["ID", "target"], [7, "None"], ["00008", "NA"]):
    sheet.append(row)
sheet["A2"].number_format = "00000"
book.save("t.xlsx")

found = {}
for engine in ("openpyxl", "calamine"):
    for options in ({}, {"keep_default_na": False}):
        table = pd.read_excel("t.xlsx", dtype=str, engine=engine, **options)
        found[engine, bool(options)] = [None if value is pd.NA or value != value else value for value in table.to_numpy().ravel()]
        print(engine, options, found[engine, bool(options)])
cells = python_calamine.CalamineWorkbook.from_path("t.xlsx").get_sheet_by_index(0).to_python()
print("python-calamine", cells)
cell = openpyxl.load_workbook("t.xlsx").active["A2"]
print("openpyxl", cell.value, cell.number_format)

lost, kept = ["7", None, "00008", None], ["7", "None", "00008", "NA"]
expected = {(engine, keeps): kept if keeps else lost for engine in ("openpyxl", "calamine") for keeps in (False, True)}
same = found == expected and cells[1:] == [[7.0, "None"], ["00008", "NA"]]
raise SystemExit(not (same and (cell.value, cell.number_format) == (7, "00000")))
PY
cd "$work" && python seen.py
