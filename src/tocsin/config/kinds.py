"""A given value -> a plain value of the kind that is due: text, number, duration, path, a list, a record of those."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from tocsin import units
from tocsin.config.files import content
from tocsin.config.given import Given, kind, nearest, shown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
R = TypeVar("R", bound="DataclassInstance")

LONGEST = timedelta(days=3650)


def text(given: Given, due: str = "a text", *, hint: str = "") -> str:
    """A text of one printable line, not empty."""
    value = given.value
    if not isinstance(value, str):
        raise given.wrong(f"{kind(given)} where {due} is due", hint=hint)
    if not value.strip():
        raise given.wrong("empty", hint=f"write {due}")
    if not value.isprintable():
        raise given.wrong(f"{shown(value)!r} holds a character that cannot be printed")
    return value


def whole(low: int, high: int) -> Callable[[Given], int]:
    """A number from low to high."""

    def read(given: Given) -> int:
        value = given.value
        if isinstance(value, bool) or not isinstance(value, int):
            quoted = isinstance(value, str) and re.fullmatch(r"\d{1,9}", value, re.ASCII)
            hint = f"write {value} without quotes" if quoted else f"write a whole number from {low} to {high}"
            raise given.wrong(f"{kind(given)} where a number is due", hint=hint)
        if not low <= value <= high:
            raise given.wrong(f"{value} is not from {low} to {high}")
        return value

    return read


def truth(given: Given) -> bool:
    """True or false, and nothing else."""
    if not isinstance(given.value, bool):
        raise given.wrong(f"{kind(given)} where true or false is due", hint="write true or false, without quotes")
    return given.value


def choice(*known: str) -> Callable[[Given], str]:
    """One of a few words."""

    def read(given: Given) -> str:
        word = text(given, f"one of {', '.join(known)}")
        if word not in known:
            raise given.wrong(f"{shown(word)!r} is not one of {', '.join(known)}", hint=nearest(word.lower(), known))
        return word

    return read


def duration(most: timedelta) -> Callable[[Given], timedelta]:
    """A time such as 10m, of a second at least."""

    def read(given: Given) -> timedelta:
        try:
            time = units.duration(shown(text(given, "a duration", hint="give it a unit, as in 10m")))
        except ValueError as error:
            raise given.wrong(str(error)) from error
        if time > most:
            raise given.wrong(f"{units.text(time)} is longer than {units.text(most)}")
        return time

    return read


def rate(given: Given) -> units.Rate:
    """So many in a time, such as 20/h."""
    try:
        return units.rate(shown(text(given, "a rate", hint="give it a time, as in 20/h")))
    except ValueError as error:
        raise given.wrong(str(error)) from error


def path(given: Given) -> str:
    """The absolute path of a file or folder."""
    value = text(given, "an absolute path")
    if not value.startswith("/"):
        raise given.wrong(f"{shown(value)!r} is no absolute path", hint=f"begin with /, as in /etc/{shown(value)}")
    return value


def secret(given: Given) -> str:
    """The path of a file that holds a secret."""
    held = _held(given)
    if not held.strip():
        raise given.wrong(f"{shown(path(given))}: the file is empty", hint="write the secret into it")
    try:
        held.decode()
    except UnicodeDecodeError:  # without its cause, which would show the secret
        raise given.wrong(f"{shown(path(given))}: the file is not UTF-8") from None
    return path(given)


def certificates(given: Given) -> str:
    """The path of a file of certificates in PEM."""
    held = _held(given)
    if b"-----BEGIN " not in held or b"CERTIFICATE-----" not in held:
        raise given.wrong(f"{shown(path(given))}: holds no certificate in PEM")
    return path(given)


def _held(given: Given) -> bytes:
    name = path(given)
    try:
        return content(name)
    except OSError as error:
        raise given.wrong(f"{shown(name)}: cannot be read: {error.strerror}") from error


def one_or_more(one: Callable[[Given], T]) -> Callable[[Given], tuple[T, ...]]:
    """One value alone, or a list of them."""
    several = listed(one)
    return lambda given: several(given) if isinstance(given.value, list) else (one(given),)


def listed(one: Callable[[Given], T], *, least: int = 1) -> Callable[[Given], tuple[T, ...]]:
    """A list, each value once."""

    def read(given: Given) -> tuple[T, ...]:
        if not isinstance(given.value, list):
            raise given.wrong(f"{kind(given)} where a list is due", hint="write [..], or a line with a dash for each")
        if len(given.value) < least:
            raise given.wrong("an empty list", hint="write one or more")
        values: dict[T, Given] = {}
        for each in given.value:
            value = one(each)
            if value in values:
                raise each.wrong(f"the same as {values[value].path}")
            values[value] = each
        return tuple(values)

    return read


def keys(given: Given, known: Mapping[str, Callable[[Given], Any]]) -> dict[str, Any]:
    """The values of a map that holds known keys only."""
    if not isinstance(given.value, dict):
        raise given.wrong(f"{kind(given)} where a map is due", hint=f"keys known here: {', '.join(known)}")
    for key, value in given.value.items():
        if key not in known:
            raise value.wrong("unknown key", hint=nearest(key, known) or f"known here: {', '.join(known)}")
    return {key: known[key](value) for key, value in given.value.items()}


def record(made: type[R], known: Mapping[str, Callable[[Given], Any]]) -> Callable[[Given], R]:
    """A map with the keys of a dataclass; those without a default are required."""
    required = [one.name for one in fields(made) if one.default is MISSING and one.default_factory is MISSING]

    def read(given: Given) -> R:
        values = keys(given, known)
        for key in required:
            if key not in values:
                raise given._replace(path=given.below(key)).wrong("missing")
        return made(**{RENAMED.get(key, key): value for key, value in values.items()})

    return read


RENAMED = {"from": "sender"}  # `from` is a word of Python's
