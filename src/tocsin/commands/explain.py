"""explain: what each stage made of each line, and why a line did not count."""

import json
from collections.abc import Iterable, Iterator, Sequence

import click

from tocsin.commands import options
from tocsin.commands.zones import Zones
from tocsin.errors import LogError, NotPermitted
from tocsin.model import Batch
from tocsin.parse import Parser, Verdict
from tocsin.sources.plain import plain

_CUT = 120  # characters of a line that a person is shown


@click.command("explain", short_help="Say of each line whether it counts, and why not.")
@click.argument("logs", metavar="[FILE|-]...", nargs=-1, type=click.Path(allow_dash=True))
@options.as_json
@options.settings
def command(logs: Sequence[str], *, as_json: bool, file: str | None) -> int:
    """Says of each line of FILE..., or of standard input, whether it is an event of a rule, and if not, why."""
    config = options.configured(file)
    zones, worst = Zones(config), 0
    for log in logs or ("-",):
        parser = Parser(config.rules, zone=zones.given(log))
        name = log if len(logs) > 1 else ""
        try:
            _explain(parser, zones.placed(log, plain(log)), name, as_json=as_json)
        except (LogError, NotPermitted) as error:  # the others are read all the same
            options.complain(str(error))
            worst = max(worst, error.status)
        if parser.zoneless:
            click.echo(f"{name}{': ' if name else ''}stamps without a zone: {parser.zone}", err=True)
    return worst


def _explain(parser: Parser, batches: Iterable[Batch], name: str, *, as_json: bool) -> None:
    """Prints a row for each line, and of which file it is where there are several."""
    told = {"file": name} if name else {}
    if name and not as_json:
        click.echo(f"{name}:")
    for number, (verdict, line) in enumerate(_verdicts(parser, batches), 1):
        click.echo(json.dumps(told | _plain(number, verdict)) if as_json else _row(number, verdict, line))


def _verdicts(parser: Parser, batches: Iterable[Batch]) -> Iterator[tuple[Verdict, bytes]]:
    now = options.clock()
    for batch in batches:
        lines = bytes(batch.data[batch.start : batch.end]).split(b"\n")
        yield from zip(parser.verdicts(batch, now), lines, strict=False)


def _plain(number: int, verdict: Verdict) -> dict[str, object]:
    event = verdict.event
    if event is None:
        return {"line": number, "verdict": "ignored", "why": verdict.why}
    row: dict[str, object] = {
        "line": number,
        "verdict": "event",
        "rule": event.rule,
        "src": event.src,
        "time": event.time.isoformat(),
        "count": event.packets,
    }
    if verdict.allowed:
        row["allowed"] = True
    return row


def _row(number: int, verdict: Verdict, line: bytes) -> str:
    event = verdict.event
    shown = "".join(c if c.isprintable() else "·" for c in line.decode(errors="replace")[:_CUT])
    if event is None:
        head = click.style("ignored", fg="yellow") + f"  {verdict.why}"
    else:
        count = f" x{event.packets}" if event.packets > 1 else ""
        allowed = " (on the allow-list: does not count)" if verdict.allowed else ""
        head = (
            click.style("event  ", fg="green")
            + f"  {event.rule} {event.src}{count} at {event.time:%Y-%m-%d %H:%M:%S} UTC{allowed}"
        )
    return f"{number:6} {head}\n       {shown}"
