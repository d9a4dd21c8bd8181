"""check: read what is new, decide, deliver, out."""

from collections.abc import Collection, Iterable, Iterator
from time import monotonic

import click

from tocsin import app, telemetry
from tocsin.commands import options
from tocsin.config import Config
from tocsin.deliver import Attempt
from tocsin.model import Outcome
from tocsin.pipeline import Report

SECONDS = 30.0  # of reading; what is left then is read by the next run
ORDER = (78, 77, 74, 73, 66, 65, 75, 69)  # with several reasons the first one is the status


@click.command("check", short_help="Read what is new, decide, deliver, out.")
@options.settings
def command(file: str | None) -> int:
    """Reads what the logs gained since the last run, decides, mails, and leaves.

    Run it each minute, from cron or as a Kubernetes CronJob. Leaves with 0 when nobody has to hear of anything any
    more, 75 when an attempt to deliver failed, 69 when somebody waits for his turn.
    """
    config = options.telling(file)
    log = telemetry.Log(config.log.format, config.log.file)
    try:
        log.say(telemetry.started("check", config.node), app.clock())
        if log.trouble and config.origins.get("log.file") != "default":
            options.complain(f"log.file: {log.trouble}")
        return status(_ticks(config, log))
    finally:
        log.close()


def _ticks(config: Config, log: telemetry.Log) -> Iterator[Report]:
    """Ticks until nothing is left to read or the time is up."""
    start = monotonic()
    with app.owner(config, app.clock()) as owner:
        while True:
            now = app.clock()
            report = owner.tick(now)
            show(report, log, config)
            yield report
            if not report.read.behind or monotonic() - start > SECONDS:
                return


def show(report: Report, log: telemetry.Log, config: Config, said: Collection[str] = ()) -> None:
    """What a tick says, and on standard error what went wrong, unless it is among what was said before."""
    for line in telemetry.lines(report):
        log.say(line, report.at)
    if report.read.first:
        for caution in app.cautions(config.state):
            log.say(telemetry.line("warning", caution), report.at)
    for error in report.read.errors:
        if str(error) not in said:
            options.complain(str(error))
    for attempt in report.attempts:
        for outcome in attempt.outcomes:
            _complain(report, attempt, outcome)


def _complain(report: Report, attempt: Attempt, outcome: Outcome) -> None:
    if not outcome.error:
        return
    fate = "refused for good: " if outcome.permanent else ""
    places = [(entry.id, entry.receiver, entry.recipient) for entry in report.waiting]
    place = (attempt.id, attempt.receiver, outcome.recipient)
    again = f"; next try {report.waiting[places.index(place)].next:%Y-%m-%d %H:%M:%SZ}" if place in places else ""
    options.complain(f"{attempt.receiver}: {outcome.recipient}: {fate}{outcome.error}{again}")


def status(reports: Iterable[Report]) -> int:
    """The exit status of a run: of its last tick what waits, of all ticks what went wrong."""
    reasons: set[int] = set()
    for report in reports:
        reasons |= {error.status for error in report.read.errors}
        reasons |= {75 for attempt in report.attempts if failed(attempt)}
        reasons.discard(69)
        if report.waiting or report.held:
            reasons.add(69)
    return next((reason for reason in ORDER if reason in reasons), 0)


def failed(attempt: Attempt) -> bool:
    """Trying again may help."""
    return any(outcome.error and not outcome.permanent for outcome in attempt.outcomes)
