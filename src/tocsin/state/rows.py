"""Nouns <-> rows. Times are ISO 8601 in UTC with microseconds, so that their order is the order of their text."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from tocsin.model import Place, Seen, Told

SEEN = 17  # columns
Row = tuple[Any, ...]


def written(time: datetime) -> str:
    return time.isoformat(timespec="microseconds")


def maybe(time: datetime | None) -> str | None:
    return written(time) if time else None


def time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def from_seen(seen: Seen) -> Row:
    return (
        seen.rule,
        seen.key,
        seen.src,
        written(seen.first),
        written(seen.last),
        seen.events,
        maybe(seen.attack),
        int(seen.named),
        " ".join(str((time - seen.first) // timedelta.resolution) for time in seen.times),
        b" ".join(seen.ports).decode(),
        b" ".join(seen.spts).decode(),
        seen.mac.decode(),
        *seen.opening,
        *seen.closing,
        seen.why,
    )


def to_seen(row: Row) -> Seen:
    rule, key, src, first, last, events, attack, named, times, ports, spts, mac, *places, why = row
    begin = datetime.fromisoformat(first)
    return Seen(
        rule,
        key,
        src,
        begin,
        datetime.fromisoformat(last),
        events,
        time(attack),
        bool(named),
        [begin + timedelta(microseconds=int(text)) for text in times.split()],
        ports.encode().split(),
        spts.encode().split(),
        mac.encode(),
        Place(*places[:2]),
        Place(*places[2:]),
        why,
    )


def from_told(told: Told) -> str:
    plain = asdict(told)
    plain["at"] = maybe(told.at)
    plain["more"], plain["still"] = told.more.total_seconds(), told.still.total_seconds()
    return json.dumps(plain)


def to_told(text: str) -> Told:
    if not text:
        return Told()
    plain = json.loads(text)
    plain["at"] = time(plain["at"])
    plain["more"], plain["still"] = timedelta(seconds=plain["more"]), timedelta(seconds=plain["still"])
    return Told(**plain)
