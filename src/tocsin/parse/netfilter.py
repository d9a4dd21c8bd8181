"""The text that netfilter writes about one packet (the kernel's nf_log_syslog.c), as one strict pattern."""

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address
from typing import Protocol

from tocsin.parse import syslog

# Attackers write some of what is searched here, so every repetition is bounded and no class crosses a newline.
# `(?:X|)` and `(?:X)?` mean the same; the first costs a third, because its first letter alone can rule it out.
_NAME = rb"[^ \n]{0,15}"
_ADDRESS = rb"[0-9a-f.:]{7,39}"

WAY = b"IN=%b OUT=%b (?:PHYSIN=%b |)(?:PHYSOUT=%b |)" % (_NAME, _NAME, _NAME, _NAME)
LINK = (
    rb"(?:VPROTO=[0-9a-f]{4} VID=\d{1,4} |)"
    rb"(?:MAC(?:=[0-9a-f:]{18}|SRC=)(?P<mac>[0-9a-f:]{17})"
    rb"(?: MACDST=[0-9a-f:]{17} MACPROTO=[0-9a-f]{4}|[0-9a-f:]{0,60}) |MAC=[0-9a-f:]{0,34} |)"
)
ADDRESSES = rb"SRC=(?P<src>%b) DST=%b LEN=\d{1,10} " % (_ADDRESS, _ADDRESS)
_OPTIONS = rb"(?:OPT \([0-9A-F ]{0,80}\) |)"
_V4 = rb"TOS=0x[0-9A-F][0-9A-F] PREC=0x[0-9A-F][0-9A-F] TTL=\d{1,3} ID=\d{1,5} (?:CE |)(?:DF |)(?:MF |)"
_V6 = rb"TC=\d{1,3} HOPLIMIT=\d{1,3} FLOWLBL=\d{1,7} "
_FRAGMENT = rb"(?:(?P<fragment>FRAG:)\d{1,5} (?:(?:INCOMPLETE |)ID:[0-9a-f]{8} |)|)"
_PORT = rb"(?:[1-5]\d{4}|\d{1,4}|6(?:[0-4]\d{3}|5(?:[0-4]\d\d|5(?:[0-2]\d|3[0-5]))))"  # up to 65535
_PORTS = b" SPT=(?P<spt>%b) DPT=(?P<dpt>%b)" % (_PORT, _PORT)
_UDP = rb" LEN=\d{1,5}"
_TCP = (
    rb"(?: SEQ=\d{1,10} ACK=\d{1,10}|) WINDOW=\d{1,5} RES=0x[0-9A-F]{2}(?: (?:CWR|ECE|URG|ACK|PSH|RST|SYN|FIN)){0,8}"
    rb" URGP=\d{1,5}(?: OPT \([0-9A-F]{0,80}\)|)"
)
_INSIDE = rb" \[SRC=[^\[\]\n]{1,500}(?:\[\d{1,5} bytes\] |)\]"  # the packet that an ICMP error is about
_ICMP = (
    rb" TYPE=\d{1,3} CODE=\d{1,3}"
    rb"(?: ID=\d{1,5} SEQ=\d{1,5}| PARAMETER=\d{1,3}| GATEWAY=[0-9.]{7,15}| POINTER=[0-9a-f]{1,8}|)"
    rb"(?:%b|)(?: MTU=\d{1,10}|)" % _INSIDE
)
_INCOMPLETE = rb" INCOMPLETE \[\d{1,5} bytes\]"
_NUMBERED = rb"(?<=[=\d]\d)"  # a protocol without a name: nothing follows
_LATER = rb"(?(fragment)|(?!))"  # a later fragment: nothing follows either
PACKET = (
    b"(?:%b|%b)%b%bPROTO=(?P<protocol>[A-Za-z0-9]{1,10})" % (_V4, _V6, _FRAGMENT, _OPTIONS)
    + b"(?:%b(?:%b|%b)|%b" % (_PORTS, _UDP, _TCP, _ICMP)
    + rb"| SPI=0x[0-9a-f]{1,8}|%b|%b|%b)" % (_INCOMPLETE, _NUMBERED, _LATER)
    + rb"(?: UID=\d{1,10} GID=\d{1,10}|)(?: MARK=0x[0-9a-f]{1,8}|)"
)
BODY = WAY + LINK + ADDRESSES + PACKET

COMMON = ("stamp", "src", "dpt", "other")

_OCTETS = frozenset(b"%d" % octet for octet in range(256))


class Scanner(Protocol):
    """Finds one line after the other."""

    def match(self) -> re.Match[bytes] | None: ...


def address(written: bytes) -> str:
    """The address as `ipaddress` writes it, a v4-mapped one as its v4; empty if it is none."""
    octets = written.split(b".")
    if len(octets) == 4 and _OCTETS.issuperset(octets):
        return written.decode()
    digits = written.replace(b":", b"")
    in_full = len(digits) == 32 and written[4::5] == b":::::::"  # as the kernel writes it, and read twice as fast
    try:
        found = IPv6Address(int(digits, 16) if in_full else written.decode())
    except ValueError:
        return ""
    return str(found.ipv4_mapped or found)


def any_of(prefixes: Iterable[bytes]) -> bytes:
    """The pattern of one of the prefixes, longest first."""
    return b"|".join(re.escape(prefix) for prefix in sorted(prefixes, key=len, reverse=True))


def line(prefixes: Iterable[bytes]) -> re.Pattern[bytes]:
    """The pattern of a whole line of the kernel's about a packet, its LF included."""
    return re.compile(syslog.HEAD + b"(?P<prefix>%b)" % any_of(prefixes) + BODY + syslog.END)


def common(prefix: bytes) -> re.Pattern[bytes]:
    """The pattern of any line, with the groups COMMON.

    Those of a packet are empty unless the line has the shape that floods of UDP have; whatever has it has `line`'s too.
    `other` is not empty where the line has another shape that may be `line`'s.
    """
    head = rb"%b [A-Za-z0-9._:-]{1,255}+(?<!:) kernel: \[ {0,5}[0-9]{1,10}\.[0-9]{6}\] " % syslog.STAMP.strip()
    way = rb"IN=[^ \n]{0,15} OUT=[^ \n]{0,15} MAC=[0-9a-f:]{35,95} "
    addresses = b"SRC=(?P<src>%b) DST=%b LEN=[0-9]{1,10} " % (_ADDRESS, _ADDRESS)
    v4 = rb"TOS=0x[0-9A-F]{2} PREC=0x[0-9A-F]{2} TTL=[0-9]{1,3} ID=[0-9]{1,5} (?:DF |)"
    v6 = rb"TC=[0-9]{1,3} HOPLIMIT=[0-9]{1,3} FLOWLBL=[0-9]{1,7} "
    ports = b"PROTO=UDP SPT=%b DPT=(?P<dpt>%b) LEN=[0-9]{1,5} \n" % (_PORT, _PORT)
    flood = head + re.escape(prefix) + way + addresses + b"(?:%b|%b)" % (v4, v6) + ports
    other = b"(?P<other>%b%bIN=)" % (re.sub(rb"\(\?P<\w+>", b"(?:", syslog.HEAD), re.escape(prefix))
    return re.compile(flood + b"|" + other + rb"[^\n]*\n|[^\n]*\n")


def scanner(pattern: re.Pattern[bytes]) -> Callable[[bytearray, int, int], Scanner]:
    """The pattern's scanner: each match begins where the last one ended."""
    found: Callable[[bytearray, int, int], Scanner] = pattern.scanner  # type: ignore[attr-defined] # typeshed lacks it
    return found
