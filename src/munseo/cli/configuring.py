"""``munseo config show|check|schema|list``."""

from __future__ import annotations

import typer

from munseo.cli.words import ConfigArgument, Overrides

app = typer.Typer(help="Look at configurations.", no_args_is_help=True)


@app.command(epilog="Example: `munseo config show efficientnet_b4 lr=0.0003`")
def show(config: ConfigArgument, overrides: Overrides = None) -> None:
    """Print the configuration as a run would use it, every key."""
    from munseo import _config as configuration

    typer.echo(configuration.show(config, overrides or ()), nl=False)


@app.command(epilog="Example: `munseo config check my.yaml`")
def check(config: ConfigArgument, overrides: Overrides = None) -> None:
    """Name every problem of a configuration at once."""
    from munseo import _config as configuration

    configuration.check(config, overrides or ())
    typer.echo(f"{config}: fine")


@app.command(epilog="Example: `munseo config schema > munseo.schema.json`")
def schema() -> None:
    """Print the JSON schema, for editors."""
    from munseo import _config as configuration

    typer.echo(configuration.schema())


@app.command(name="list", epilog="Example: `munseo config list`")
def list_templates() -> None:
    """List the templates that come with Munseo."""
    from munseo import _config as configuration

    for name, purpose in configuration.templates().items():
        typer.echo(f"{name:32} {purpose}")
