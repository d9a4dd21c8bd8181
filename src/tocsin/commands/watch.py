"""watch: the same as check, each second, until a signal."""

import click

from tocsin import app, telemetry
from tocsin.commands import check, ending, options
from tocsin.config import Config
from tocsin.errors import StateInUse, StateUnwritable
from tocsin.pipeline import Report

_PAUSE = 1.0  # seconds between two ticks


@click.command("watch", short_help="The same, each second, until a signal.")
@options.settings
def command(file: str | None) -> int:
    """Reads, decides and mails each second until SIGTERM or SIGINT, and leaves with 0 then.

    A second one on the same state waits until the first is gone.
    """
    config = options.telling(file)
    log = telemetry.Log(config.log.format, config.log.file)
    try:
        log.say(telemetry.started("watch", config.node), app.clock())
        owner = _wait_for_state(config, log)
        if owner:
            _watch(owner, config, log)
        log.say(telemetry.line("stopped", "by a signal"), app.clock())
    finally:
        log.close()
    return 0


def _wait_for_state(config: Config, log: telemetry.Log) -> app.Owner | None:
    said = False
    while True:
        try:
            return app.Owner(config, app.clock())
        except StateInUse as error:
            if not said:
                log.say(telemetry.line("waiting", str(error)), app.clock())
            said = True
        if ending.came(_PAUSE):
            return None


def _watch(owner: app.Owner, config: Config, log: telemetry.Log) -> None:
    """A tick that cannot be stored is tried again: nothing was lost. The same trouble is said once."""
    said: list[str] = []
    try:
        while not ending.came(0):
            said = _tick(owner, config, log, said)
            if ending.came(_PAUSE):
                return
    finally:
        owner.close()


def _tick(owner: app.Owner, config: Config, log: telemetry.Log, said: list[str]) -> list[str]:
    """What went wrong in this tick; `said` is what went wrong in the one before."""
    now = app.clock()
    owner.renew()
    try:
        report = owner.tick(now)
    except (StateInUse, StateUnwritable) as error:
        if str(error) not in said:
            options.complain(str(error))
        return [str(error)]
    trouble = [str(error) for error in report.read.errors]
    if _worth_saying(report) or any(text not in said for text in trouble):
        check.show(report, log, config, said)
    return trouble


def _worth_saying(report: Report) -> bool:
    read = report.read
    found = read.first or read.events.packets or read.gaps or read.replayed or read.undated
    return bool(found or report.notifications or report.attempts)
