"""``munseo runs diff``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from munseo._console import inert

EXAMPLES = ("`munseo runs diff runs/2507051934-… runs/2507062010-… --json diff.json`",)
SHOWN = 20
"""Rows of a kind that are printed; ``--json`` writes all of them."""
KINDS_SHOWN = 4
"""Kinds of changes that the first line of a section counts."""


def diff(
    a: Annotated[Path | str, typer.Argument(metavar="A", help="A run, or latest.", show_default=False)],
    b: Annotated[Path | str, typer.Argument(metavar="B", help="Another run.", show_default=False)],
    json: Annotated[Path | str | None, typer.Option(metavar="FILE", help="Write everything to this file too.")] = None,
) -> dict[str, Any]:
    """Report which settings, labels, images and sides differ between two runs, and how the scores changed.

    Returns:
        What differs, as `munseo._evaluation.run_differences.compare_runs` describes it.

    Raises:
        UserError: A folder holds no run, both are the same, or a file is damaged.
    """
    from munseo._run import open_run

    run_a, run_b = open_run(a), open_run(b)
    from munseo._evaluation.run_differences import compare_runs
    from munseo._run.atomic import write_json

    differences = compare_runs(run_a, run_b)
    if json is not None:
        write_json(Path(json), differences)
    return differences


def show(differences: dict[str, Any], *, json: Path | None) -> None:
    """Print the differences, and the file that holds all of them."""
    for line in lines(differences):
        typer.echo(inert(line))
    if json is not None:
        typer.echo(f"\n{json}")


def lines(differences: dict[str, Any]) -> Iterator[str]:
    """Yield the differences as lines: first what a person changed, then its effect on the pages and the scores."""
    yield f"A  {differences['a']}"
    yield f"B  {differences['b']}"
    yield from (f"!  {note}" for note in differences["notes"])
    yield ""
    yield from _section("settings", differences["settings"], lambda row: f"{row['key']}: {row['a']} -> {row['b']}")
    yield from _section("tables", differences["tables"], _table)
    for letter in ("A", "B"):
        if names := differences["classes"][f"only_{letter.lower()}"]:
            yield f"classes only in {letter}: {', '.join(names)}"
    yield from _pages(differences["pages"], differences["test"])
    yield from _section("versions", differences["versions"], lambda row: f"{row['key']}: {row['a']} -> {row['b']}")
    yield ""
    yield from _scores(differences)


def _section(
    name: str, rows: list[dict[str, Any]], text: Callable[[dict[str, Any]], str], of: str = "", kinds: str = ""
) -> Iterator[str]:
    """Yield the number of rows and their kinds, then the rows; one line if there are none."""
    if not rows:
        yield f"{name}: the same"
        return
    yield f"{name}: {len(rows):,}{of} differ{'s' if len(rows) == 1 else ''}{kinds}"
    yield from _rows(rows, text)


def _rows(rows: list[dict[str, Any]], text: Callable[[dict[str, Any]], str]) -> Iterator[str]:
    yield from (f"    {text(row)}" for row in rows[:SHOWN])
    if len(rows) > SHOWN:
        yield f"    … and {len(rows) - SHOWN:,} more; --json FILE has all"


def _change(row: dict[str, Any]) -> str:
    return f"{row['ID']}  {_from_to(row)}"


def _from_to(row: dict[str, Any]) -> str:
    return f"{row['a'] or '–'} -> {row['b'] or '–'}"


def _kinds(rows: list[dict[str, Any]]) -> str:
    """Return the most common changes of many rows, such as a renamed class or a new split."""
    if len(rows) < 3:
        return ""
    counts = Counter(map(_from_to, rows)).most_common(KINDS_SHOWN + 1)
    shown = ", ".join(f"{count:,} {kind}" for kind, count in counts[:KINDS_SHOWN])
    return f" ({shown}{', …' if len(counts) > KINDS_SHOWN else ''})"


def _table(row: dict[str, Any]) -> str:
    before, after = (f"{count:,}" if count is not None else "?" for count in (row["rows_a"], row["rows_b"]))
    return f"{row['table']}: {row['state']}" + (f", {before} -> {after} rows" if row["state"] == "changed" else "")


def _pages(pages: dict[str, Any], test: dict[str, Any]) -> Iterator[str]:
    if not pages:
        yield "labels, images, sides: not kept by both runs"
        return
    of = f" of {pages['in_both']:,}"
    yield from _section("labels", pages["labels"], _change, of, _kinds(pages["labels"]))
    for letter in ("A", "B"):
        if own := pages[f"only_{letter.lower()}"]:
            yield f"pages only in {letter}: {len(own):,}"
            yield from _rows(own, lambda row: f"{row['ID']}  {row['label'] or '–'}, {row['side']}")
    yield from _section("images", pages["images"], _digests, of)
    if pages["sides"] is not None:
        yield from _section("sides", pages["sides"], _change, of, _kinds(pages["sides"]))
    if test and (test["images"] or test["only_a"] or test["only_b"]):
        yield (
            f"test split: {len(test['images']):,} images differ, {len(test['only_a']):,} pages only in A, "
            f"{len(test['only_b']):,} only in B"
        )


def _digests(row: dict[str, Any]) -> str:
    before, after = ("unreadable" if row[side] is None else row[side][:12] for side in ("a", "b"))
    return f"{row['ID']}  {before} -> {after}"


def _scores(differences: dict[str, Any]) -> Iterator[str]:
    for row in differences["scores"]:
        a, b = (f"{value:.4f}" if value is not None else "–" for value in (row["a"], row["b"]))
        change = f"  {row['change']:+.4f}" if row["change"] is not None else ""
        yield f"{row['score']}: {a} -> {b}{change}"
    causes, predictions = differences["causes"], differences["predictions"]
    if causes is not None:
        yield from _causes(causes)
    if predictions is not None and not predictions["in_both"]:
        yield "predictions: no page was validated by both"
    elif predictions is not None:
        yield from _section(
            "predictions",
            predictions["changed"],
            lambda row: f"{row['ID']}  {row['a']} -> {row['b']}  (label {row['label']}, right: {row['right']})",
            f" of {predictions['in_both']:,}",
        )


def _causes(causes: dict[str, Any]) -> Iterator[str]:
    """Yield the change of macro-F1 as a sum, each part with the pages that it was measured on."""
    a, b, (low, high) = causes["macro_f1_a"], causes["macro_f1_b"], causes["interval"]
    if a == b and not any(causes[part] for part in ("by_labels", "by_predictions", "by_pages")):
        return
    yield f"what moved macro-F1 from {a:.4f} to {b:.4f} ({b - a:+.4f}); both validated {causes['num_pages']:,} pages:"
    yield f"    {causes['by_labels']:+.4f}  other labels on these"
    yield f"    {causes['by_predictions']:+.4f}  other predictions on these (95 % interval {low:+.4f} to {high:+.4f})"
    yield f"    {causes['by_pages']:+.4f}  pages that only one of the two validated"
