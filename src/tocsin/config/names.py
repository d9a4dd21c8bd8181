"""Given texts -> names of the network and of rules: networks, servers, mail addresses, prefixes; all checked."""

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tocsin.config.given import Given, shown
from tocsin.config.kinds import text
from tocsin.model import BLIND

SLUG = "[a-z0-9-]{1,40}"
PREFIX = r"[ !#%&(-\[\]-_a-~]{1,127}"  # printable ASCII but quotes, backslash, $ and backtick
HOST = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
ADDRESS = r'[^\s@<>,;"()\\]{1,252}@[^\s@<>,;"()\\]{1,252}'
_SERVER = re.compile(
    rf"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>{HOST}(?:\.{HOST})*\.?))(?::(?P<port>\d{{1,5}}))?", re.ASCII
)


def slug(given: Given) -> str:
    """The name of a receiver."""
    name = text(given, "a name", hint="put it in quotes")
    if not re.fullmatch(SLUG, name):
        raise given.wrong(f"{shown(name)!r} is no name", hint="use 1 to 40 of a-z, 0-9 and -")
    return name


def rule_name(given: Given) -> str:
    """The name of a rule."""
    name = slug(given)
    if name == BLIND:
        raise given.wrong(f"{BLIND} is what lost lines ring as", hint="give the rule another name")
    return name


def prefix(given: Given) -> str:
    """What the firewall writes before a packet: it goes into rulesets, so nothing a shell or nft would read."""
    if given.value == "":
        raise given.wrong("empty", hint="write the prefix of the firewall's LOG rule")
    value = text(given, "a prefix", hint="put it in quotes")
    if len(value.encode(errors="replace")) > 127:
        raise given.wrong(f"{len(value.encode(errors='replace'))} bytes long", hint="the kernel takes 127 at most")
    if not re.fullmatch(PREFIX, value):
        odd = re.sub(PREFIX, "", value)[0]
        raise given.wrong(f"holds {odd}", hint="a prefix is printable ASCII without quotes, backslash, $ and backtick")
    return value


def network(given: Given) -> IPv4Network | IPv6Network:
    """An address or a network, v4 or v6."""
    value = text(given, "an address or a network")
    try:
        return _unmapped(ip_network(value))
    except ValueError:
        pass
    try:
        meant = ip_network(value, strict=False)
    except ValueError as error:
        hint = "write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"
        raise given.wrong(f"{shown(value)!r} is no address and no network", hint=hint) from error
    raise given.wrong(
        f"{value} has bits set after its mask", hint=f"write {meant}, or the address without /{meant.prefixlen}"
    )


def _unmapped(found: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """A v4-mapped network is its v4 network, as its addresses are in events."""
    mapped = found.network_address.ipv4_mapped if isinstance(found, IPv6Network) else None
    return IPv4Network((mapped, found.prefixlen - 96)) if mapped else found


def server(given: Given) -> str:
    """A mail server: "host", "host:port", "[v6]:port" or a bare v6, which comes back in brackets."""
    value = text(given, "a server such as mail.example.org:587")
    bare = f"[{value}]" if value.count(":") > 1 and not value.startswith("[") else value
    found = _SERVER.fullmatch(bare)
    if not found or not _host(found["v6"], found["host"]):
        hint = "write host, host:port or [v6]:port; a name beyond ASCII in its xn-- form"
        raise given.wrong(f"{shown(value)!r} is no server", hint=hint)
    if found["port"] and not 1 <= int(found["port"]) <= 65535:
        raise given.wrong(f"port {found['port']} is not from 1 to 65535")
    return bare


def _host(v6: str | None, name: str | None) -> bool:
    try:
        if v6:
            IPv6Address(v6)
        elif name and re.fullmatch(r"[\d.]+", name):
            ip_address(name)
    except ValueError:
        return False
    return len(name or "") <= 253


def with_port(entry: str, port: int) -> str:
    """A server with its port, the one given where it names none."""
    return entry if ":" in entry.rpartition("]")[2] else f"{entry}:{port}"


def is_loopback(entry: str) -> bool:
    """A server with its port stands on this very machine."""
    host = entry.rpartition(":")[0].strip("[]").rstrip(".")
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def address(given: Given) -> str:
    """A mail address alone, without a display name."""
    value = text(given, "a mail address")
    if not re.fullmatch(ADDRESS, value):
        raise given.wrong(
            f"{shown(value)!r} is no mail address", hint="write the bare address, as in admin@example.org"
        )
    if len(value.encode()) > 254:
        raise given.wrong("a mail address has 254 bytes at most")
    return value
