"""The configuration of a run; also the functions behind ``munseo config show|check|schema``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from munseo._config.reader import TEMPLATES, dump_config, find_config, load_config, parse_config, read_yaml
from munseo._config.schema import Augmentation, Config

__all__ = [
    "Augmentation",
    "Config",
    "check",
    "dump_config",
    "find_config",
    "load_config",
    "parse_config",
    "read_yaml",
    "schema",
    "show",
    "templates",
]


def show(config: Path | str, overrides: Sequence[str] = ()) -> str:
    """The configuration as a run would use it: every key, defaults filled in, as YAML."""
    return dump_config(load_config(config, overrides))


def check(config: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read the configuration; raise ``UserError`` with all its problems if it has any."""
    return load_config(config, overrides)


def schema() -> str:
    """The JSON schema of the configuration, for editors."""
    return json.dumps(Config.model_json_schema(), indent=2, ensure_ascii=False)


def templates() -> dict[str, str]:
    """The templates that come with Munseo: name to the first comment of the file."""
    return {
        file.stem: file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        for file in sorted(TEMPLATES.glob("*.yaml"))
    }
