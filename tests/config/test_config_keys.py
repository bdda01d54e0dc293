"""Every key of the configuration says what it is, and what reports need to know about it."""

import json
from collections import Counter

import pytest

from munseo import _config as configuration
from munseo._config import Augmentation, Config, dump_config
from munseo._config.key import KeyGroup, Section, keys_of
from munseo._config.schema import REFERENCE_ORDER
from munseo._errors import UserError


def sections(model=Section):
    for section in model.__subclasses__():
        yield section
        yield from sections(section)


@pytest.mark.parametrize("section", sorted(set(sections()), key=lambda section: section.__name__))
def test_every_key_of_every_section_has_a_description(section):
    assert [name for name, field in section.model_fields.items() if not field.description] == []


def test_every_key_has_a_group_and_the_schema_shows_it():
    properties = json.loads(configuration.schema())["properties"]
    assert list(properties) == Config.ordered_keys()
    for name, field in Config.model_fields.items():
        assert properties[name]["group"] == keys_of(Config)[name].group
        assert properties[name]["description"] == field.description
    assert {key.group for key in keys_of(Augmentation).values()} == {KeyGroup.SWITCHES}


def test_keys_are_declared_once_and_written_in_the_order_of_the_reference():
    declared = Counter(name for base in Config.__bases__ for name in base.model_fields)
    assert set(declared) == set(Config.model_fields)
    assert max(declared.values()) == 1
    written = [line.split(":")[0] for line in dump_config(Config()).splitlines() if line[0] not in " -"]
    assert written == Config.ordered_keys()
    assert written[: len(REFERENCE_ORDER)] == list(REFERENCE_ORDER)


def test_techniques_that_can_be_off_are_off_by_default_and_have_distinct_positions():
    optional = {name: key for name, key in keys_of(Config).items() if key.off is not None}
    assert not any(getattr(Config(), name) for name in optional)
    positions = sorted(key.off_order for key in optional.values())
    assert positions == list(range(1, len(optional) + 1))


def test_a_config_is_checked_again_when_it_is_used():
    config = Config()
    config.epochs = 0
    with pytest.raises(UserError, match="epochs: 0 is not allowed"):
        configuration.resolve_config(config)
    with pytest.raises(UserError, match="overrides: they go with a file"):
        configuration.resolve_config(Config(), ["lr=1"])
