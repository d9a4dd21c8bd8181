"""status: open attacks, outbox, cursors, gaps, last tick; read beside whoever owns the state."""

import json
from datetime import UTC, datetime
from typing import Any

import click

from tocsin.commands import options
from tocsin.config import Config
from tocsin.ledger import Ledger
from tocsin.model import Alert
from tocsin.state import folder, lock
from tocsin.state.outbox import Waiting
from tocsin.units import count

_COUNTS = 50  # sources whose counts are shown
_SLOT = 600  # seconds that counts are kept by


@click.command("status", short_help="Open attacks, outbox, cursors, gaps, last tick.")
@options.as_json
@options.settings
def command(*, as_json: bool, file: str | None) -> int:
    """Shows what is going on, what waits to be told, and how far the logs have been read."""
    config = options.configured(file)
    standing = _standing(config)
    click.echo(json.dumps(standing) if as_json else _page(standing))
    return 0


def _standing(config: Config) -> dict[str, Any]:
    tick = lock.last_tick(config.state)
    standing: dict[str, Any] = {
        "node": config.node,
        "alerts": [],
        "outbox": [],
        "cursors": [],
        "gaps": [],
        "counts": [],
    }
    state = folder.glance(config.state)
    if state:
        try:
            now = options.clock()
            standing["alerts"] = [_alert(alert) for alert in Ledger(config.rules, state).alerts(now)]
            standing["outbox"] = [_waiting(entry) for entry in state.outbox.waiting()]
            standing["cursors"] = [
                {"source": source, **_position(kept.cursor), "zone": kept.zone}
                for source, kept in sorted(state.cursors().items())
            ]
            standing["counts"] = [_count(*count) for count in state.counts()[:_COUNTS]]
            standing["gaps"] = [
                {
                    "source": gap.source,
                    "from": _iso(gap.since),
                    "to": _iso(gap.until),
                    "bytes": gap.size,
                    "why": gap.why,
                }
                for gap in state.gaps()
            ]
        finally:
            state.close()
    return {**standing, "last_tick": _iso(tick if state else None)}


def _position(cursor: str) -> dict[str, Any]:
    """A cursor is its source's own affair, but for the offset, if it has one."""
    try:
        plain = json.loads(cursor)
    except ValueError:  # damaged: the next tick reads on as after a gap
        plain = None
    return {"offset": plain.get("offset") if isinstance(plain, dict) else None}


def _alert(alert: Alert) -> dict[str, Any]:
    row: dict[str, Any] = {
        "rule": alert.rule,
        "src": alert.src,
        "state": "over" if alert.over else "firing",
        "events": alert.events,
        "first": _iso(alert.first),
        "last": _iso(alert.last),
    }
    if alert.network:
        row["network"] = alert.network
    if alert.source:
        row |= {"source": alert.source, "why": alert.why}
    return row


def _count(rule: str, key: str, events: int, first: int, last: int) -> dict[str, Any]:
    """Packets of a src, or of its network, over all the time that counts are kept; `src` null is all others."""
    since, until = (datetime.fromtimestamp(slot * _SLOT, UTC) for slot in (first, last + 1))
    return {"rule": rule, "src": key or None, "events": events, "from": _iso(since), "to": _iso(until)}


def _waiting(entry: Waiting) -> dict[str, Any]:
    return {
        "id": entry.id,
        "receiver": entry.receiver,
        "recipient": entry.recipient,
        "reason": entry.reason,
        "since": _iso(entry.since),
        "attempts": entry.attempts,
        "next": _iso(entry.next),
        "permanent": entry.permanent,
        "error": entry.error,
    }


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _page(standing: dict[str, Any]) -> str:
    parts = {
        "alerts": map(_alert_row, standing["alerts"]),
        "waiting to be told": map(_waiting_row, standing["outbox"]),
        "read up to": map(_cursor_row, standing["cursors"]),
        "gaps": map(_gap_row, standing["gaps"]),
        "packets by source, as long as counts are kept": map(_count_row, standing["counts"]),
    }
    rows = [f"node {standing['node']}, last tick {standing['last_tick'] or 'never'}"]
    for name, part in parts.items():
        rows += ["", name, *(f"  {row}" for row in list(part) or ["none"])]
    return "\n".join(rows)


def _alert_row(row: dict[str, Any]) -> str:
    who = row["src"] or row["source"]
    return f"{row['state']:7} {row['rule']:10} {who:39} at least {row['events']} from {row['first']} to {row['last']}"


def _waiting_row(row: dict[str, Any]) -> str:
    tried = count(row["attempts"], "attempt")
    text = f"{row['reason']} to {row['recipient']} by {row['receiver']}, {tried}, next {row['next']}"
    return f"{text}{', refused for good' if row['permanent'] else ''}{': ' + row['error'] if row['error'] else ''}"


def _cursor_row(row: dict[str, Any]) -> str:
    zone = f" (stamps without a zone: {row['zone']})" if row["zone"] else ""
    return f"{row['source']} at {row['offset']}{zone}"


def _gap_row(row: dict[str, Any]) -> str:
    since, until = (row[key] or "nobody knows" for key in ("from", "to"))
    size = "an unknown number of" if row["bytes"] is None else row["bytes"]
    return f"{row['source']} from {since} to {until}, {size} bytes: {row['why']}"


def _count_row(row: dict[str, Any]) -> str:
    return f"{row['events']:9} {row['rule']:10} {row['src'] or 'others':39} from {row['from']} to {row['to']}"
