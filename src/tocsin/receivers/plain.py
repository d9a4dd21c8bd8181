"""Text of others (a server's answer, a file's name) -> one short line that is safe to show anywhere."""


def plain(text: str, limit: int = 200) -> str:
    """The text on one line, at most `limit` characters: what cannot be printed is escaped, what is too long is cut."""
    line = " ".join(text.split())
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
