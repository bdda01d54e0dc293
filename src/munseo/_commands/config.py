"""``munseo config show|check|schema|list``."""

from __future__ import annotations

from munseo._commands.options import ConfigArgument, Overrides


def show(config: ConfigArgument, overrides: Overrides = ()) -> str:
    """Print every key of the configuration as a run would use it."""
    from munseo import _config

    return _config.show(config, overrides).removesuffix("\n")


def check(config: ConfigArgument, overrides: Overrides = ()) -> str:
    """Check a configuration and its model, and name all its problems at once."""
    from munseo._config import load_config

    loaded = load_config(config, overrides)
    from munseo._training.start_checks import check_model_of

    check_model_of(loaded)
    return f"{config}: fine"


def schema() -> str:
    """Print the JSON schema of the configuration, for editors."""
    from munseo import _config

    return _config.schema()


def list_templates() -> list[str]:
    """List the templates that come with Munseo."""
    from munseo import _config

    return [f"{name:32} {purpose}" for name, purpose in _config.templates().items()]
