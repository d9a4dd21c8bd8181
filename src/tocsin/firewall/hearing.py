"""Whether what LOG says in this network namespace is heard: outside the first one a switch of the machine decides."""

import os
from collections.abc import Iterator

from tocsin.errors import TocsinError
from tocsin.firewall.run import found, run

SWITCH = "/proc/sys/net/netfilter/nf_log_all_netns"  # shown in the first namespace only
_MOST = 64  # namespaces that are tried


def heard() -> bool | None:
    """None if this is not the first namespace, and that one cannot be seen from here."""
    if os.path.exists(SWITCH):
        return True
    program = found("nsenter")
    for path in _namespaces() if program else ():
        try:
            return run([str(program), f"--net={path}", "cat", SWITCH]).strip() != "0"
        except TocsinError:  # not the first one, or not ours to enter
            continue
    return None


def _namespaces() -> Iterator[str]:
    """One path for each namespace that a process is in: the first processes come first."""
    seen = {_identity("/proc/self/ns/net"), ""}
    for number in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        path = f"/proc/{number}/ns/net"
        if (identity := _identity(path)) not in seen and len(seen) < _MOST:
            seen.add(identity)
            yield path


def _identity(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
