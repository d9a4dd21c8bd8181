"""preview: the mail that would be sent, on the screen or, marked TEST, to its recipients."""

import sys
from dataclasses import replace
from datetime import datetime, timedelta

import click

from tocsin import decide
from tocsin.commands import options
from tocsin.config import Config, told
from tocsin.ledger import Ledger
from tocsin.model import Alert, Attack, Notification, Place, Told
from tocsin.receivers.email import Email
from tocsin.state import folder

_FORMATS = ("text", "html", "eml")


@click.command("preview", short_help="The mail that would be sent; --send sends it, marked TEST.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True, help="What to print.")
@click.option("--send", is_flag=True, help="Send it, marked TEST, and print every reply of the server.")
@options.settings
def command(form: str, *, send: bool, file: str | None) -> int:
    """Shows the mail about the last attack that tocsin knows, or about an invented one.

    With --send each e-mail receiver of the settings gets it, marked TEST: the way from here to the mailbox is tried.
    """
    config = options.telling(file)
    now = options.clock()
    if send:
        name = decide.identify(config.node, "", now, "test", 0)  # never that of the real mail
        return _send(config, replace(_notification(config, now), id=name, thread=(), reason="test", at=now))
    _print(config, _notification(config, now), form)
    return 0


def _print(config: Config, notification: Notification, form: str) -> None:
    from tocsin.receivers import render

    if form == "eml":
        sys.stdout.buffer.write(Email(told(config)[0], node=config.node).render(notification))
        return
    click.echo(render.html(notification) if form == "html" else render.text(notification), nl=form == "html")


def _send(config: Config, notification: Notification) -> int:
    failed = False
    for settings in told(config):
        receiver = Email(settings, node=config.node)
        message = receiver.render(notification)
        outcomes = receiver.deliver(message, receiver.recipients, heard=lambda line: click.echo(f"  {line}"))
        for outcome in outcomes:
            said = f"{receiver.name}: {outcome.recipient}: {outcome.error or 'accepted'}"
            click.echo(said, err=bool(outcome.error))
            failed |= bool(outcome.error)
    return 75 if failed else 0


def _notification(config: Config, now: datetime) -> Notification:
    desk = decide.Desk(config.node, config.node_ip, config.notify)
    return decide.example("first", _known(config, now) or _invented(config, now), now, desk)


def _known(config: Config, now: datetime) -> decide.Case | None:
    state = folder.glance(config.state)
    if state is None:
        return None
    try:
        cases = Ledger(config.rules, state).everything(now)
    finally:
        state.close()
    return max(cases, key=lambda case: case.attack.last, default=None)


def _invented(config: Config, now: datetime) -> decide.Case:
    """An attack that nobody made, from addresses that are kept for documents (RFC 5737)."""
    rule, start = config.rules[0], now - timedelta(minutes=3)
    counts = (("192.0.2.7", 9), ("198.51.100.23", 2))
    alerts = tuple(
        Alert(
            rule.name, src, None, None, start, now, events, start, over=False, named=False, ports=(rule.port or 69,),
            spts=(40000,), mac="00:00:5e:00:53:01", lines=(Place(config.sources[0].path, 4711),),
        )
        for src, events in counts
    )  # fmt: skip
    attack = Attack(rule.name, start, now, sum(events for _, events in counts))
    return decide.Case(attack, rule, alerts, Told(), over=False)
