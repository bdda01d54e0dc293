"""Check by simulation what Munseo states about its numbers, in worlds whose truth is known.

    python benchmarks/promises.py                  # all checks, in under ten minutes on two cores
    python benchmarks/promises.py threshold        # one of them, by the name of its file

Each file of ``promise_checks`` has a function ``check`` that returns rows: what is stated, what was measured, and in
how many trials. The table is printed as Markdown; the exit code is 1 where a measured value breaks what is stated by
more than the error of the simulation.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from promise_checks.promise import Promise

FOLDER = Path(__file__).parent / "promise_checks"


def check_names() -> list[str]:
    """Return the names of all checks."""
    return sorted(file.stem for file in FOLDER.glob("*.py") if file.stem not in ("__init__", "promise"))


def main() -> int:
    """Run the checks that are named, or all of them, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"any of: {', '.join(check_names())}")
    chosen = parser.parse_args().checks or check_names()
    unknown = sorted(set(chosen) - set(check_names()))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; should be any of: {', '.join(check_names())}")
    rows: list[Promise] = []
    for name in chosen:
        started = time.monotonic()
        rows += importlib.import_module(f"promise_checks.{name}").check()
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print("| promise | world | stated | measured | trials | |\n|---|---|---|---|---|---|")
    for row in rows:
        print(row.table_row())
    broken = [row for row in rows if not row.holds]
    print(f"\n{len(rows) - len(broken)} of {len(rows)} hold.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
