"""The message as a program reads it."""

import email
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from tocsin.errors import SettingsError
from tocsin.model import Alert, Notification
from tocsin.receivers import render
from tocsin.receivers.email import Email, EmailSettings, address, host_and_port

AT = datetime(2026, 11, 23, 14, 35, 26, 123456, tzinfo=UTC)
ONE = Alert(
    rule="tftp", src="192.0.2.7", source=None, network=None, first=AT, last=AT, events=9, attack=AT,
    over=False, named=False,
)  # fmt: skip
FIRST = Notification(
    "0123456789abcdef" * 2, "tftp", "first", AT, "node1", "198.51.100.4",
    start=AT, last=AT, events=9, alerts=(ONE,), new=1,
)  # fmt: skip
SETTINGS = EmailSettings(("mail.example.org",), ("admin@example.org", "ops@example.org"))


def receiver(settings: EmailSettings = SETTINGS, node: str = "node1.example.org") -> Email:
    return Email(settings, node=node)


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


def test_a_notification_is_rendered_to_the_same_bytes_each_time() -> None:
    assert zlib.crc32(receiver().render(FIRST)) == zlib.crc32(receiver().render(FIRST))


def test_rendering_reads_no_secret(tmp_path: Path) -> None:
    settings = replace(SETTINGS, username="tocsin", password_file=str(tmp_path / "none"))
    assert receiver(settings).render(FIRST) == receiver().render(FIRST)


# settings


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ("mail.example.org", "mail.example.org", None),
        ("mail.example.org:587", "mail.example.org", 587),
        ("192.0.2.1:25", "192.0.2.1", 25),
        ("[2001:db8::25]:587", "2001:db8::25", 587),
        ("[2001:db8::25]", "2001:db8::25", None),
        ("2001:db8::25", "2001:db8::25", None),
        ("::1", "::1", None),
        ("bücher.example:65535", "bücher.example", 65535),
    ],
)
def test_servers_are_understood(written: str, host: str, port: int | None) -> None:
    assert host_and_port(written) == (host, port)


@pytest.mark.parametrize(
    "written", ["", ":25", "mail:", "mail:x", "mail:0", "mail:65536", "a b:25", "[::1]x", "m:٢", "[::1"]
)
def test_what_is_no_server_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no server such as"):
        host_and_port(written)


@pytest.mark.parametrize(
    "written", ["admin@example.org", "root@tftp-monitor", "jürgen@bücher.example", "a+b_c@x.example"]
)
def test_addresses_are_understood(written: str) -> None:
    assert address(written) == written


@pytest.mark.parametrize(
    "written",
    ["", "admin", "@example.org", "admin@", "a@b@c", "a b@c", "Admin <a@b>", "a@b\r\nX: y", "a@b,c@d", "a\x00@b"],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no mail address"):
        address(written)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(SETTINGS, server=("mail:0",)),
        replace(SETTINGS, to=("admin",)),
        replace(SETTINGS, sender="root"),
        replace(SETTINGS, sender="jürgen@example.org"),
    ],
)
def test_a_receiver_refuses_settings_that_cannot_be(wrong: EmailSettings) -> None:
    with pytest.raises(SettingsError):
        receiver(wrong)
