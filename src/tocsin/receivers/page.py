"""A notification -> a page: what its mail says, whatever it will look like."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from shlex import quote

from tocsin.model import BLIND, Alert, Notification
from tocsin.receivers.plain import plain
from tocsin.units import count
from tocsin.units import text as duration

ROWS = 50  # of a table, at most
PACKETS = ("source", "at least", "first", "last", "ports", "hardware address")
LOGS = ("log", "gaps", "first", "last", "state", "")
ATTACKS = ("rule", "at least", "first", "last", "sources", "state")
_COUNTS = "are lower bounds: the firewall limits what it logs, so there may have been more than the log shows"
_SURE = (
    "the source of a UDP packet can be spoofed, and where the firewall has one limit for everybody an honest client "
    "behind a flooder is rejected too. The hardware address is the sender's, or the last router's"
)


@dataclass(frozen=True, slots=True)
class Row:
    """Six cells, one for each head, and what stands below them."""

    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()
    new: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What a mail says; every text is safe to show, none is escaped for HTML."""

    tone: str  # alarm, warning, calm or exercise
    mark: str  # TEST or DRILL, or empty
    headline: str
    lead: tuple[str, ...]
    heads: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    others: str = ""  # what the table leaves out
    facts: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, str], ...] = ()  # what to type next, and what it tells


def page(n: Notification) -> Page:
    """What the mail of this notification says."""
    if n.reason == "heartbeat":
        return _heartbeat(n)
    if n.reason == "digest":
        return _digest(n)
    if n.rule == BLIND:
        return _blind(n)
    return _attack(n) if n.alerts or n.rule else _test(n)


def mark(n: Notification) -> str:
    """TEST or DRILL in front of what nobody should be afraid of."""
    return n.reason.upper() if n.reason in {"test", "drill"} else ""


def moment(time: datetime | None) -> str:
    """A time to the second, with its zone."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "unknown"


def node(n: Notification) -> str:
    """The node's name, with its address where it is known."""
    return plain(f"{n.node} ({n.node_ip})" if n.node_ip else n.node, 300)


def _sources(n: Notification) -> int:
    return len(n.alerts) + n.others.sources


def _names(alerts: tuple[Alert, ...], more: int) -> str:
    first = plain(alerts[0].src or alerts[0].source or "somebody", 100) if alerts else "somebody"
    rest = len(alerts) - 1 + more
    return f"{first} and at least {count(rest, 'other')}" if alerts and rest else first


# attacks


def _attack(n: Notification) -> Page:
    tone = "exercise" if mark(n) else "calm" if n.over else "alarm"
    unlisted = _sources(n) - min(len(n.alerts), ROWS)
    return Page(
        tone=tone,
        mark=mark(n),
        headline=_headline(n),
        lead=tuple(_lead(n)),
        heads=PACKETS,
        rows=tuple(_packets(alert, new=place < n.new) for place, alert in enumerate(n.alerts[:ROWS])),
        others=f"and at least {count(unlisted, 'other')}" if unlisted else "",
        facts=tuple(_facts(n)),
        commands=tuple(_commands(n)),
    )


def _headline(n: Notification) -> str:
    where = plain(n.node, 100)
    if n.reason == "more":
        return f"New on {where}: {_names(n.alerts[: n.new], n.others.sources)}"
    if n.reason == "still":
        return f"The attack on {where} goes on"
    if n.reason == "over":
        return f"The attack on {where} is over"
    who = _names(n.alerts, n.others.sources)
    was = "were" if _sources(n) > 1 else "was"
    return f"{who} {was} rejected on {where}" + ("; it is over" if n.over else "")


def _lead(n: Notification) -> Iterator[str]:
    if n.reason == "test":
        yield "This is a test: it shows what a mail looks like. Nobody attacked."
    if n.reason == "drill":
        yield "This is a drill: tocsin sent these packets itself, to prove that you would hear of real ones."
    number = count(n.events, "packet")
    yield (
        f"The firewall of {node(n)} rejected at least {number} from at least {count(_sources(n), 'source')} "
        f"between {moment(n.start)} and {moment(n.last)}. The rule is {plain(n.rule, 60)}."
    )
    if n.reason == "first" and n.over:
        yield "The attack began and ended before you could be told: this one mail says both."
    quiet = f" for {duration(n.window)}" if n.window else ""
    yield f"It is over: nothing more came{quiet}." if n.over else "No end has been seen so far."


def _packets(alert: Alert, *, new: bool) -> Row:
    ports = [str(port) for port in alert.ports[:1]] + ([f"+{len(alert.ports) - 1}"] if len(alert.ports) > 1 else [])
    return Row(
        cells=(
            plain(alert.src or "unknown", 50),
            str(alert.events),
            moment(alert.first),
            moment(alert.last),
            " ".join(ports) or "-",
            plain(alert.mac or "-", 40),
        ),
        notes=tuple(_notes(alert)),
        new=new,
    )


def _notes(alert: Alert) -> Iterator[str]:
    if alert.network:
        yield f"counted for the network {plain(alert.network, 50)}"
    if len(alert.ports) > 1:
        yield f"at least the ports {', '.join(map(str, alert.ports))}"
    if len(alert.spts) > 1:
        yield f"at least {count(len(alert.spts), 'attempt')} (source ports)"
    if alert.lines:
        places = [f"{plain(line.file, 150)} at byte {line.offset}" for line in alert.lines[:2]]
        yield ("line: " if len(places) == 1 else "lines: ") + " to ".join(places)


def _facts(n: Notification) -> Iterator[tuple[str, str]]:
    yield "Node", node(n)
    if n.window:
        yield "Rule", f"{plain(n.rule, 60)}: {count(n.threshold, 'packet')} of one source within {duration(n.window)}"
    yield "Since", moment(n.start)
    yield "Newest", moment(n.last)
    yield "State", "over" if n.over else "goes on"
    yield "Sources", f"at least {_sources(n)}" + (f", {n.new} of them new in this mail" if n.new else "")
    yield "Counts", _COUNTS + (f"; a listed one may lack {n.others.error} more" if n.others.error else "")
    yield "How sure", _SURE
    yield "Files", "whether it was served is unknown"


def _commands(n: Notification) -> Iterator[tuple[str, str]]:
    yield "tocsin status", "every open attack, and who has not been told yet"
    files = dict.fromkeys(line.file for alert in n.alerts[:ROWS] for line in alert.lines)
    names = " ".join(quote(plain(file, 150)) for file in [*files][:3]) or "FILE"
    yield f"tocsin explain {names}", "which lines count and why the others do not"


# logs that could not be read


def _blind(n: Notification) -> Page:
    logs = tuple(dict.fromkeys(plain(alert.source or "a log", 150) for alert in n.alerts))
    unlisted = _sources(n) - min(len(n.alerts), ROWS)
    damaged = bool(logs) and all("state.db.damaged-" in log for log in logs)
    what = f"{' and '.join(logs[:3]) or 'a log'} on {node(n)}"
    lost = f"The state of tocsin was damaged and is kept as {what}." if damaged else ""
    look = "look at it, then remove it" if damaged else "is it there, and may tocsin read it?"
    return Page(
        tone="exercise" if mark(n) else "calm" if n.over else "warning",
        mark=mark(n),
        headline=f"tocsin {'was' if n.over else 'may be'} blind on {plain(n.node, 100)}",
        lead=(
            lost or f"Lines of {what} were lost or could not be read.",
            "What they held nobody knows: there may have been an attack that you will not hear of.",
            "It is over: the log is read again." if n.over else "This has not ended so far.",
        ),
        heads=LOGS,
        rows=tuple(_log(alert, new=place < n.new) for place, alert in enumerate(n.alerts[:ROWS])),
        others=f"and at least {count(unlisted, 'other')}" if unlisted else "",
        facts=(("Node", node(n)), ("Since", moment(n.start)), ("Newest", moment(n.last))),
        commands=(
            ("tocsin status", "the gaps, and where each log was left"),
            *((f"ls -l {quote(log)}", look) for log in logs[:3]),
        ),
    )


def _log(alert: Alert, *, new: bool) -> Row:
    state = "over" if alert.over else "goes on"
    cells = (plain(alert.source or "unknown", 150), str(alert.events), moment(alert.first), moment(alert.last))
    return Row(cells=(*cells, state, ""), notes=(plain(alert.why),) if alert.why else (), new=new)


# no attack


def _digest(n: Notification) -> Page:
    unlisted = len(n.attacks) - min(len(n.attacks), ROWS)
    return Page(
        tone="calm" if all(attack.over for attack in n.attacks) else "alarm",
        mark="",
        headline=f"{count(len(n.attacks), 'attack')} on {plain(n.node, 100)}, told in one mail",
        lead=(
            f"More happened on {node(n)} than the limit of mails allows.",
            f"So this one tells of {count(len(n.attacks), 'attack')}, and leaves out only the single sources.",
        ),
        heads=ATTACKS,
        rows=tuple(_told(attack) for attack in n.attacks[:ROWS]),
        others=f"and at least {count(unlisted, 'other')}" if unlisted else "",
        facts=(("Node", node(n)), ("Counts", _COUNTS)),
        commands=(("tocsin status", "every open attack with its sources"),),
    )


def _told(attack: Notification) -> Row:
    number = "-" if attack.rule == BLIND else str(attack.events)
    state = "over" if attack.over else "goes on"
    notes = (_names(attack.alerts, attack.others.sources),) if attack.alerts else ()
    cells = (plain(attack.rule, 60), number, moment(attack.start), moment(attack.last), str(_sources(attack)), state)
    return Row(cells=cells, notes=notes)


def _heartbeat(n: Notification) -> Page:
    newest = f"the newest is of {moment(n.newest)}" if n.newest else "no line has been seen"
    read = f"{count(n.lines, 'line')} read on {node(n)} since the last such mail; {newest}."
    return Page(
        tone="calm" if n.lines else "warning",
        mark="",
        headline=f"All quiet on {plain(n.node, 100)}" if n.lines else f"Nothing to read on {plain(n.node, 100)}",
        lead=(
            f"All quiet: {read}" if n.lines else f"Silence that proves nothing: {read}",
            "This mail comes so that silence means something: when it stays away, nobody is listening.",
        ),
        facts=(("Node", node(n)), ("Lines read", str(n.lines)), ("Newest line", moment(n.newest))),
        commands=(("tocsin status", "where each log was left, and what waits"),),
    )


def _test(n: Notification) -> Page:
    drill = n.reason == "drill"
    return Page(
        tone="exercise",
        mark=mark(n),
        headline=f"{'A drill' if drill else 'A test'} of tocsin on {plain(n.node, 100)}",
        lead=(f"If you read this, mail from {node(n)} reaches you. Nobody attacked.",),
        facts=(("Node", node(n)), ("Sent", moment(n.at))),
        commands=(("tocsin status", "every open attack, and who has not been told yet"),),
    )
