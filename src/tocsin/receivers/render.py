"""A notification -> the words of its mail: subject, text and HTML."""

from functools import cache
from typing import TYPE_CHECKING

from tocsin.model import BLIND, Notification
from tocsin.receivers.page import mark, moment, page
from tocsin.receivers.plain import plain
from tocsin.units import count

if TYPE_CHECKING:
    from jinja2 import Environment


def subject(n: Notification) -> str:
    """One line without a word from a log, the same in all mails of an attack: some programs thread by subject too."""
    where, start = plain(n.node, 60), moment(n.alerts[0].attack if n.alerts else n.start)
    if n.reason == "heartbeat":
        line = f"All quiet on {where}" if n.lines else f"Nothing to read on {where}"
    elif n.reason == "digest":
        line = f"{count(len(n.attacks), 'attack')} on {where}, told together"
    elif n.rule == BLIND:
        line = f"tocsin blind on {where} since {start}"
    elif n.rule:
        line = f"{plain(n.rule, 60)}: rejected on {where} since {start}"
    else:
        line = f"tocsin on {where}"
    return f"{mark(n)}: {line}" if mark(n) else line


def text(n: Notification) -> str:
    """The mail as text, for eyes and for programs; lines end in LF."""
    filled = _environment().get_template("mail.txt.j2").render(page=page(n), subject=subject(n))
    return "".join(f"{line.rstrip()}\n" for line in filled.splitlines())


def html(n: Notification) -> str:
    """The mail as HTML that loads nothing: everything from a log is escaped."""
    return _environment().get_template("mail.html.j2").render(page=page(n), subject=subject(n))


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("tocsin.receivers"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
