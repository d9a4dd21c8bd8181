"""The message as a program reads it."""

import email
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.errors import SettingsError
from tocsin.model import REASONS, Alert, Notification, Others, Place
from tocsin.receivers import render
from tocsin.receivers.email import Email, EmailSettings

AT = datetime(2026, 11, 23, 14, 35, 26, 123456, tzinfo=UTC)
ONE = Alert(
    rule="tftp", src="192.0.2.7", source=None, network=None, first=AT, last=AT, events=9, attack=AT,
    over=False, named=False,
)  # fmt: skip
FIRST = Notification(
    "0123456789abcdef" * 2, "tftp", "first", AT, "node1", "198.51.100.4",
    start=AT, last=AT, events=9, alerts=(ONE,), new=1,
)  # fmt: skip
SETTINGS = EmailSettings(("mail.example.org:587",), ("admin@example.org", "ops@example.org"))
HEADERS = {
    *("From", "To", "Date", "Message-ID", "In-Reply-To", "References", "Subject", "Auto-Submitted"),
    *("X-Tocsin-Rule", "X-Tocsin-Reason", "X-Tocsin-Node", "MIME-Version", "Content-Type"),
}


def receiver(chosen: EmailSettings = SETTINGS, node: str = "node1.example.org") -> Email:
    return Email(chosen, node=node)


def parsed(message: bytes) -> EmailMessage:
    read = email.message_from_bytes(message, policy=default)
    assert isinstance(read, EmailMessage)
    for part in read.walk():
        assert not part.defects
        assert not [header.defects for header in part.values() if header.defects]
    return read


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


# headers


def test_a_mail_has_the_headers_that_programs_want() -> None:
    message = parsed(receiver().render(FIRST))
    assert message["From"] == "tocsin@node1.example.org"
    assert message["To"] == "admin@example.org, ops@example.org"
    assert message["Date"] == "Mon, 23 Nov 2026 14:35:26 +0000"
    assert message["Message-ID"] == f"<{FIRST.id}@node1.example.org>"
    assert message["Subject"] == render.subject(FIRST)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["MIME-Version"] == "1.0"


def test_filters_need_not_read_subjects() -> None:
    message = parsed(receiver().render(FIRST))
    assert [message[f"X-Tocsin-{name}"] for name in ("Rule", "Reason", "Node")] == ["tftp", "first", "node1"]


def test_a_mail_about_no_rule_says_so() -> None:
    assert parsed(receiver().render(replace(FIRST, reason="heartbeat", rule="")))["X-Tocsin-Rule"] == "-"


def test_the_first_mail_of_an_attack_answers_none() -> None:
    message = parsed(receiver().render(FIRST))
    assert "In-Reply-To" not in message
    assert "References" not in message


def test_an_attack_is_a_thread() -> None:
    message = parsed(receiver().render(replace(FIRST, id="3" * 32, thread=("1" * 32, "2" * 32))))
    assert message["In-Reply-To"] == f"<{'2' * 32}@node1.example.org>"
    assert message["References"] == f"<{'1' * 32}@node1.example.org> <{'2' * 32}@node1.example.org>"


@pytest.mark.parametrize("length", [28, 29, 30, 31, 32, 60, 240])
def test_a_long_domain_breaks_no_thread(length: int) -> None:
    node = ("node." * 60)[-length + 11 :] + "example.org"
    message = parsed(receiver(node=node).render(replace(FIRST, thread=("1" * 32, FIRST.id))))
    assert 55 < len(message["Message-ID"]) <= 70
    assert message["References"].split()[-1] == message["In-Reply-To"] == message["Message-ID"]
    assert f"\r\nMessage-ID: <{FIRST.id}@" in receiver(node=node).render(FIRST).decode()


def test_a_label_longer_than_a_message_id_allows_is_cut() -> None:
    assert len(parsed(receiver(node="n" * 63).render(FIRST))["Message-ID"]) == 65


def test_the_sender_of_the_settings_is_the_sender() -> None:
    message = parsed(receiver(replace(SETTINGS, sender="root@tftp-monitor")).render(FIRST))
    assert message["From"] == "root@tftp-monitor"
    assert message["Message-ID"] == f"<{FIRST.id}@tftp-monitor>"


@pytest.mark.parametrize("node", ["node_1", "nöde", "-", "..", "", "a b", "x\r\nBcc: y@example.org", "[192.0.2.1]"])
def test_any_name_of_a_node_makes_a_mail_that_can_be_read(node: str) -> None:
    message = parsed(receiver(node=node).render(replace(FIRST, node=node or "node1")))
    assert message["From"].addresses[0].username == "tocsin"
    assert "Bcc" not in message


def test_domains_stand_in_the_header_as_ascii() -> None:
    to = ("admin@bücher.example", "ops@example.org")
    assert (
        parsed(receiver(replace(SETTINGS, to=to)).render(FIRST))["To"] == "admin@xn--bcher-kva.example, ops@example.org"
    )


def test_a_recipient_that_no_ascii_header_can_hold_is_left_out_of_it() -> None:
    assert (
        parsed(receiver(replace(SETTINGS, to=("jürgen@example.org", "a@example.org"))).render(FIRST))["To"]
        == "a@example.org"
    )
    only = receiver(replace(SETTINGS, to=("jürgen@example.org", f"a@{'ü' * 99}.example"))).render(FIRST)
    assert parsed(only)["To"] == "undisclosed-recipients:;"


# bodies


def test_both_bodies_arrive_as_they_were_written() -> None:
    message = parsed(receiver().render(FIRST))
    assert message.get_content_type() == "multipart/alternative"
    assert body(message, "plain") == render.text(FIRST)
    assert body(message, "html") == render.html(FIRST)


def test_a_text_of_ascii_can_be_read_without_decoding() -> None:
    assert b"\r\nThe firewall of node1 (198.51.100.4) rejected at least 9 packets" in receiver().render(FIRST)


@pytest.mark.parametrize("why", ["ü€", "x" * 5000, ".", "From x", "\udcff", "--=_" + FIRST.id])
def test_whatever_it_holds_a_message_is_lines_of_seven_bits(why: str) -> None:
    gap = replace(ONE, rule="blind", src=None, source="/host_logs/ü", why=why)
    n = replace(FIRST, rule="blind", alerts=(gap,))
    message = receiver().render(n)
    assert message.isascii()
    assert message.count(b"\n") == message.count(b"\r") == message.count(b"\r\n")
    assert max(map(len, message.split(b"\r\n"))) <= 998
    assert body(parsed(message), "plain") == render.text(n)
    assert body(parsed(message), "html") == render.html(n)


def test_lines_are_as_short_as_the_documents_want() -> None:
    headers, *parts = receiver().render(replace(FIRST, thread=("1" * 32, "2" * 32))).split(f"--=_{FIRST.id}".encode())
    assert max(map(len, headers.split(b"\r\n"))) <= 78  # RFC 5322, 2.1.1
    assert max(map(len, parts[1].split(b"\r\n"))) <= 76  # RFC 2045, 6.7


def test_a_text_with_a_longer_line_than_smtp_allows_is_encoded() -> None:
    places = (Place("'" * 150, 1), Place("a" + "'" * 149, 2))
    n = replace(FIRST, alerts=(replace(ONE, lines=places),))
    assert max(map(len, render.text(n).split("\n"))) > 998
    assert max(map(len, receiver().render(n).split(b"\r\n"))) <= 998
    assert body(parsed(receiver().render(n)), "plain") == render.text(n)


def test_a_notification_is_rendered_to_the_same_bytes_each_time() -> None:
    assert zlib.crc32(receiver().render(FIRST)) == zlib.crc32(receiver().render(FIRST))


def test_rendering_reads_no_secret(tmp_path: Path) -> None:
    secret = replace(SETTINGS, username="tocsin", password_file=str(tmp_path / "none"))
    assert receiver(secret).render(FIRST) == receiver().render(FIRST)


TEXT = st.text(st.characters(), max_size=60)
ALERTS = st.builds(
    replace,
    st.just(ONE),
    src=TEXT,
    source=TEXT,
    network=st.none() | TEXT,
    events=st.integers(0, 10**9),
    ports=st.lists(st.integers(0, 65535), max_size=8).map(tuple),
    mac=st.none() | TEXT,
    lines=st.lists(st.builds(Place, TEXT, st.integers(0)), max_size=2).map(tuple),
    why=TEXT,
)
NOTIFICATIONS = st.builds(
    replace,
    st.just(FIRST),
    rule=st.sampled_from(["tftp", "blind", ""]) | TEXT,
    reason=st.sampled_from(REASONS),
    node=TEXT,
    node_ip=TEXT,
    thread=st.sampled_from([(), ("1" * 32,), ("1" * 32, "2" * 32)]),
    start=st.none() | st.just(AT),
    last=st.none() | st.just(AT),
    over=st.booleans(),
    alerts=st.lists(ALERTS, max_size=4).map(tuple),
    new=st.integers(0, 4),
    others=st.builds(Others, st.integers(0, 10**9), st.integers(0), st.integers(0)),
    attacks=st.lists(st.just(FIRST), max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(NOTIFICATIONS, TEXT)
def test_whatever_a_notification_holds_its_mail_can_be_read(n: Notification, node: str) -> None:
    message = receiver(node=node).render(n)
    assert message.isascii()
    assert max(map(len, message.split(b"\r\n"))) <= 998
    assert set(parsed(message).keys()) <= HEADERS
    assert body(parsed(message), "plain") == render.text(n)
    assert body(parsed(message), "html") == render.html(n)


# settings


@pytest.mark.parametrize("sender", ["jürgen@example.org", f"tocsin@{'ü' * 99}.example"])
def test_a_sender_that_cannot_be_written_in_ascii_is_refused(sender: str) -> None:
    with pytest.raises(SettingsError, match="hint: use an ASCII address"):
        receiver(replace(SETTINGS, sender=sender))


def test_a_sender_is_written_with_its_domain_in_ascii() -> None:
    sent = receiver(replace(SETTINGS, sender="tocsin@bücher.example")).render(FIRST)
    assert parsed(sent)["From"] == "tocsin@xn--bcher-kva.example"
    assert parsed(sent)["Message-ID"] == f"<{FIRST.id}@xn--bcher-kva.example>"


@pytest.mark.parametrize("odd", ["a:b@example.org", "a+b=c@example.org", "a[1]@example.org", "root@[192.0.2.1]"])
def test_an_odd_address_breaks_no_header(odd: str) -> None:
    message = parsed(receiver(replace(SETTINGS, to=(odd, "ops@example.org"))).render(FIRST))
    assert [f"{each.username}@{each.domain}" for each in message["To"].addresses] == [odd, "ops@example.org"]
