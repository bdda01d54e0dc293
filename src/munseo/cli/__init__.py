"""The command ``munseo``: one small file a command; each parses words and calls one plain function."""

from __future__ import annotations

import signal
import sys

from munseo._console import inert
from munseo._errors import UserError
from munseo._run.atomic import NoRoomError
from munseo.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 the user can mend it, 130 interrupted."""
    try:
        app()
    except (UserError, NoRoomError) as error:
        print(f"munseo: {inert(str(error))}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        # Typer turns Ctrl-C into an exit without a word.
        stop = end.__context__.__cause__ if end.__context__ else None
        if not isinstance(stop, KeyboardInterrupt):
            raise
        print(f"munseo: {inert(str(stop)) or 'interrupted.'}", file=sys.stderr)
        sys.exit(128 + getattr(stop, "signum", signal.SIGINT))
