"""The configuration of a run; also the functions behind ``munseo config``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from munseo._config.augmentation_settings import Augmentation
from munseo._config.key import keys_of
from munseo._config.reader import TEMPLATES, dump_config, load_config, parse_config, read_yaml, resolve_config
from munseo._config.schema import Config

__all__ = [
    "Augmentation",
    "Config",
    "dump_config",
    "load_config",
    "parse_config",
    "read_yaml",
    "resolve_config",
    "schema",
    "show",
    "templates",
]


def show(config: Path | str, overrides: Sequence[str] = ()) -> str:
    """Return the configuration as a run would use it: every key, with defaults filled in, as YAML."""
    return dump_config(load_config(config, overrides))


def schema() -> str:
    """Return the JSON schema of the configuration, for editors; each key has a description and a group."""
    values = Config.model_json_schema()
    keys, properties = keys_of(Config), values["properties"]
    values["properties"] = {name: {**properties[name], "group": keys[name].group} for name in Config.ordered_keys()}
    return json.dumps(values, indent=2, ensure_ascii=False)


def templates() -> dict[str, str]:
    """Return the templates that come with Munseo: name to the first comment of the file."""
    return {
        file.stem: file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        for file in sorted(TEMPLATES.glob("*.yaml"))
    }
