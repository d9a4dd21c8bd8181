"""What several verbs share: options, and one line for an error."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from tocsin.config import Config, load, told
from tocsin.units import duration

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
settings: Decorator = click.option(
    "--config",
    "file",
    metavar="FILE",
    type=click.Path(),
    help="The settings file [default: $TOCSIN_CONFIG, else /etc/tocsin/tocsin.yaml].",
)
as_json: Decorator = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def configured(file: str | None) -> Config:
    return load(file, os.environ)


def telling(file: str | None) -> Config:
    """The same for a verb that tells somebody. Raises SettingsError if there is nobody."""
    config = configured(file)
    told(config)
    return config


def complain(text: str) -> None:
    """One line on standard error."""
    click.echo(text, err=True)


class Moment(click.ParamType[datetime]):
    """A moment: ISO 8601, in UTC if it names no zone, or so long ago ("2h")."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401 (click's)
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return self._ago(value, param, ctx)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _ago(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            ago: timedelta = duration(value)
        except ValueError:
            self.fail(f"{value!r} is no time: write 2026-11-23T14:00 or, for so long ago, 2h", param, ctx)
        return clock() - ago


def clock() -> datetime:
    from tocsin import app

    return app.clock()
