"""A value that somebody gave, with the place where they did: what every complaint about a setting points at."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tocsin.errors import SettingsError


class Odd(NamedTuple):
    """A plain scalar that YAML readers do not agree on, or that no setting takes: `on`, 0123, 1:30, 1.5, a date."""

    text: str


class Given(NamedTuple):
    """One value: str, int, bool, None, Odd, a list of Given or a dict of them."""

    value: object
    origin: str  # "FILE:LINE" or "environment NAME"
    path: str = ""  # "rules[0].threshold"; empty for the whole

    def wrong(self, text: str, *, hint: str = "") -> SettingsError:
        """What to raise about this value."""
        return SettingsError(": ".join(part for part in (self.origin, self.path, text) if part), hint=hint)

    def below(self, key: str) -> str:
        """The path of one of its keys."""
        return f"{self.path}.{key}" if self.path else key


_KINDS = {bool: "true or false", int: "a number", str: "a text", dict: "a map", list: "a list"}


def kind(given: Given) -> str:
    """What a value is, in words."""
    value = given.value
    return shown(value.text) if isinstance(value, Odd) else _KINDS.get(type(value), "nothing")


def shown(text: str) -> str:
    """A text as a message may repeat it: printable, and cut."""
    plain = text if text.isprintable() else ascii(text)[1:-1]
    return plain if len(plain) <= 80 else f"{plain[:77]}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at what was meant; empty if nothing is near."""
    from difflib import get_close_matches

    close = get_close_matches(word[:80], list(known), 1, cutoff=0.7)
    return f"did you mean {close[0]}?" if close else ""


def leaves(given: Given) -> Iterator[Given]:
    """Every value below that is no map and no list of maps."""
    if isinstance(given.value, dict):
        below = list(given.value.values())
    elif isinstance(given.value, list) and any(isinstance(one.value, dict) for one in given.value):
        below = given.value
    else:
        yield given
        return
    for one in below:
        yield from leaves(one)
