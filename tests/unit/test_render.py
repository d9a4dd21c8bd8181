"""What the mail says, for every reason."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from tocsin.model import BLIND, Alert, Notification, Others, Place
from tocsin.receivers import render

START = datetime(2026, 11, 23, 14, 33, 56, tzinfo=UTC)
LAST = START + timedelta(seconds=90)


def alert(src: str = "192.0.2.7", events: int = 9) -> Alert:
    return Alert(
        rule="tftp", src=src, source=None, network=None, first=START, last=LAST, events=events, attack=START,
        over=False, named=False, ports=(69,), spts=(40001, 40002), mac="4a:a9:0f:54:e5:7d",
        lines=(Place("/host_logs/syslog", 4711), Place("/host_logs/syslog.1", 98)),
    )  # fmt: skip


def told(reason: str, *alerts: Alert, new: int = 0) -> Notification:
    return Notification(
        id="0123456789abcdef" * 2, rule="tftp", reason=reason, at=LAST, node="node1", node_ip="198.51.100.4",
        start=START, last=LAST, events=sum(each.events for each in alerts), alerts=alerts, new=new,
        window=timedelta(minutes=10), threshold=5,
    )  # fmt: skip


def gap() -> Alert:
    why = "it was cut before it was read: 120 bytes"
    return replace(alert(), rule=BLIND, src=None, source="/host_logs/syslog", events=1, lines=(), why=why)


FIRST = told("first", alert(), alert("2001:db8::1", 3), new=1)
QUIET = Notification("f" * 32, "", "heartbeat", LAST, "node1", "198.51.100.4", lines=123_456, newest=START)
DARK = replace(told("first", gap(), new=1), rule=BLIND)
DIGEST = replace(QUIET, reason="digest", attacks=(FIRST, DARK))
EVERY = [
    FIRST,
    told("more", alert(), new=1),
    told("still", alert()),
    replace(told("over", alert()), over=True),
    replace(told("first", alert(), new=1), over=True),
    DARK,
    replace(DARK, reason="over", over=True),
    DIGEST,
    QUIET,
    told("test", alert(), new=1),
    told("drill", alert(), new=1),
    replace(QUIET, reason="test"),
    replace(QUIET, reason="drill"),
]
BODIES: list[Callable[[Notification], str]] = [render.text, render.html]


def flat(body: str) -> str:
    return " ".join(body.split())


class Tags(HTMLParser):
    """The words of a page, its tags, and whether every one that opens also closes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[str] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data + " "


# every mail


@pytest.mark.parametrize("n", EVERY, ids=lambda n: f"{n.rule}-{n.reason}-{n.over}")
@pytest.mark.parametrize("body", BODIES)
def test_every_mail_names_the_node_and_its_address(n: Notification, body: Callable[[Notification], str]) -> None:
    assert "node1 (198.51.100.4)" in flat(body(n))


@pytest.mark.parametrize("n", EVERY, ids=lambda n: f"{n.rule}-{n.reason}-{n.over}")
def test_every_mail_says_what_to_type_next(n: Notification) -> None:
    assert "\n    tocsin status\n" in render.text(n)
    assert ">tocsin status</code>" in render.html(n)


@pytest.mark.parametrize("n", EVERY, ids=lambda n: f"{n.rule}-{n.reason}-{n.over}")
def test_every_text_fits_a_terminal_of_80_columns(n: Notification) -> None:
    assert max(map(len, render.text(n).split("\n"))) < 80
    assert render.text(n).isascii()
    assert not re.search(r"[ \t]$|\n\n\n", render.text(n), re.MULTILINE)


@pytest.mark.parametrize("n", EVERY, ids=lambda n: f"{n.rule}-{n.reason}-{n.over}")
def test_every_page_is_whole_and_loads_nothing(n: Notification) -> None:
    page = render.html(n)
    tags = Tags(page)
    assert not tags.open
    assert not {"img", "script", "link", "a", "iframe", "object"} & set(tags.seen)
    assert not re.search(r"url\(|https?:|@import|src=", page)


@pytest.mark.parametrize("n", EVERY, ids=lambda n: f"{n.rule}-{n.reason}-{n.over}")
def test_text_and_page_say_the_same(n: Notification) -> None:
    page = re.sub(r"\W+", " ", Tags(render.html(n)).words)
    text = render.text(n).replace("* new in this mail", "")
    assert [word for word in re.findall(r"\w+", text) if word not in page] == []


@pytest.mark.parametrize("body", BODIES)
def test_every_time_has_its_zone(body: Callable[[Notification], str]) -> None:
    times = re.findall(r"\d\d:\d\d:\d\d(?!:)(.{4})", flat(body(FIRST)))
    assert times
    assert set(times) == {" UTC"}


@pytest.mark.parametrize("length", range(30, 60, 3))
def test_no_name_is_broken_at_its_dashes(length: int) -> None:
    assert f"The firewall of {'n' * length}-rack-two-east-one (198" in flat(
        render.text(replace(FIRST, node=f"{'n' * length}-rack-two-east-one"))
    )


def test_a_node_without_an_address_is_named_alone() -> None:
    assert "firewall of node1 rejected" in flat(render.text(replace(FIRST, node_ip="")))


# from whom, how many, how sure


@pytest.mark.parametrize("body", BODIES)
def test_an_attack_says_from_whom_since_when_and_at_least_how_many(body: Callable[[Notification], str]) -> None:
    said = flat(body(FIRST))
    assert "192.0.2.7 and at least 1 other were rejected on node1" in said
    assert "rejected at least 12 packets from at least 2 sources between 2026-11-23 14:33:56 UTC and" in said
    assert "whether it was served is unknown" in said
    assert said.count("served") == 1
    assert "can be spoofed" in said
    assert "lower bounds" in said


def test_the_table_lists_source_count_times_ports_and_hardware_address() -> None:
    rows = render.text(FIRST).split("\n")
    row = next(place for place, line in enumerate(rows) if line.startswith("* 192.0.2.7"))
    assert rows[row].split() == ["*", "192.0.2.7", "9", "69", "4a:a9:0f:54:e5:7d"]
    assert rows[row + 1].split("   ") == ["", " 2026-11-23 14:33:56 UTC", "  2026-11-23 14:35:26 UTC"]


def test_the_page_has_the_table_with_its_six_heads() -> None:
    heads = re.findall(r'<th[^>]*scope="col"[^>]*>([^<]*)<', render.html(FIRST))
    assert heads == ["source", "at least", "first", "last", "ports", "hardware address"]


@pytest.mark.parametrize("body", BODIES)
def test_the_lines_that_prove_it_are_named(body: Callable[[Notification], str]) -> None:
    assert "lines: /host_logs/syslog at byte 4711 to /host_logs/syslog.1 at byte 98" in flat(body(FIRST))


def test_the_files_that_prove_it_stand_in_the_command_to_type() -> None:
    place = (Place("/host_logs/a b;c", 1),)
    n = told("first", replace(alert(), lines=place), new=1)
    assert "\n    tocsin explain '/host_logs/a b;c'\n" in render.text(n)
    assert "\n    tocsin explain FILE\n" in render.text(told("first", replace(alert(), lines=()), new=1))


def test_only_new_sources_are_marked() -> None:
    assert re.findall(r"^\* ([0-9a-f.:]+)", render.text(FIRST), re.MULTILINE) == ["192.0.2.7"]
    assert render.html(FIRST).count(">new</span>") == 1
    assert "new in this mail" not in render.text(told("still", alert()))


def test_attempts_are_shown_beside_packets() -> None:
    assert "at least 2 attempts (source ports)" in render.text(FIRST)
    assert "attempt" not in render.text(told("first", replace(alert(), spts=(1,)), new=1))


def test_a_source_that_stands_for_its_network_says_so() -> None:
    n = told("first", replace(alert("2001:db8::1"), network="2001:db8::/64"), new=1)
    assert "counted for the network 2001:db8::/64" in render.text(n)


def test_the_longest_address_keeps_the_table_in_its_columns() -> None:
    n = told("first", alert("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", 1_000_000), new=1)
    assert max(map(len, render.text(n).split("\n"))) < 80


def test_what_a_line_did_not_show_is_a_dash() -> None:
    n = told("first", replace(alert(), ports=(), mac=None), new=1)
    assert re.search(r"^\* 192\.0\.2\.7 +9  - +-$", render.text(n), re.MULTILINE)


def test_several_ports_stand_below_their_source() -> None:
    said = render.text(told("first", replace(alert(), ports=(69, 1069, 6969)), new=1))
    assert re.search(r"^\* 192\.0\.2\.7 +9  69 \+2 ", said, re.MULTILINE)
    assert "\n    at least the ports 69, 1069, 6969\n" in said


@pytest.mark.parametrize("body", BODIES)
def test_fifty_sources_are_listed_and_the_rest_is_counted(body: Callable[[Notification], str]) -> None:
    n = told("first", *(alert(f"192.0.2.{host}") for host in range(60)), new=60)
    said = flat(body(replace(n, others=Others(sources=7))))
    assert said.count("4a:a9:0f:54:e5:7d") == 50
    assert "and at least 17 others" in said
    assert "from at least 67 sources" in said


def test_one_other_is_not_others() -> None:
    assert "\n  and at least 1 other\n" in render.text(replace(FIRST, others=Others(sources=1)))


def test_without_others_nothing_is_said_of_them() -> None:
    assert "and at least" not in render.text(told("first", alert(), new=1))


def test_the_error_of_a_full_table_is_said() -> None:
    assert "a listed one may lack 3 more" in flat(render.text(replace(FIRST, others=Others(5, 9, 3))))


# reasons


def test_more_names_the_new_source() -> None:
    assert render.text(told("more", alert("203.0.113.9"), alert(), new=1)).startswith("New on node1: 203.0.113.9\n")


def test_still_says_that_it_goes_on() -> None:
    assert render.text(told("still", alert())).startswith("The attack on node1 goes on\n")
    assert "No end has been seen so far." in render.text(told("still", alert()))


def test_over_says_since_when_nothing_came() -> None:
    said = flat(render.text(replace(told("over", alert()), over=True)))
    assert said.startswith("The attack on node1 is over")
    assert "It is over: nothing more came for 10m." in said


def test_an_attack_that_began_and_ended_unseen_says_both() -> None:
    said = flat(render.text(replace(told("first", alert(), new=1), over=True)))
    assert said.startswith("192.0.2.7 was rejected on node1; it is over")
    assert "this one mail says both" in said


def test_blind_names_the_log_and_why() -> None:
    said = flat(render.text(DARK))
    assert "Lines of /host_logs/syslog on node1 (198.51.100.4) were lost or could not be read." in said
    assert "it was cut before it was read: 120 bytes" in said
    assert "ls -l /host_logs/syslog" in said
    assert "rejected" not in said


def test_blind_over_says_that_the_log_is_read_again() -> None:
    assert "the log is read again" in render.text(replace(DARK, reason="over", over=True))


def test_a_digest_tells_of_each_attack() -> None:
    said = render.text(DIGEST)
    assert re.search(r"^  tftp +12  2 +goes on$", said, re.MULTILINE)
    assert re.search(r"^  blind +-  1 +goes on$", said, re.MULTILINE)
    assert "\n    192.0.2.7 and at least 1 other\n" in said
    assert "\n    /host_logs/syslog\n" in said


def test_a_digest_of_too_many_counts_the_rest() -> None:
    assert "and at least 3 others" in render.text(replace(DIGEST, attacks=(FIRST,) * 53))


def test_a_heartbeat_says_how_much_was_read_and_how_new_it_is() -> None:
    said = flat(render.text(QUIET))
    assert "All quiet: 123456 lines read on node1 (198.51.100.4)" in said
    assert "the newest is of 2026-11-23 14:33:56 UTC" in said


def test_a_heartbeat_that_saw_no_line_says_so() -> None:
    assert "no line has been seen" in flat(render.text(replace(QUIET, lines=0, newest=None)))


def test_silence_that_proves_nothing_is_not_called_quiet() -> None:
    nothing = replace(QUIET, lines=0, newest=None)
    assert "Nothing to read on node1" in render.subject(nothing)
    assert "quiet" not in (render.text(nothing) + render.html(nothing)).lower()


@pytest.mark.parametrize("reason", ["test", "drill"])
@pytest.mark.parametrize("n", [FIRST, QUIET])
def test_what_is_no_real_attack_says_so_first(reason: str, n: Notification) -> None:
    n = replace(n, reason=reason)
    assert render.text(n).startswith(f"*** {reason.upper()} ***\n")
    assert f">{reason.upper()}</strong>" in render.html(n)
    assert render.subject(n).startswith(f"{reason.upper()}: ")


# the subject


def test_all_mails_of_an_attack_have_one_subject() -> None:
    later = replace(told("over", alert("203.0.113.9")), over=True, start=START - timedelta(seconds=1))
    assert render.subject(later) == render.subject(FIRST) == "tftp: rejected on node1 since 2026-11-23 14:33:56 UTC"


def test_the_subjects_of_the_others() -> None:
    assert render.subject(QUIET) == "All quiet on node1"
    assert render.subject(DIGEST) == "2 attacks on node1, told together"
    assert render.subject(DARK) == "tocsin blind on node1 since 2026-11-23 14:33:56 UTC"
    assert render.subject(replace(QUIET, reason="test")) == "TEST: tocsin on node1"


# hostile text

HOSTILE = "<script>alert(1)</script>\r\nBcc: evil@example.org\x1b[2J{{ 7*7 }}" + "x" * 100_000


def hostile() -> Notification:
    places = (Place(HOSTILE, 1),)
    bad = replace(alert(HOSTILE), mac=HOSTILE, network=HOSTILE, lines=places, why=HOSTILE, source=HOSTILE)
    return replace(told("first", bad, new=1), node=HOSTILE, node_ip=HOSTILE)


@pytest.mark.parametrize("rule", ["tftp", BLIND])
@pytest.mark.parametrize("body", BODIES)
def test_hostile_text_reaches_a_mail_only_escaped_and_cut(rule: str, body: Callable[[Notification], str]) -> None:
    said = body(replace(hostile(), rule=rule))
    assert len(said) < 30_000
    assert "\x1b" not in said
    assert "\r" not in said
    assert not re.search("^Bcc:", said, re.MULTILINE)


@pytest.mark.parametrize("rule", ["tftp", BLIND])
def test_hostile_text_is_no_html(rule: str) -> None:
    tags = Tags(render.html(replace(hostile(), rule=rule)))
    assert "script" not in tags.seen
    assert {"&lt;script"} <= set(re.findall("&lt;script", render.html(replace(hostile(), rule=rule))))


def test_a_subject_stays_one_short_line() -> None:
    n = replace(hostile(), rule="x\r\ny" * 1000)
    assert "\n" not in render.subject(n)
    assert len(render.subject(n)) < 200
