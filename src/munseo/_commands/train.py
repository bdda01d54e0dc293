"""``munseo train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from munseo._commands.options import CONFIG, OnBadImage, Overrides, Quiet
from munseo._console import quietly

if TYPE_CHECKING:
    from munseo._config import Config

EXAMPLES = (
    "`munseo train configs/rvl5.yaml data_dir=data/rvl5`",
    "`munseo train efficientnet_b4 data_dir=data lr=0.0003 n_folds=5`",
)


def train(
    config: Annotated[str | Path | Config, CONFIG],
    overrides: Overrides = (),
    *,
    on_bad_image: OnBadImage = None,
    quiet: Quiet = False,
) -> Path:
    """Train a model: check the data, train, evaluate, predict the test pages, and write the report.

    Returns:
        The run folder.

    Raises:
        UserError: Something is wrong with the configuration or the data; the message names all of it.
        Interrupted: Ctrl-C or SIGTERM stopped the run; `resume` continues it.
    """
    from munseo._config import resolve_config

    values = [*overrides, *([f"on_bad_image={on_bad_image}"] if on_bad_image else ())]
    resolved = resolve_config(config, values)
    from munseo._training.training_run import train_run

    with quietly(quiet):
        return train_run(resolved)
