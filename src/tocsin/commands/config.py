"""config: the settings in force and where each came from."""

import json

import click

from tocsin import config as settings
from tocsin.commands import options


@click.command("config", short_help="The settings in force and where each came from.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of the settings file instead.")
@options.as_json
@options.settings
def command(*, schema: bool, as_json: bool, file: str | None) -> int:
    """Checks the settings and prints those in force, each with its place: a file's line, a variable, or default."""
    if schema:
        click.echo(json.dumps(settings.schema(), indent=2))
        return 0
    config = options.configured(file)
    if as_json:
        click.echo(json.dumps({"settings": settings.as_settings(config), "origins": dict(config.origins)}))
        return 0
    others = {"node": config.node, "node_ip": config.node_ip}
    for path, value in (*settings.flat(settings.as_settings(config)), *others.items()):
        click.echo(f"{path:32} {json.dumps(value):40} {config.origins[path]}")
    return 0
