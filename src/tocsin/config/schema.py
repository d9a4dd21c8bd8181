"""The JSON schema of the settings file."""


def settings() -> dict[str, object]:
    """The schema, as plain values."""
    return {}
