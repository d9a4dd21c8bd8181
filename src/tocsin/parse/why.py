"""Why a line is no event, in a short sentence: what `explain` says. Not on the way of events."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tocsin.model import Rule
from tocsin.parse import netfilter, syslog

_TAG = (
    rb"(?:(?P<facility>[a-z0-9]{3,8})\.[a-z]{3,7} )?(?P<tag>[^ \n\[]{1,255}?)(?P<pid>\[[^ \n]{0,20}\])?"
    rb"(?::| - - -)(?: |$)"
)
_WORDS = rb"(?:[A-Z][A-Z0-9:]{0,9}(?:=[^ \r\n]{0,60}|)(?: |(?=\r?\n)))*\r?\n"  # the kernel's, but too few


class Wanted(NamedTuple):
    """A rule, ready for a line's bytes."""

    name: str
    port: bytes | None
    protocol: bytes | None


def wanted(rule: Rule) -> Wanted:
    """What the rule asks of a line beside its prefix."""
    names = {"icmpv6": b"ICMPv6"}
    protocol = rule.protocol and names.get(rule.protocol, rule.protocol.upper().encode(errors="replace"))
    return Wanted(rule.name, None if rule.port is None else b"%d" % rule.port, protocol or None)


class Explainer:
    """Says of a line, its LF included, why it is no event of any of the rules."""

    def __init__(self, rules: Mapping[bytes, Sequence[Wanted]]) -> None:
        self._rules = rules

    def __call__(self, line: bytes) -> str:
        text = line.rstrip(b"\n").removesuffix(b"\r").lstrip(b"\0")
        if not text:
            return "the line is empty"
        prefix = next((prefix for prefix in self._rules if prefix in text), None)
        if prefix is None:
            return "no rule's prefix"
        return _head(text) or self._message(text) or self._packet(line)

    def _message(self, text: bytes) -> str:
        """What is wrong with the kernel's message up to `IN=`."""
        head = re.match(syslog.HEAD, text)
        rest = text[head.end() :] if head else b""
        prefix = next((prefix for prefix in self._rules if rest.startswith(prefix)), None)
        if prefix is None:
            return "the prefix does not begin the kernel's message"
        if not any(rest.startswith(prefix + b"IN=") for prefix in self._rules):
            return "the prefix is not followed by IN="
        return ""

    def _packet(self, line: bytes) -> str:
        """What is wrong with the text about the packet, or with the stamp."""
        found = netfilter.line(self._rules).fullmatch(line)
        if not found:
            return _body(line)
        if not netfilter.address(found["src"]):
            return f"the source is no address: {found['src'].decode()}"
        reasons = [_unlike(rule, found["dpt"] or b"", found["protocol"]) for rule in self._rules[found["prefix"]]]
        return next((reason for reason in reasons if reason), "") or _stamp(found["stamp"])


def _head(text: bytes) -> str:
    """What is wrong with stamp and host, or else with the tag."""
    at = re.match(syslog.PRI + syslog.STAMP, text)
    if not at:
        return "no syslog stamp at the line's start"
    if at["pri"] and int(at["pri"]) > 7:
        return "facility is not kern"
    host = re.match(syslog.HOST, text[at.end() :])
    return _tag(text[at.end() + host.end() :]) if host else "no host after the stamp"


def _tag(text: bytes) -> str:
    if re.match(syslog.TAG, text):
        return ""
    tag = re.match(_TAG, text)
    if not tag:
        return "no tag after the host"
    name = tag["tag"].decode(errors="replace")
    if tag["facility"] not in (None, b"kern"):
        return "facility is not kern"
    if name != "kernel":
        return f"the tag is {name}, not kernel"
    if tag["pid"]:
        return f"the tag kernel{tag['pid'].decode(errors='replace')} has a pid: the kernel has none"
    return "the tag is not the kernel's"


def _body(line: bytes) -> str:
    body = line[line.find(b"IN=") :]
    sources = re.findall(rb" SRC=([^ \n]*)", re.sub(rb"\[SRC=[^\]\n]*", b"", body))
    if len(sources) > 1:
        return "a second SRC"
    if sources and not netfilter.address(sources[0]):
        return f"the source is no address: {sources[0][:40].decode(errors='replace')}"
    for port in re.findall(rb" [SD]PT=(\d{5})\b", body):
        if port > b"65535":
            return f"{port.decode()} is no port"
    return "the line is cut short" if re.fullmatch(_WORDS, body) else "not the kernel's words about a packet"


def _stamp(stamp: bytes) -> str:
    """What is wrong with a stamp that is no moment; RFC 3164's, which name no year, are never too late."""
    if stamp[:1].isalpha() or not syslog.iso(stamp):
        return f"there is no such time: {stamp.decode()}"
    return f"the stamp is more than a day ahead of its file's time: {stamp.decode()}"


def _unlike(rule: Wanted, dpt: bytes, protocol: bytes) -> str:
    """How the packet is not what the rule watches; empty if it is."""
    if rule.protocol not in (None, protocol):
        return f"protocol {protocol.decode()} is not the rule's {rule.protocol.decode()}"
    if rule.port not in (None, dpt):
        port = rule.port.decode()
        return f"port {dpt.decode()} is not the rule's {port}" if dpt else f"no port is shown, and the rule's is {port}"
    return ""
