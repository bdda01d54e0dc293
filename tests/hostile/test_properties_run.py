"""The manifest and the other files of a run: written and read back the same; damaged, they are refused in words."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from munseo import UserError
from munseo._model import ModelCard
from munseo._run import RunFolder, check_fingerprints, fingerprints
from munseo._run.manifest import is_edited

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
MANIFESTS = st.dictionaries(
    TEXT.filter(lambda key: key not in ("sha256", "format", "fingerprints")), VALUES, max_size=5
)


@given(MANIFESTS, MANIFESTS)
def test_a_manifest_reads_back_and_knows_that_it_was_not_edited(first, second):
    with TemporaryDirectory() as path:
        run = RunFolder(Path(path))
        run.update_manifest(**first)
        run.update_manifest(**second)
        manifest = run.read_manifest()
        assert not is_edited(manifest)
        assert {key: value for key, value in manifest.items() if key not in ("sha256", "format")} == {**first, **second}


@given(st.data())
def test_a_damaged_manifest_is_refused_or_known_to_be_edited(data):
    with TemporaryDirectory() as path:
        run = RunFolder(Path(path))
        run.config_file.write_text("{}")
        run.update_manifest(name="가나다", status="finished", course={"best": 0.25}, fingerprints=fingerprints(run))
        content = bytearray(run.manifest_file.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
        else:
            del content[place:]
        before = run.read_manifest()
        run.manifest_file.write_bytes(content)
        try:
            after = run.read_manifest()
            check_fingerprints(run)
        except UserError:
            return
        # White space between the values, or the very key that held the seal.
        assert after == before or "sha256" not in after


@given(st.binary(max_size=200))
def test_any_bytes_in_any_file_of_a_run(data):
    with TemporaryDirectory() as path:
        run = RunFolder(Path(path))
        for file in (run.config_file, run.manifest_file, run.model_file, run.metrics_file, run.val_predictions_file):
            file.write_bytes(data)
        for read in (
            run.read_config,
            run.read_manifest,
            run.read_metrics,
            lambda: run.read_predictions(run.val_predictions_file),
            lambda: ModelCard.from_dict(run.read_json(run.model_file), "model.json"),
        ):
            with suppress(UserError):
                read()


@given(st.dictionaries(st.sampled_from([*ModelCard.__dataclass_fields__, "x"]), VALUES))
def test_any_card_is_refused_or_goes_round(values):
    try:
        card = ModelCard.from_dict(values, "model.json")
    except UserError:
        return
    assert ModelCard.from_dict(card.to_dict(), "model.json") == card
