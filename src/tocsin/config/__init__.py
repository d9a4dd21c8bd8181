"""The settings file and the environment -> one Config; nobody else reads either."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta, tzinfo
from typing import Any

from tocsin.config import environment
from tocsin.config.given import Given, leaves
from tocsin.config.kinds import keys
from tocsin.config.plain import as_settings, flat
from tocsin.config.settings import Config, LogSettings
from tocsin.config.shape import SETTINGS
from tocsin.errors import SettingsError
from tocsin.model import Notify, Rule
from tocsin.receivers.email import EmailSettings
from tocsin.sources.file import FileSettings

__all__ = ["Config", "LogSettings", "as_settings", "flat", "load", "schema", "told", "zone"]

FILE = "/etc/tocsin/tocsin.yaml"
STATE = "/var/lib/tocsin"
LOGS = ("/var/log/syslog", "/var/log/messages")
NODE_LOG = "/host_logs/syslog"
MONITOR_LOG = "/host_logs/mon_logs/tftp_monitor.log"
SENDER = "root@tftp-monitor"
RULE = Rule(name="tftp", prefix=("IPTables-TFTP-Rejected: ",))
KEEP = timedelta(days=30)


def load(path: str | None, environ: Mapping[str, str]) -> Config:
    """The settings in force. Raises SettingsError, or NotPermitted where the file may not be read."""
    file = path or environ.get("TOCSIN_CONFIG") or (FILE if os.path.exists(FILE) else None)
    settings = environment.overlay(_read(file), environ)
    values: dict[str, Any] = keys(settings, SETTINGS)
    node = environment.node(environ)
    sender = f"tocsin@{node}" if file else SENDER
    config = Config(
        state=values.get("state", STATE),
        log=values.get("log", LogSettings() if file else LogSettings(file=MONITOR_LOG)),
        sources=values.get("sources") or (FileSettings(default_log(environ)),),
        rules=values.get("rules", (RULE,)),
        receivers=tuple(replace(one, sender=one.sender or sender) for one in values.get("receivers", ())),
        notify=values.get("notify", Notify()),
        keep=values.get("keep", KEEP),
        node=node,
        node_ip=environment.node_ip(environ),
        file=file,
        origins={},
    )
    return replace(config, origins=_origins(config, settings, environ))


def _read(file: str | None) -> Given:
    if file is None:
        return Given({}, "no settings file")
    from tocsin.config.document import read

    return read(file)


def default_log(environ: Mapping[str, str], *, node_log: str = NODE_LOG, logs: tuple[str, ...] = LOGS) -> str:
    """The log to read where the settings name none: the node's where it is mounted, else the first that is there."""
    in_pod = environ.get("NODE_IP") or environ.get("REMOTE_SMTP_IP")
    candidates = (node_log, *logs)
    found = next((log for log in candidates if os.path.exists(log)), None)
    return found or candidates[0 if in_pod else 1]


def _origins(config: Config, settings: Given, environ: Mapping[str, str]) -> dict[str, str]:
    given = {leaf.path: leaf.origin for leaf in (*leaves(settings), *environment.node_leaves(environ))}
    return {
        path: given.get(path, "default")
        for path in (*(path for path, _ in flat(as_settings(config))), "node", "node_ip")
    }


def told(config: Config) -> tuple[EmailSettings, ...]:
    """The receivers, for a verb that needs one. Raises SettingsError if there is none."""
    if config.receivers:
        return config.receivers
    hint = "add a receiver to the settings, or set REMOTE_SMTP_IP and TOCSIN_EMAIL_TO"
    raise SettingsError(f"{config.file or 'no settings file'}: receivers: nobody would be told", hint=hint)


def zone(settings: FileSettings) -> tzinfo | None:
    """The zone of a source's RFC 3164 stamps, None if the settings name none. Raises SettingsError if it is gone."""
    if settings.timezone is None:
        return None
    from tocsin.config.zones import find, timezone

    return find(timezone(Given(settings.timezone, "timezone")))


def schema() -> dict[str, object]:
    """The JSON schema of the settings file."""
    from tocsin.config.json_schema import settings

    return settings()
