"""``munseo predict --join``: the parts of all shards as one table."""

from __future__ import annotations

from pathlib import Path

from munseo._console import quietly, say
from munseo._data.stream import PartsFolder, Shard, join_parts, missing_shards, shards_begun
from munseo._errors import UserError
from munseo._run import open_run
from munseo.api.weights import weights_sha256


def join(run: Path | str, output: Path | str | None, *, quiet: bool = False) -> Path:
    """Join the shards of a prediction into one parquet file, in the order of the inputs.

    Args:
        run: The run folder that predicted them.
        output: The file that was given to every shard.
        quiet: Print nothing but errors.

    Raises:
        UserError: Shards are missing or unfinished, all of them named; or they do not belong together, or to the run.
    """
    if output is None or Path(output).suffix.lower() != ".parquet":
        raise UserError("join: say which output: munseo predict RUN --join -o NAME.parquet")
    output = Path(output)
    weights = weights_sha256(open_run(run))
    with quietly(quiet):
        for shard in shards_begun(output):
            plan = PartsFolder.of(output, shard).read_plan()
            if plan is not None and plan["weights_sha256"] != weights:
                raise UserError(
                    f"{output}: shard {shard} was predicted by other weights than those of {run}; name its run."
                )
        return _join(output)


def join_if_complete(output: Path, own: Shard) -> Path:
    """Join if this was the last of the shards; else say what is missing, and return where its parts are."""
    lines = missing_shards(output)
    if not lines:
        return _join(output)
    say(f"shard {own} is done; {len(lines)} of {own.count} are not. The last one joins them, or --join does.")
    return PartsFolder.of(output, own).path


def _join(output: Path) -> Path:
    num_rows, num_errors = join_parts(output)
    unreadable = f", {num_errors:,} of them unreadable: see the column error" if num_errors else ""
    say(f"predictions: {output} ({num_rows:,} pages{unreadable})")
    return output
