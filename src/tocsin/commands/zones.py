"""A file that the command line names -> what its stamps are read by where they name no zone."""

import os
from collections.abc import Iterator
from datetime import datetime, tzinfo

from tocsin.config import Config, zone
from tocsin.errors import TocsinError
from tocsin.model import Batch
from tocsin.sources.newest import newest
from tocsin.sources.opening import opened


class Zones:
    """The zone is guessed from a source's own file only, as a copy's time says nothing; others have the first's."""

    def __init__(self, config: Config) -> None:
        self._sources = {source.path: source for source in config.sources}
        self._first = config.sources[0]

    def given(self, path: str) -> tzinfo | None:
        """What the settings name. Raises SettingsError if it is gone."""
        return zone(self._sources.get(os.path.abspath(path), self._first))

    def placed(self, path: str, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches of a file, with the newest line that a guess may rest on."""
        if os.path.abspath(path) in self._sources:
            yield from batches
            return
        line, written = _newest(self._first.path)
        for batch in batches:
            yield batch._replace(newest=line, newest_mtime=written)


def _newest(path: str) -> tuple[bytes, datetime | None]:
    try:
        with opened(path) as file:
            return newest(file.fd, file.size), file.time
    except (TocsinError, OSError):  # then there is no guess
        return b"", None
