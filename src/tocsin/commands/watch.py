"""watch: the same as check, each second, until a signal."""

import signal
from threading import Event as Flag
from types import FrameType

import click

from tocsin import __version__, app, telemetry
from tocsin.commands import check, options
from tocsin.config import Config
from tocsin.errors import StateInUse, StateUnwritable
from tocsin.pipeline import Report

_PAUSE = 1.0  # seconds between two ticks


@click.command("watch", short_help="The same until a signal: what the DaemonSet runs.")
@options.settings
def command(file: str | None) -> int:
    """Reads, decides and mails each second until SIGTERM or SIGINT, and leaves with 0 then.

    A second one on the same state waits until the first is gone.
    """
    config = options.configured(file)
    stop = Flag()

    def ring_out(_: int, __: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ring_out)
    log = telemetry.Log(config.log.format, config.log.file)
    try:
        log.say(telemetry.line("started", f"tocsin {__version__} watch on {config.node}"), app.clock())
        owner = _wait_for_state(config, log, stop)
        if owner:
            _watch(owner, config, log, stop)
        log.say(telemetry.line("stopped", "by a signal"), app.clock())
    finally:
        log.close()
    return 0


def _wait_for_state(config: Config, log: telemetry.Log, stop: Flag) -> app.Owner | None:
    said = False
    while not stop.is_set():
        try:
            return app.Owner(config, app.clock())
        except StateInUse as error:
            if not said:
                log.say(telemetry.line("waiting", str(error)), app.clock())
            said = True
            stop.wait(_PAUSE)
    return None


def _watch(owner: app.Owner, config: Config, log: telemetry.Log, stop: Flag) -> None:
    """A tick that cannot be stored is tried again: nothing was lost. The same trouble is said once."""
    said: list[str] = []
    try:
        while not stop.is_set():
            now = app.clock()
            owner.renew()
            trouble: list[str] = []
            try:
                report = owner.tick(now)
                trouble = [str(error) for error in report.read.errors]
                report.read.errors = [error for error in report.read.errors if str(error) not in said]
                if _worth_saying(report):
                    check.show(report, log, config)
            except StateUnwritable as error:
                trouble = [str(error)]
                if trouble != said:
                    options.complain(error)
                stop.wait(_PAUSE)
                owner.restart(now)
            said = trouble
            stop.wait(_PAUSE)
    finally:
        owner.close()


def _worth_saying(report: Report) -> bool:
    read = report.read
    return bool(
        report.first or read.events or read.gaps or read.errors or read.replayed or report.notifications
        or report.attempts
    )  # fmt: skip
