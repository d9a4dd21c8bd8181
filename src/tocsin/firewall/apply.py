"""Makes the kernel as wished, and says how it is not; does nothing where there is nothing to do."""

from collections.abc import Sequence

from tocsin.errors import FirewallError
from tocsin.firewall import choice
from tocsin.firewall.backend import Backend
from tocsin.firewall.ruleset import Finding, Guard

_SILENT = Finding(
    "nf_log_all_netns is 0 and this is not the machine's first network namespace: LOG counts and says nothing",
    "sysctl -w net.netfilter.nf_log_all_netns=1, in the first one",
)


def apply(backend: Backend, guards: Sequence[Guard]) -> bool:
    """False if all was as wished: then no counter changes. Raises FirewallError where it is not so afterwards."""
    for finding in _twice(backend, guards):
        raise FirewallError(finding.what, hint=finding.fix)
    if not backend.findings(guards):
        return False
    backend.apply(guards)
    for finding in backend.findings(guards):
        raise FirewallError(f"{backend.name}: still not as wished: {finding.what}", hint="does something else write?")
    return True


def check(backend: Backend, guards: Sequence[Guard], *, heard: bool | None) -> tuple[Finding, ...]:
    """How what the kernel holds differs from the wish; `heard` says whether what LOG says comes out anywhere."""
    every = (*backend.findings(guards), *_twice(backend, guards))
    return (*every, _SILENT) if heard is False else every


def _twice(backend: Backend, guards: Sequence[Guard]) -> list[Finding]:
    """Each packet would pay twice."""
    found = []
    for other in choice.others(backend, guards):
        if other.ours(guards):
            text = f"tocsin's rules stand in {other.name} already: two guards would count twice"
            found.append(Finding(text, f"tocsin firewall remove --backend {other.name}"))
        else:
            text = f"the chain typed by hand stands in {other.name}, with one limit for everybody"
            found.append(Finding(text, f"tocsin firewall apply --backend {other.name} replaces it"))
    return found
