"""``munseo predict``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from munseo._console import quietly
from munseo._errors import UserError
from munseo._prediction import PredictOptions
from munseo._prediction.bulk import predict_bulk
from munseo._prediction.joined_parts import join_shards
from munseo._prediction.submission import predict_submission
from munseo._run import open_run

ON_BAD_IMAGE = ("fail", "skip")


def predict(
    run: Path | str,
    inputs: Sequence[Path | str] = (),
    output: Path | str | None = None,
    *,
    proba: bool = False,
    tta: bool | None = None,
    second_look: bool | None = None,
    abstain_below: float | None = None,
    target_precision: float | None = None,
    device: str | None = None,
    backend: str = "torch",
    on_bad_image: str = "fail",
    shard: str | None = None,
    join: bool = False,
    quiet: bool = False,
) -> Path:
    """Predict pages and write a table ``ID,target``.

    With an output that ends in ``.parquet`` any number of files is predicted as a stream (``docs/bulk.md``): in parts,
    resumed where it was interrupted, a row a page, and unreadable files have a row with the reason.

    Args:
        run: The run folder; the models of a k-fold run are averaged, the members of an ensemble combined.
        inputs: Folders, images, PDFs or tables with an ID column. None: the run's own test part. Where a
            ``sample_submission.csv`` belongs to a folder, its IDs and their order are kept. For parquet also patterns
            such as ``inbox/*.jpg``, ZIP and TAR archives, and ``-`` for a list of paths from standard input.
        output: The CSV or parquet file to write; by default ``<run name>.csv`` in the run folder.
        proba: Add a column of calibrated probability a class.
        tta: Average the configured views of a page; None: as configured.
        second_look: Predict uncertain pages again as validation chose; None: as configured.
        abstain_below: Calibrated confidence under which a page needs a person. Adds the columns ``confidence`` and
            ``needs_person``; the target stays.
        target_precision: The same, with the threshold that validation promises this share of right answers for.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; None: the run's own.
        backend: What runs the model: ``torch``, an export of the run (``onnx``, ``onnx-int8``, ``openvino``,
            ``openvino-int8``), or ``auto`` for the fastest that is there.
        on_bad_image: For a CSV: ``fail`` names every file that cannot be read; ``skip`` goes on, and says which.
        shard: For parquet: ``3/16`` predicts every file whose place modulo 16 is 3. By default all files, or under a
            launcher such as torchrun this process's share.
        join: Only join the shards of a parquet output that are there.
        quiet: Print nothing but errors.

    Returns:
        The file; where other shards are not done yet, the folder of this shard's parts.

    Raises:
        UserError: No run, no pages, pages that cannot be read, IDs that do not match the sample submission; no
            threshold that could be promised.
        Interrupted: Stopped by Ctrl-C or SIGTERM; what a parquet prediction has done is kept.
    """
    is_bulk = output is not None and Path(output).suffix.lower() == ".parquet"
    if on_bad_image not in ON_BAD_IMAGE:
        raise UserError(f"on_bad_image: {on_bad_image!r} is not allowed; should be fail or skip.")
    if join and not is_bulk:
        raise UserError("join: say which output: munseo predict RUN --join -o NAME.parquet")
    if shard is not None and not is_bulk:
        raise UserError("shard: works with an output that ends in .parquet; a CSV is written by one process.")
    folder = open_run(run)
    file = None if output is None else Path(output)
    options = PredictOptions(tta, second_look, abstain_below, target_precision, device, backend)
    with quietly(quiet):
        if file is None or not is_bulk:
            return predict_submission(folder, inputs, file, options, proba=proba, on_bad_image=on_bad_image)
        if join:
            return join_shards(folder, file)
        return predict_bulk(folder, inputs, file, options, shard=shard, proba=proba)
