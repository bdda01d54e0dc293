"""``munseo cache ls|clear``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from munseo._data.cache.cache_contents import CacheListing, Cleared

FolderArgument = Annotated[
    Path | str | None, typer.Argument(metavar="FOLDER", help="Default: the user's cache folder.", show_default=False)
]


def ls(folder: FolderArgument = None) -> CacheListing:
    """List what the cache holds, the most recently used first."""
    from munseo._data.cache.cache_contents import list_cache

    return list_cache(folder)


def show_listing(listing: CacheListing) -> None:
    """Print a table of the entries and the size of all of them."""
    from rich.console import Console
    from rich.table import Table

    if listing.num_pages_with_words:
        typer.echo(f"words of {listing.num_pages_with_words:,} pages: {_size(listing.word_bytes)}")
    if not listing.entries:
        if not listing.num_pages_with_words:
            typer.echo(f"{listing.folder}: empty")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("image size", "pages", "size", "last used", ""):
        table.add_column(column, justify="right" if column in ("image size", "pages", "size") else "left")
    for entry in listing.entries:
        table.add_row(
            f"{entry.image_size} px" + (" thumbnails" if entry.thumbnails else ""),
            f"{entry.num_pages:,}",
            _size(entry.num_bytes),
            f"{entry.last_used:%Y-%m-%d %H:%M}",
            "in use" if entry.in_use else "" if entry.current else "of another version",
        )
    Console().print(table)
    typer.echo(f"{_size(listing.num_bytes)} of at most {_size(listing.limit)} in {listing.folder}")


def clear(folder: FolderArgument = None) -> Cleared:
    """Delete all decoded pages that no running command uses, and all words; they are made again when needed."""
    from munseo._data.cache.cache_contents import clear_cache

    return clear_cache(folder)


def show_cleared(cleared: Cleared) -> None:
    """Print how much space was freed, and how much is in use."""
    typer.echo(f"{cleared.folder}: {_size(cleared.num_bytes)} freed")
    if cleared.bytes_in_use:
        typer.echo(f"{_size(cleared.bytes_in_use)} are in use and stay")


def _size(num_bytes: int) -> str:
    for unit, bytes_per_unit in (("GB", 10**9), ("MB", 10**6)):
        if num_bytes >= bytes_per_unit:
            return f"{num_bytes / bytes_per_unit:.1f} {unit}"
    return f"{num_bytes / 1000:.1f} kB"
