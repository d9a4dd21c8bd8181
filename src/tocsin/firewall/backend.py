"""What every back end can do, and what it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tocsin.firewall.ruleset import Finding, Guard


class Rejected(NamedTuple):
    """How many packets of one source, or network of v6, a guard rejected."""

    rule: str
    src: str
    packets: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What the kernel counted since the rules were loaded; accepted and rejected are always exact."""

    accepted: int
    rejected: int
    sources: tuple[Rejected, ...] = ()
    exact: bool = False  # every rejected source is listed with its true count, as far as it was seen within the hour
    why: str = ""  # the sources are not exact
    vanished: int = 0  # packets that a full table of sources swallowed, in no other count


class Backend(Protocol):
    """One way to write rules into the kernel."""

    name: str

    def there(self) -> bool:
        """This machine has the programs that it takes."""

    def text(self, guards: Sequence[Guard]) -> str:
        """What `apply` would load, with comments."""

    def plain(self, guards: Sequence[Guard]) -> object:
        """The same for programs."""

    def holds(self) -> int:
        """How many rules the kernel holds that were written in this way."""

    def ours(self, guards: Sequence[Guard]) -> bool:
        """Something of ours stands there."""

    def by_hand(self, guards: Sequence[Guard]) -> bool:
        """A chain stands there that does the same and was typed by hand."""

    def findings(self, guards: Sequence[Guard]) -> tuple[Finding, ...]:
        """How what the kernel holds differs from the wish."""

    def apply(self, guards: Sequence[Guard]) -> None:
        """Makes it as wished, all at once. Raises FirewallError."""

    def remove(self, guards: Sequence[Guard]) -> bool:
        """Takes away what is ours; False if there was nothing."""

    def counts(self, guards: Sequence[Guard]) -> Counts | None:
        """What was counted; None if there is nothing of ours."""
