"""Whatever stands in a configuration: a clear refusal, or a configuration that reads back as it is."""

from __future__ import annotations

import typing
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from munseo import UserError
from munseo._config import Config, dump_config, load_config, parse_config
from munseo._run import run_name

KEYS = tuple(Config.model_fields)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats()
    | st.sampled_from([0, 1, 2, 0.5, "auto", "none", "model", "custom", "val_loss", "AdamW", "OneCycleLR", "int"])
    | st.text(max_size=20)
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def read_or_refused(values, folder=None) -> Config | None:
    try:
        return parse_config(values, "junk")
    except UserError:
        return None


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), JUNK, max_size=6))
def test_any_mapping_is_refused_or_reads_back(values):
    config = read_or_refused(values)
    if config is not None:
        assert_reads_back(config)


@given(st.data())
def test_any_value_of_one_key_is_refused_or_reads_back(data):
    key = data.draw(st.sampled_from(KEYS))
    annotation = Config.model_fields[key].annotation
    choices = [value for part in typing.get_args(annotation) for value in (typing.get_args(part) or (part,))]
    words = [value for value in choices if isinstance(value, str | int | float)]
    config = read_or_refused({key: data.draw(JUNK | st.sampled_from(words or [0]))})
    if config is not None:
        assert_reads_back(config)


def assert_reads_back(config: Config) -> None:
    import tempfile
    from pathlib import Path

    text = dump_config(config)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.yaml"
        file.write_text(text, encoding="utf-8")
        again = load_config(file)
    assert dump_config(again) == text


@given(st.text(max_size=300), st.binary(max_size=300))
def test_any_file_is_refused_or_read(text, data):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.yaml"
        for content in (text.encode("utf-8", "surrogatepass"), data, b"lr: " + data):
            file.write_bytes(content)
            try:
                load_config(file, [f"lr={text}"])
            except UserError:
                continue


@given(
    model_name=st.text(max_size=400),
    policies=st.lists(
        st.sampled_from(["eda", "dilation", "erosion", "document", "matched", "mixup", "cutmix"]), unique=True
    ),
    image_size=st.integers(16, 2048),
    flags=st.tuples(*[st.booleans()] * 4),
)
def test_any_run_has_a_name_that_every_system_takes(model_name, policies, image_size, flags):
    name = run_name(
        datetime(2025, 7, 5, 19, 34),
        model_name=model_name,
        optimizer_name="Adafactor",
        scheduler_name="CosineAnnealingWarmRestarts",
        image_size=image_size,
        online_augmentation=flags[0],
        augmentations=policies,
        class_augmentation=flags[1],
        tta=flags[2],
        mixed_precision=flags[3],
    )
    assert len(f".{name}-99.csv.1234567.tmp".encode()) <= 255
    assert not set(name) & set('<>:"/\\|?*')
    assert name.isascii()
    assert name.isprintable()
    assert name == name.strip(" .")
    assert name.startswith("2507051934-")
