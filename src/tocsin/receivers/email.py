"""Notifications -> an SMTP server."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """Who is told by mail, and by which servers, tried in turn ("host", "host:port" or "[v6]:port")."""

    server: tuple[str, ...]
    to: tuple[str, ...]
    name: str = "email"
    security: str = "starttls"  # or "tls", or "none"
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    sender: str | None = None  # `from` in the settings
