"""Which back end: the one that is named, or the one that holds this machine's rules."""

from collections.abc import Iterator, Sequence

from tocsin.errors import FirewallError
from tocsin.firewall.backend import Backend
from tocsin.firewall.by_iptables import Iptables
from tocsin.firewall.by_nft import Nft
from tocsin.firewall.ruleset import Guard
from tocsin.firewall.run import permitted

NAMES = ("nft", "iptables", "iptables-legacy")
AUTO = "auto"
_HINT = "apt-get install nftables, or iptables, on the node"


def named(name: str) -> Backend:
    """A back end, whether this machine has its programs or not."""
    return Nft() if name == "nft" else Iptables(name)


def available() -> list[Backend]:
    """Those that this machine has programs for, in the order in which an empty machine takes them."""
    made = [one for one in map(named, NAMES) if one.there()]
    if not made:
        raise FirewallError("neither nft nor iptables is on this machine", hint=_HINT)
    return made


def chosen(name: str, guards: Sequence[Guard]) -> Backend:
    """The named one; for `auto` the one that has ours, else the one with most rules, else the first.

    Raises FirewallError where its programs are missing, NotPermitted where rules may not be read.
    """
    made = available()
    if name != AUTO:
        one = named(name)
        if not one.there():
            raise FirewallError(f"{name} is not on this machine", hint=f"there is {', '.join(o.name for o in made)}")
        made = [one]
    permitted()
    if len(made) == 1:
        return made[0]
    ours = [one for one in made if one.ours(guards)]
    return ours[0] if ours else max(made, key=lambda one: one.holds())


def others(one: Backend, guards: Sequence[Guard]) -> Iterator[Backend]:
    """Back ends beside this one that have ours too."""
    return (other for other in available() if other.name != one.name and other.ours(guards))
