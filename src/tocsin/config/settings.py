"""What the settings say, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tocsin.model import Notify, Rule
from tocsin.receivers.email import EmailSettings
from tocsin.sources.file import FileSettings


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the shells write their lines, and the file that gets a copy of them."""

    format: str = "text"  # or "json"
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting in force, checked: servers carry their port, senders are filled in, files of secrets were read."""

    state: str
    log: LogSettings
    sources: tuple[FileSettings, ...]
    rules: tuple[Rule, ...]
    receivers: tuple[EmailSettings, ...]  # may be empty: not every verb tells somebody
    notify: Notify
    keep: timedelta
    node: str
    node_ip: str  # empty if nobody said
    file: str | None  # the settings file that was read
    origins: Mapping[str, str]  # "rules[0].threshold" -> "FILE:LINE", "environment NAME" or "default"
