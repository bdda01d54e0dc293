"""``munseo synth`` and ``munseo demo``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from munseo import _synth as specimens
from munseo._config import load_config
from munseo._console import quietly, say
from munseo._evaluation import macro_f1
from munseo._run import open_run
from munseo.api.reporting import score
from munseo.api.training import train

DEMO_TRAIN, DEMO_TEST, DEMO_SIDE_PX = 500, 170, 480


def synth(
    out: Path | str,
    num_train: int = 1570,
    num_test: int = 3140,
    *,
    longest_side_px: int = 640,
    seed: int = 42,
    quiet: bool = False,
) -> Path:
    """Draw the 17-class document set.

    Args:
        out: A new folder; it gets the competition's layout, and ``test_labels.csv`` beside it.
        num_train: Pages of the train part, in the competition's imbalance.
        num_test: Pages of the test part: rotated, mirrored, blurred, noisy.
        longest_side_px: Size of a page.
        seed: The same seed draws the same bytes.
        quiet: Print nothing but errors.

    Returns:
        The folder.
    """
    with quietly(quiet):
        return specimens.generate(
            out, num_train=num_train, num_test=num_test, longest_side_px=longest_side_px, seed=seed
        )


def demo(out: Path | str = "demo", *, quiet: bool = False) -> Path:
    """The whole way: draw documents, train on them, predict the test part, score it, report.

    Args:
        out: Where the data and the run go; data that are there already are used again.
        quiet: Print nothing but errors.

    Returns:
        The report.
    """
    folder = Path(out)
    with quietly(quiet):
        data = folder / "data"
        if not (data / "test_labels.csv").is_file():
            say("1/3 drawing 17 kinds of documents, every value invented")
            synth(data, DEMO_TRAIN, DEMO_TEST, longest_side_px=DEMO_SIDE_PX)
        say("2/3 training on the clean pages")
        overrides = [f"data_dir={data}", f"runs_dir={folder / 'runs'}"]
        run = open_run(train(load_config("demo", overrides)))
        say("3/3 scoring the damaged test pages, as a server would")
        public = _server_score(data, run.submission_file)
        score(run.path, public)
        val = run.read_results("val").val
        assert val is not None, "the run has just been judged"
        say(
            f"validation said {val.macro_f1:.4f} (clean pages), the test part says {public:.4f}: "
            "that gap is why Munseo exists"
        )
    return run.path / "report.html"


def _server_score(data: Path, submission: Path) -> float:
    """Macro-F1 of a submission against the labels that a server would keep to itself."""
    truth = pd.read_csv(data / "test_labels.csv").set_index("ID")["target"]
    guess = pd.read_csv(submission).set_index("ID")["target"]
    joined = pd.concat({"truth": truth, "guess": guess}, axis=1, join="inner")
    assert len(joined) == len(truth), "the submission has a row for every test page"
    return macro_f1(joined["truth"].to_numpy(), joined["guess"].to_numpy(), int(truth.max()) + 1)
