"""scan: count a log's events by source, with no state and no mail."""

import gc
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from shlex import quote

import click

from tocsin.commands import options
from tocsin.commands.zones import Zones
from tocsin.detect import Tally
from tocsin.errors import LogError, NotPermitted, TocsinError
from tocsin.model import Batch, Event, Totals
from tocsin.parse.adder import Adder, added
from tocsin.sources.plain import plain, size
from tocsin.units import count

_SHOWN = 50  # sources a person is shown
Span = tuple[datetime | None, datetime | None]


@click.command("scan", short_help="Count a log's events by source, with no state and no mail.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option(
    "--since", type=options.Moment(), help="Leave out what is older: 2026-11-23T14:00, or 2h for so long ago."
)
@click.option("--until", type=options.Moment(), help="Leave out what is newer.")
@options.as_json
@options.settings
def command(
    files: Sequence[str], since: datetime | None, until: datetime | None, *, as_json: bool, file: str | None
) -> int:
    """Counts the rejected packets in FILE... by source; "-" is standard input, compressed files are unpacked.

    Sources that a rule allows are counted too. Without settings it looks for "IPTables-TFTP-Rejected: ".
    """
    config = options.configured(file)
    zones, tally = Zones(config), Tally()
    gc.disable()  # nothing here refers to itself, and looking for what does costs a tenth
    unread: dict[str, TocsinError] = {}
    for name in files:
        adder = Adder(config.rules, zone=zones.given(name))
        try:
            for totals in _read(adder, zones.placed(name, _watched(name, quiet=as_json)), (since, until)):
                tally.add(totals)
        except (LogError, NotPermitted) as error:  # the others are read all the same
            options.complain(str(error))
            unread[name] = error
        if adder.guessed:
            click.echo(f"{name}: stamps without a zone: {adder.zone}", err=True)
        if adder.undated:
            lines = f"{count(adder.undated, 'line')} not counted for their stamps"
            click.echo(f"{name}: {lines}; hint: tocsin explain {quote(name)}", err=True)
    if as_json:
        click.echo(json.dumps(_plain(tally, unread)))
    elif tally.events or len(unread) < len(set(files)):
        click.echo(_table(tally))
    return max((error.status for error in unread.values()), default=0)


def _read(adder: Adder, batches: Iterable[Batch], span: Span) -> Iterator[Totals]:
    now = options.clock()
    for batch in batches:
        yield from added(_within(adder.events(batch, now), span)) if any(span) else adder.totals(batch, now)
    yield from added(_within(adder.flush(), span))


def _within(events: Iterable[Event], span: Span) -> Iterator[Event]:
    since, until = span
    return (event for event in events if (not since or event.time >= since) and (not until or event.time <= until))


def _watched(name: str, *, quiet: bool) -> Iterator[Batch]:
    """A file's batches; at a terminal with a bar that shows how far it is."""
    length = None if quiet or not sys.stderr.isatty() else size(name)
    if not length:
        yield from plain(name)
        return
    with click.progressbar(length=length, label=name, file=sys.stderr) as bar:
        yield from plain(name, bar.update)


def _plain(tally: Tally, unread: Mapping[str, TocsinError]) -> dict[str, object]:
    others = tally.others()
    sources = [
        {
            "rule": total.rule,
            "src": total.src,
            "events": total.packets,
            "first": total.first.isoformat(),
            "last": total.last.isoformat(),
        }
        for total in tally.ranked()
    ]
    return {
        "events": tally.events,
        "sources": sources,
        "others": {"sources": others.sources, "events": others.events, "error": others.error},
        "gaps": [
            {"source": name, "from": None, "to": None, "bytes": None, "why": str(error)}
            for name, error in unread.items()
        ],
    }


def _table(tally: Tally) -> str:
    ranked = tally.ranked()
    if not ranked and not tally.events:
        return "no rejected packet of any rule"
    others = tally.others()
    rows = [f"{'events':>9}  {'source':39}  {'rule':10}  {'first':25}  last"]
    rows += [
        f"{total.packets:9}  {total.src:39}  {total.rule:10}  {total.first:%Y-%m-%d %H:%M:%S} UTC    "
        f"{total.last:%Y-%m-%d %H:%M:%S} UTC"
        for total in ranked[:_SHOWN]
    ]
    left = ranked[_SHOWN:]
    if left or others.events:
        events = sum(total.packets for total in left) + others.events
        rows.append(f"{events:9}  and at least {len(left) + others.sources} others")
    rows.append(f"{tally.events:9}  in all")
    if others.error:
        rows.append(f"each count may be short by {others.error}: there were more sources than are counted exactly")
    return "\n".join(rows)
