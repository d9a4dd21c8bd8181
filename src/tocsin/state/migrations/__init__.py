"""The steps from an empty state file to today's, each an SQL file that is never changed again."""

from pkgutil import get_data

LATEST = 1


def statements(version: int) -> list[str]:
    """The statements that lead to this version from the one before."""
    text = (get_data(__name__, f"{version:04}.sql") or b"").decode()
    return [part.strip() for part in text.split(";\n") if part.strip()]
