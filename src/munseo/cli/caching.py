"""``munseo cache ls|clear``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from munseo.api.caching import CacheEntry

FolderArgument = Annotated[
    Path | None, typer.Argument(metavar="[FOLDER]", help="Default: the user's cache folder.", show_default=False)
]

cache = typer.Typer(help="Look at the decoded pages that runs share, and delete them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(cache, name="cache")


@cache.command(epilog="Example: `munseo cache ls`")
def ls(folder: FolderArgument = None) -> None:
    """List what the cache holds, the last used first."""
    from rich.console import Console
    from rich.table import Table

    from munseo.api.caching import list_cache

    listing = list_cache(folder)
    if not listing.entries:
        typer.echo(f"{listing.folder}: empty")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("image size", "pages", "size", "last used", ""):
        table.add_column(column, justify="right" if column in ("image size", "pages", "size") else "left")
    for entry in listing.entries:
        table.add_row(
            f"{entry.image_size} px",
            f"{entry.num_pages:,}",
            _size(entry.num_bytes),
            f"{entry.last_used:%Y-%m-%d %H:%M}",
            _state(entry),
        )
    Console().print(table)
    typer.echo(f"{_size(listing.num_bytes)} of at most {_size(listing.limit)} in {listing.folder}")


@cache.command(epilog="Example: `munseo cache clear`")
def clear(folder: FolderArgument = None) -> None:
    """Delete all decoded pages that no running command uses; they are decoded again when they are needed."""
    from munseo.api.caching import clear_cache

    cleared = clear_cache(folder)
    typer.echo(f"{cleared.folder}: {_size(cleared.num_bytes)} freed")
    if cleared.bytes_in_use:
        typer.echo(f"{_size(cleared.bytes_in_use)} are in use and stay")


def _size(num_bytes: int) -> str:
    for unit, bytes_per_unit in (("GB", 10**9), ("MB", 10**6)):
        if num_bytes >= bytes_per_unit:
            return f"{num_bytes / bytes_per_unit:.1f} {unit}"
    return f"{num_bytes / 1000:.1f} kB"


def _state(entry: CacheEntry) -> str:
    return "in use" if entry.in_use else "" if entry.current else "of another version"
