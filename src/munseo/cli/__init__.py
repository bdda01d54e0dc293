"""The command ``munseo``: one small file a command; each parses words and calls one plain function."""

from __future__ import annotations

import sys

from munseo.cli.app import app
from munseo.errors import UserError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 the user can mend it, 130 interrupted."""
    try:
        app()
    except UserError as error:
        print(f"munseo: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("munseo: interrupted; `munseo resume RUN` goes on from the last finished epoch.", file=sys.stderr)
        sys.exit(130)
