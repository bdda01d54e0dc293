#!/usr/bin/env bash
# pandas 3.1.1: on Linux a text with a lone carriage return is written so that the next reader finds two rows.
#
# Seen: DataFrame.to_csv, with the line ends of Linux, writes "a\rb" without quotation marks, and pandas.read_csv takes the
# carriage return for the end of the row: two rows become three, the values move to other columns, and nothing is said.
# With quoting=csv.QUOTE_ALL, or line ends "\r\n", they are read back equal. File names and texts from old programs for the
# Macintosh have such characters.
# This script exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install pandas==3.1.1 numpy==2.4.6 --quiet
cat > "$work/seen.py" <<'PY'
import csv
import io
import sys

import pandas as pd

table = pd.DataFrame({"ID": ["a\rb", "c"], "target": ["1", "2"]})


def read_back(**words: object) -> pd.DataFrame:
    text = table.to_csv(index=False, **words)
    return pd.read_csv(io.StringIO(text, newline=""), dtype=str, keep_default_na=False)


plain = read_back(lineterminator="\n")
print("Python", sys.version.split()[0], "pandas", pd.__version__)
print("written:  ", table.to_dict("list"))
print("read back:", plain.to_dict("list"))
quoted, windows = read_back(lineterminator="\n", quoting=csv.QUOTE_ALL), read_back(lineterminator="\r\n")
print("equal if everything is quoted:", quoted.equals(table), "and with line ends of Windows:", windows.equals(table))
as_seen = len(plain) == 3 and list(plain["ID"]) == ["a", "b", "c"] and quoted.equals(table) and windows.equals(table)
raise SystemExit(not as_seen)
PY
python "$work/seen.py"
