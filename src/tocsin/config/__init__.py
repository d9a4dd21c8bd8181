"""The settings file and the environment -> one Config; nobody else reads either."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, tzinfo

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
    """Every setting in force, checked: server entries carry their port, files of secrets were readable."""

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


def load(path: str | None, environ: Mapping[str, str]) -> Config:
    """The settings in force. Raises SettingsError, or NotPermitted where the file may not be read."""
    raise NotImplementedError


def schema() -> dict[str, object]:
    """The JSON schema of the settings file."""
    raise NotImplementedError


def as_settings(config: Config) -> dict[str, object]:
    """Plain values in the shape of the settings file; secrets are only names of files."""
    raise NotImplementedError


def zone(settings: FileSettings) -> tzinfo | None:
    """The zone of a source's RFC 3164 stamps, None if the settings name none."""
    raise NotImplementedError
