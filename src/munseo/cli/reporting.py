"""``munseo report``, ``munseo score`` and ``munseo runs``; ``munseo runs diff`` stands in diffing.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo.cli.diffing import DEFAULT, comparing
from munseo.cli.words import Quiet, RunArgument


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: `munseo report runs/2507… --lang ko`")(report)
    app.command(epilog="Example: `munseo score runs/2507… --public 0.8619`")(score)
    app.add_typer(comparing, name="runs")


def report(
    run: RunArgument,
    lang: Annotated[str, typer.Option(help="Language of the report whose path is printed: en or ko.")] = "en",
    quiet: Quiet = False,
) -> None:
    """Write the report again, from the run folder alone."""
    from munseo.api.reporting import report as write

    typer.echo(write(run, lang, quiet=quiet))


def score(
    run: RunArgument,
    public: Annotated[float | None, typer.Option(help="Public score of the server, 0 to 1.")] = None,
    private: Annotated[float | None, typer.Option(help="Private score of the server, 0 to 1.")] = None,
    quiet: Quiet = False,
) -> None:
    """Record what the server said; the report then compares it with validation."""
    from munseo.api.reporting import score as record

    scores = record(run, public, private, quiet=quiet)
    for name, value in scores.items():
        if isinstance(value, float):
            typer.echo(f"{name}  {value:.4f}")


@comparing.command(
    DEFAULT, epilog="Examples: `munseo runs` · `munseo runs results --sort public` · `munseo runs --csv > runs.csv`"
)
def runs(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="The folder that holds the runs.")] = Path("runs"),
    sort: Annotated[str, typer.Option(help="Column to sort by, best first.")] = "val_macro_f1",
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with every column.")] = False,
) -> None:
    """Compare the runs of a folder (`munseo runs FOLDER` is enough)."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from munseo._console import inert
    from munseo._spreadsheet import inert_table
    from munseo.api.reporting import runs as read

    table = read(folder, sort)
    if csv:
        typer.echo(inert_table(table).to_csv(index=False, lineterminator="\n"), nl=False)
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        shown.add_column(str(column), overflow="fold", justify="right" if table[column].dtype.kind == "f" else "left")
    for row in table.itertuples(index=False):
        texts = ("" if value != value or value is None else _short(value) for value in row)
        shown.add_row(*(Text(inert(text)) for text in texts))
    Console().print(shown)


def _short(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
