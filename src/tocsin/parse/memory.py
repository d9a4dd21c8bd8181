"""What a parser remembers, as JSON text and back. A text that is not ours is nothing to remember."""

import json
from collections.abc import Container
from datetime import datetime
from typing import Any

from tocsin.model import Event
from tocsin.parse.clock import Known
from tocsin.parse.replay import Line, Ring

Hit = tuple[int, list[Event]]  # where a line stands, and the events of it


def dump(known: Known, ring: Ring[Hit], replayed: int) -> str:
    """One line of JSON, of bounded length."""
    return json.dumps(
        {
            "local": _written(known.local),
            "moment": _written(known.moment),
            "read": _written(known.read),
            "guess": known.guess,
            "replayed": replayed,
            "lines": ring.lines,
            "place": [ring.last, ring.known, ring.next, ring.sure],
            "held": [[line, offset, [_plain(event) for event in events]] for line, (offset, events) in ring.held],
        },
        separators=(",", ":"),
    )


def load(text: str, rules: Container[str]) -> tuple[Known, Ring[Hit], int]:
    """What `dump` wrote, without events of other rules than these; nothing known if the text is another's.

    What was read for a rule that is gone, or has another name now, was that rule's: nothing tells what a new one makes
    of it.
    """
    try:
        return _load(json.loads(text), rules)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return Known(), Ring(), 0


def _load(kept: dict[str, Any], rules: Container[str]) -> tuple[Known, Ring[Hit], int]:
    known = Known(_time(kept["local"]), _time(kept["moment"]), _time(kept["read"]), kept["guess"])
    ring: Ring[Hit] = Ring()
    ring.lines = [Line(*line) for line in kept["lines"]]
    ring.last, ring.known, ring.next, ring.sure = kept["place"]
    for line, offset, plain in kept["held"]:
        events = [event for event in map(_event, plain) if event.rule in rules]
        ring.held.append((Line(*line), (offset, events)))
    return known, ring, int(kept["replayed"])


def _written(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _time(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def _plain(event: Event) -> list[Any]:
    rule, src, time, packets, file, offset, spt, dpt, mac = event
    return [rule, src, time.isoformat(), packets, file, offset, spt.decode(), dpt.decode(), mac.decode()]


def _event(plain: list[Any]) -> Event:
    rule, src, time, packets, file, offset, *rest = plain
    spt, dpt, mac = (part.encode() for part in rest)
    return Event(rule, src, datetime.fromisoformat(time), packets, file, offset, spt, dpt, mac)
