"""The JSON schema of the settings file: keys, defaults, what is required from the dataclasses; kinds from here."""

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

from tocsin.config.kinds import RENAMED
from tocsin.config.names import ADDRESS, HOST, PREFIX, SLUG
from tocsin.config.plain import plain
from tocsin.config.settings import LogSettings
from tocsin.config.shape import PORTS, PROTOCOLS, WITH_PORTS
from tocsin.model import BLIND, Notify, Rule
from tocsin.receivers.email import EmailSettings
from tocsin.sources.file import FileSettings

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Schema = dict[str, Any]

_WRITTEN = {name: key for key, name in RENAMED.items()}


def _matching(pattern: str, also: str = "") -> Schema:
    """A text of this pattern that holds the other one too: no lookahead, since Helm's reader of schemas has none."""
    schema: Schema = {"type": "string", "pattern": f"^(?:{pattern})$"}
    return schema | {"allOf": [{"pattern": also}]} if also else schema


def _list(items: Schema, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "uniqueItems": True}


def _or_list(text: Schema) -> Schema:
    """A text, or a list of them: what is said of one kind is not looked at in the other."""
    return _list(text) | text | {"type": ["string", "array"]}


def _whole(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def _keyed(**kinds: Schema) -> Schema:
    return {"type": "object", "properties": kinds, "additionalProperties": False, "minProperties": 1}


_TEXT = {"type": "string", "pattern": r"\S"}
_PATH = _matching("/.*")
_DURATION = _matching(r"\s*\d{1,10}\s*[smhdw]\s*", "[1-9]")
_RATE = _matching(r"\s*\d{1,9}\s*/\s*(?:s|sec|second|m|min|minute|h|hour|d|day|w|week)\s*", "[1-9]")
_MAIL = _matching(ADDRESS)
_PORT = r"(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
_SERVER = _matching(
    rf"(?:{HOST}(?:\.{HOST})*\.?|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])(?::{_PORT})?|(?:[0-9A-Fa-f.]*:){{2,}}[0-9A-Fa-f.]*"
)
_NETWORK = _matching(r"[\d.]+(?:/\d{1,2})?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:/\d{1,3})?")

LOG = {"format": {"enum": ["text", "json"]}, "file": _PATH}
FILE = {"path": _PATH, "timezone": _TEXT}
RULE = {
    "name": _matching(SLUG) | {"not": {"const": BLIND}},
    "prefix": _or_list(_matching(PREFIX, r"\S")),
    "port": _whole(1, 65535),
    "protocol": {"enum": list(PROTOCOLS)},
    "threshold": _whole(1, 1000),
    "window": _DURATION,
    "allow": _list(_NETWORK, 0),
    "group_v6": _whole(1, 128),
}
EMAIL = {
    "name": _matching(SLUG),
    "server": _or_list(_SERVER),
    "security": {"enum": list(PORTS)},
    "username": _TEXT,
    "password_file": _PATH,
    "ca_file": _PATH,
    "from": _MAIL,
    "to": _list(_MAIL),
}
NOTIFY = {"repeat": _DURATION, "over": {"type": "boolean"}, "limit": _RATE, "heartbeat": _DURATION}


def settings() -> dict[str, object]:
    """The schema of a file that stands on its own, without help from the environment."""
    portless = {"enum": [one for one in PROTOCOLS if one not in WITH_PORTS]}
    rule = _record(Rule, RULE) | {"not": {"required": ["port", "protocol"], "properties": {"protocol": portless}}}
    email = _record(EmailSettings, EMAIL) | {
        "dependentRequired": {"username": ["password_file"], "password_file": ["username"]}
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of tocsin",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "state": _PATH,
            "log": _record(LogSettings, LOG),
            "sources": _list(_keyed(file=_record(FileSettings, FILE))),
            "rules": _list(rule),
            "receivers": _list(_keyed(email=email), 0),
            "notify": _record(Notify, NOTIFY),
            "keep": _DURATION,
        },
    }


def _record(made: "type[DataclassInstance]", known: dict[str, Schema]) -> Schema:
    """A dataclass as the file has it: keys by their names there, kinds and defaults as they are written there."""
    from mashumaro.jsonschema import build_json_schema

    schema = build_json_schema(made).to_dict()
    written = [_WRITTEN.get(one, one) for one in schema["properties"]]
    defaults = {
        _WRITTEN.get(one.name, one.name): plain(one.default) for one in fields(made) if one.default is not MISSING
    }
    shown = {key: {"default": value} for key, value in defaults.items() if value is not None}
    return schema | {"properties": {key: known[key] | shown.get(key, {}) for key in written}}
