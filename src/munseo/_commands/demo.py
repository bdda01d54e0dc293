"""``munseo demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo._commands.options import Quiet
from munseo._commands.score import score
from munseo._commands.synth import synth
from munseo._commands.train import train
from munseo._console import quietly, say

EXAMPLES = ("`munseo demo`",)
NUM_TRAIN, NUM_TEST, SIDE_PX = 500, 170, 480


def demo(
    out: Annotated[Path | str, typer.Argument(metavar="OUT", help="Folder for the data and the run.")] = "demo",
    *,
    quiet: Quiet = False,
) -> Path:
    """See all of Munseo in a few minutes: draw documents, train, predict, score, report.

    Data that the folder already holds are used again.

    Returns:
        The report.
    """
    from munseo._config import load_config
    from munseo._run import open_run

    folder = Path(out)
    with quietly(quiet):
        data = folder / "data"
        if not (data / "test_labels.csv").is_file():
            say("1/3 drawing 17 kinds of documents, every value invented")
            synth(data, NUM_TRAIN, NUM_TEST, longest_side_px=SIDE_PX)
        say("2/3 training on the clean pages")
        run = open_run(train(load_config("demo", [f"data_dir={data}", f"runs_dir={folder / 'runs'}"])))
        say("3/3 scoring the damaged test pages, as a server would")
        public = _server_score(data, run.submission_file)
        score(run.path, public)
        val = run.read_results("val").val
        assert val is not None, "the run has just been judged"
        say(
            f"macro-F1 is {val.macro_f1:.4f} on the clean validation pages and {public:.4f} on the damaged test pages: "
            "this gap is why Munseo exists"
        )
    return run.path / "report.html"


def _server_score(data: Path, submission: Path) -> float:
    """Return macro-F1 of a submission against the labels that a server would keep to itself."""
    import pandas as pd

    from munseo._evaluation import macro_f1

    truth = pd.read_csv(data / "test_labels.csv").set_index("ID")["target"]
    guess = pd.read_csv(submission).set_index("ID")["target"]
    joined = pd.concat({"truth": truth, "guess": guess}, axis=1, join="inner")
    assert len(joined) == len(truth), "the submission has a row for every test page"
    return macro_f1(joined["truth"].to_numpy(), joined["guess"].to_numpy(), int(truth.max()) + 1)
