"""Starts nft and iptables: by list, with what they are to load on standard input."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence

from tocsin.errors import FirewallError, NotPermitted

_ADMIN, _RAW = 12, 13  # CAP_NET_ADMIN and CAP_NET_RAW
_SECONDS = 60
_FOLDERS = ("/usr/sbin", "/sbin")  # where they are, whether a user's PATH says so or not
_FORBIDDEN = ("operation not permitted", "permission denied", "you must be root")


def found(*names: str) -> str | None:
    """The path of the first of these programs that this machine has."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_FOLDERS))
    return next((place for name in names if (place := shutil.which(name, path=path))), None)


def run(words: Sequence[str], stdin: str = "") -> str:
    """What the program says on standard output. Raises FirewallError, or NotPermitted, with its own words."""
    try:
        done = subprocess.run(  # noqa: S603 (a list, made here)
            words, input=stdin, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise FirewallError(f"{words[0]} did not end within {_SECONDS} s") from error
    except OSError as error:
        raise FirewallError(f"{words[0]} cannot be started: {error.strerror}") from error
    if done.returncode:
        raise _refused(words, done.stderr)
    return done.stdout


def permitted(*, raw: bool = False) -> None:
    """Raises NotPermitted where this process lacks what reading and writing rules takes."""
    held = _capabilities()
    for number, name in ((_ADMIN, "CAP_NET_ADMIN"), *(((_RAW, "CAP_NET_RAW"),) if raw else ())):
        if not held >> number & 1:
            raise lacking(name)


def lacking(capability: str, why: str = "") -> NotPermitted:
    text = f"the firewall's rules need {capability} in this network namespace{': ' if why else ''}{why}"
    return NotPermitted(text, hint="run it as root on the node")


def _capabilities() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        return next((int(line.split()[1], 16) for line in status if line.startswith("CapEff:")), 0)


def _refused(words: Sequence[str], said: str) -> FirewallError | NotPermitted:
    text = _line(said.splitlines()) or "no reason given"
    if any(words in said.lower() for words in _FORBIDDEN):
        return lacking("CAP_NET_ADMIN", text)
    return FirewallError(f"{os.path.basename(words[0])}: {text}")


def _line(lines: Iterable[str]) -> str:
    """The first line that says what is wrong."""
    return next((line.strip() for line in lines if line.strip() and not line.startswith("#")), "")
