"""firewall: the rules that reject and log, from the same settings as the watcher's."""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import click

from tocsin.commands import options
from tocsin.errors import FirewallError, NotPermitted, OutputUnwritable
from tocsin.firewall import apply as steps
from tocsin.firewall import choice, hearing, ruleset
from tocsin.firewall.backend import Backend, Counts
from tocsin.firewall.ruleset import Guard

_SHOWN = 50  # sources a person is shown
_backend: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--backend",
    type=click.Choice([*choice.NAMES, choice.AUTO]),
    default=choice.AUTO,
    show_default=True,
    help="What writes the rules; auto is the one that holds this machine's.",
)


@click.group("firewall", short_help="The rules that reject and log: render, apply, check, counters, remove.")
def command() -> None:
    """Writes the firewall's rules for the packets that the settings' rules watch for, by nft or iptables.

    Each source may send 10 packets a minute; the rest is rejected, counted and logged with the rule's prefix. It works
    without the watcher, and the watcher without it.
    """


@command.command(short_help="Print, with comments, what apply would load.")
@_backend
@options.as_json
@options.settings
def render(*, backend: str, as_json: bool, file: str | None) -> int:
    """Prints, with comments, what apply would load; --json as apply hands it on. Needs no right and no nft."""
    guards = _guards(file)
    one = _shown(backend, guards)
    click.echo(json.dumps(one.plain(guards), indent=2) if as_json else one.text(guards), nl=as_json)
    return 0


@command.command("apply", short_help="Load the rules, all at once; safe to repeat.")
@_backend
@options.settings
def apply_(*, backend: str, file: str | None) -> int:
    """Loads the rules, all at once, and touches nobody else's; where all is as wished it does nothing.

    Leaves with 69 if it could not be done, and with 77 where CAP_NET_ADMIN is missing.
    """
    guards = _guards(file)
    one = choice.chosen(backend, guards)
    if backend == choice.AUTO and (rivals := choice.rivals(one)):
        options.complain(
            f"auto is {one.name} here; there are rules in {', '.join(rivals)} too: --backend names another"
        )
    before = one.counts(guards)
    if not steps.apply(one, guards):
        click.echo(f"{one.name}: as wished already, nothing done")
    elif before and (before.accepted or before.rejected):
        so_far = f"{before.accepted} accepted, {before.rejected} rejected"
        click.echo(f"{one.name}: applied; counts begin anew, until now: {so_far}")
    else:
        click.echo(f"{one.name}: applied")
    return 0


@command.command(short_help="Compare what the kernel holds with what is wished.")
@_backend
@options.as_json
@options.settings
def check(*, backend: str, as_json: bool, file: str | None) -> int:
    """Compares what the kernel holds with what is wished, by meaning; leaves with 69 where it differs."""
    guards = _guards(file)
    one = choice.chosen(backend, guards)
    heard = hearing.heard()
    findings = steps.check(one, guards, heard=heard)
    if heard is None:
        options.complain("not the first network namespace: whether what LOG says is heard cannot be seen from here")
    if as_json:
        plain = [{"what": finding.what, "fix": finding.fix} for finding in findings]
        click.echo(json.dumps({"ok": not findings, "backend": one.name, "findings": plain}))
    elif findings:
        click.echo("\n".join(f"{one.name}: {_escaped(finding.what)}\n  fix: {finding.fix}" for finding in findings))
    else:
        click.echo(f"{one.name}: as wished")
    return FirewallError.status if findings else 0


@command.command(short_help="What the kernel counted: accepted, rejected, and by source.")
@click.option("--write", "target", metavar="FILE", type=click.Path(), help="Write them, as JSON, to a file as well.")
@_backend
@options.as_json
@options.settings
def counters(*, target: str | None, backend: str, as_json: bool, file: str | None) -> int:
    """Prints how many packets were accepted and rejected since the rules were loaded, and of which source.

    The totals are exact, whatever the log shows. By source only nft counts; what it counted is kept for an hour.
    """
    guards = _guards(file)
    one = choice.chosen(backend, guards)
    counts = one.counts(guards)
    if counts is None:
        raise FirewallError(f"{one.name}: nothing of tocsin's counts there", hint="tocsin firewall apply")
    if target:
        _write(target, {"at": options.clock().isoformat(), **_plain(counts)})
    click.echo(json.dumps(_plain(counts)) if as_json else "\n".join(_rows(counts)))
    return 0


@command.command(short_help="Take away what is tocsin's; twice is no error.")
@_backend
@options.settings
def remove(*, backend: str, file: str | None) -> int:
    """Takes away what is tocsin's and nothing else; where nothing is, nothing is done."""
    guards = _guards(file)
    one = choice.chosen(backend, guards)
    every = choice.available() if backend == choice.AUTO else [one]
    removed = [other.name for other in every if _removed(other, guards, named=backend != choice.AUTO)]
    click.echo("\n".join(f"{name}: removed" for name in removed) or "nothing of tocsin's is there")
    return 0


def _removed(one: Backend, guards: Sequence[Guard], *, named: bool) -> bool:
    """Something of ours was there; a back end that nobody named may be out of reach, which is said."""
    try:
        return one.remove(guards)
    except NotPermitted as error:
        if named:
            raise
        options.complain(f"{one.name} is left out: {error.args[0]}")
        return False


def _guards(file: str | None) -> tuple[Guard, ...]:
    rules = options.configured(file).rules
    guards = ruleset.guards(rules)
    for text in ruleset.left(rules):
        options.complain(text)
    return guards


def _shown(backend: str, guards: Sequence[Guard]) -> Backend:
    """The back end to render for; where this machine's rules may not be seen, nft."""
    if backend != choice.AUTO:
        return choice.named(backend)
    try:
        return choice.chosen(backend, guards)
    except (FirewallError, NotPermitted) as error:
        one = choice.named("nft")
        options.complain(f"auto is {one.name} here: {error.args[0]}")
        return one


def _escaped(text: str) -> str:
    """What somebody else wrote into a rule does nothing to a terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


def _plain(counts: Counts) -> dict[str, object]:
    sources = [{"rule": one.rule, "src": one.src, "rejected": one.packets} for one in counts.sources]
    return {
        "exact": counts.exact,
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "vanished": counts.vanished,
        "sources": sources,
    }


def _write(target: str, plain: dict[str, object]) -> None:
    """Whoever reads the file sees the whole of it, this one's or the one before."""
    part = f"{target}.part"
    try:
        with open(part, "w", encoding="ascii") as file:
            json.dump(plain, file)
        os.replace(part, target)
    except OSError as error:
        raise OutputUnwritable(f"{target}: cannot be written: {error.strerror}") from error


def _rows(counts: Counts) -> list[str]:
    rows = [f"{counts.accepted:9}  accepted", f"{counts.rejected:9}  rejected"]
    if counts.vanished:
        rows.append(f"{counts.vanished:9}  neither: the table of sources was full and swallowed them")
    rows += [f"{one.packets:9}  {one.src:39}  {one.rule}" for one in counts.sources[:_SHOWN]]
    if left := counts.sources[_SHOWN:]:
        rows.append(f"{sum(one.packets for one in left):9}  of {len(left)} other sources")
    return rows if counts.exact else [*rows, f"not exact by source: {counts.why}"]
