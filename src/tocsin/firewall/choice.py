"""Which back end: the one that is named, or the one that holds this machine's rules."""

from collections.abc import Iterator, Sequence

from tocsin.errors import FirewallError, NotPermitted
from tocsin.firewall.backend import Backend
from tocsin.firewall.by_iptables import Iptables
from tocsin.firewall.by_nft import Nft
from tocsin.firewall.ruleset import Guard
from tocsin.firewall.run import permitted

NAMES = ("nft", "iptables", "iptables-legacy")
AUTO = "auto"


def named(name: str) -> Backend:
    """A back end, whether this machine has its programs or not."""
    return Nft() if name == "nft" else Iptables(name)


def available() -> list[Backend]:
    """Those that this machine has programs for, in the order in which an empty machine takes them."""
    made = [one for one in map(named, NAMES) if one.there()]
    if not made:
        hint = "apt-get install nftables, or iptables, on the node"
        raise FirewallError("neither nft nor iptables is on this machine", hint=hint)
    return made


def chosen(name: str, guards: Sequence[Guard]) -> Backend:
    """The named one; for `auto` the one that has ours, or the chain typed by hand, or most rules, or the first.

    Raises FirewallError where its programs are missing, NotPermitted where rules may not be read.
    """
    made = available()
    if name == AUTO:
        permitted()
        return max(made, key=lambda one: _claim(one, guards))
    one = named(name)
    if not one.there():
        raise FirewallError(
            f"{name} is not on this machine", hint=f"there is {', '.join(other.name for other in made)}"
        )
    permitted(raw=name == "iptables-legacy")
    return one


def others(one: Backend, guards: Sequence[Guard]) -> Iterator[Backend]:
    """Back ends beside this one that guard the same."""
    return (other for other in available() if other.name != one.name and any(_claim(other, guards)[:2]))


def rivals(one: Backend) -> list[str]:
    """The names of the other back ends that hold rules, whosever they are."""
    return [other.name for other in available() if other.name != one.name and _claim(other, ())[2]]


def _claim(one: Backend, guards: Sequence[Guard]) -> tuple[bool, bool, int]:
    """How much speaks for it; nothing where its rules may not be read, as the old iptables's without CAP_NET_RAW."""
    try:
        return one.ours(guards), one.by_hand(guards), one.holds()
    except NotPermitted:
        return False, False, 0
