"""Makes the kernel as wished, or takes away what is ours; does nothing where there is nothing to do."""

from collections.abc import Sequence

from tocsin.errors import FirewallError
from tocsin.firewall import choice
from tocsin.firewall.backend import Backend
from tocsin.firewall.ruleset import Guard


def apply(backend: Backend, guards: Sequence[Guard]) -> bool:
    """False if all was as wished: then no counter changes. Raises FirewallError where it is not so afterwards."""
    for other in choice.others(backend, guards):
        hint = f"tocsin firewall remove --backend {other.name}"
        raise FirewallError(f"tocsin's rules stand in {other.name} already: two guards would count twice", hint=hint)
    if not backend.findings(guards):
        return False
    backend.apply(guards)
    for finding in backend.findings(guards):
        raise FirewallError(f"{backend.name}: still not as wished: {finding.what}", hint="does something else write?")
    return True


def remove(backends: Sequence[Backend], guards: Sequence[Guard]) -> list[str]:
    """The names of the back ends that had something of ours."""
    return [one.name for one in backends if one.remove(guards)]
