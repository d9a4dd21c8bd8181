"""A Config -> plain values in the shape of the settings file."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from tocsin.config.kinds import RENAMED
from tocsin.config.settings import Config
from tocsin.units import Rate, text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_WRITTEN = {name: key for key, name in RENAMED.items()}


def as_settings(config: Config) -> dict[str, object]:
    """What a settings file would say to get this Config; of secrets only the names of their files."""
    return {
        "state": config.state,
        "log": record(config.log),
        "sources": [{"file": record(one)} for one in config.sources],
        "rules": [record(one) for one in config.rules],
        "receivers": [{"email": record(one)} for one in config.receivers],
        "notify": record(config.notify),
        "keep": text(config.keep),
    }


def record(value: "DataclassInstance") -> dict[str, object]:
    """The keys of a dataclass that have a value."""
    pairs = ((_WRITTEN.get(one.name, one.name), getattr(value, one.name)) for one in fields(value))
    return {key: plain(each) for key, each in pairs if each is not None}


def plain(value: object) -> object:
    """One value as the settings write it."""
    if isinstance(value, timedelta):
        return text(value)
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, Rate | IPv4Network | IPv6Network) else value


def flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value that is no map and no list of maps, with its path."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flat(one, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for index, one in enumerate(value):
            yield from flat(one, f"{path}[{index}]")
    else:
        yield path, value
