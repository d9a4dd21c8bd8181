"""Mail that real SMTP servers take."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tocsin.model import Outcome
from tocsin.receivers.email import Email, EmailSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.mail import Authority, Inbox, Script

    MailServer = Callable[..., AbstractContextManager[Inbox]]
    Start = Callable[..., Script]

V6 = "TOCSIN_REQUIRE_ALL" in os.environ or Path("/proc/net/if_inet6").exists()
MESSAGE = b"Subject: hi\r\n\r\n.a line with a dot\r\n.\r\nthe end\r\n"
THREE = ("a@example.org", "b@example.org", "c@example.org")


def receiver(port: int, security: str = "none", host: str = "127.0.0.1", **settings: str) -> Email:
    plain = EmailSettings((f"{host}:{port}",), THREE, security=security, sender="tocsin@node1.example.org")
    return Email(replace(plain, **settings), node="node1.example.org")  # type: ignore[arg-type]  # only strings here


def test_a_server_takes_the_message_as_it_is_for_all_recipients(mail_server: "MailServer") -> None:
    with mail_server() as inbox:
        assert receiver(inbox.port).deliver(MESSAGE, THREE) == tuple(map(Outcome, THREE))
    (envelope,) = inbox.mails
    assert envelope.original_content == MESSAGE
    assert envelope.mail_from == "tocsin@node1.example.org"
    assert envelope.rcpt_tos == list(THREE)


def test_the_envelope_holds_only_the_recipients_that_remain(mail_server: "MailServer") -> None:
    with mail_server() as inbox:
        assert receiver(inbox.port).deliver(MESSAGE, THREE[1:2]) == (Outcome(THREE[1]),)
    assert inbox.mails[0].rcpt_tos == [THREE[1]]


def test_with_nobody_to_tell_nobody_is_asked() -> None:
    assert receiver(1).deliver(MESSAGE, ()) == ()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certified_server_takes_it_over_tls(script: "Start", authority: "Authority", security: str) -> None:
    server = script(context=authority.context(), tls=security == "tls")
    email = receiver(server.port, security, "localhost", ca_file=authority.file)
    assert email.deliver(MESSAGE, THREE[:1]) == (Outcome(THREE[0]),)
    assert ("STARTTLS" in server.verbs()) == (security == "starttls")
    assert server.verbs().count("EHLO") == (2 if security == "starttls" else 1)


def test_a_certificate_may_name_an_address(script: "Start", authority: "Authority") -> None:
    server = script(context=authority.context("127.0.0.1"))
    email = receiver(server.port, "starttls", ca_file=authority.file)
    assert email.deliver(MESSAGE, THREE[:1]) == (Outcome(THREE[0]),)


def test_the_password_goes_over_tls(mail_server: "MailServer", authority: "Authority", password_file: str) -> None:
    with mail_server(tls_context=authority.context(), auth_required=True, require_starttls=True) as inbox:
        login = {"username": "lab", "password_file": password_file, "ca_file": authority.file}
        assert receiver(inbox.port, "starttls", "localhost", **login).deliver(MESSAGE, THREE) == tuple(
            map(Outcome, THREE)
        )
    assert inbox.mails


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_mechanism_is_one_that_the_server_knows(
    mail_server: "MailServer", authority: "Authority", password_file: str, mechanism: str
) -> None:
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    with mail_server(tls_context=authority.context(), auth_required=True, auth_exclude_mechanism=[other]) as inbox:
        login = {"username": "lab", "password_file": password_file, "ca_file": authority.file}
        assert receiver(inbox.port, "starttls", "localhost", **login).deliver(MESSAGE, THREE) == tuple(
            map(Outcome, THREE)
        )


def test_a_mechanism_taken_back_gives_way_to_the_next(script: "Start", password_file: str) -> None:
    server = script({"AUTH": [b"504 not now", b"235 welcome"]})
    email = receiver(server.port, username="lab", password_file=password_file)
    assert email.deliver(MESSAGE, THREE[:1]) == (Outcome(THREE[0]),)
    assert [command.split()[1] for command in server.commands if command.startswith("AUTH")] == ["PLAIN", "LOGIN"]


@pytest.mark.skipif(not V6, reason="loopback has no ::1 here")
def test_a_server_on_ipv6_takes_it(mail_server: "MailServer") -> None:
    with mail_server("::1") as inbox:
        assert receiver(inbox.port, host="[::1]").deliver(MESSAGE, THREE[:1]) == (Outcome(THREE[0]),)


def test_we_say_our_own_name_and_ask_nobody_for_it(script: "Start") -> None:
    server = script()
    receiver(server.port).deliver(MESSAGE, THREE[:1])
    assert server.commands[0].lower() == "ehlo node1.example.org"


def test_dots_are_doubled_on_the_wire_and_the_last_one_stands_alone(script: "Start") -> None:
    server = script()
    receiver(server.port).deliver(MESSAGE, THREE[:1])
    assert server.mails == [b"Subject: hi\r\n\r\n..a line with a dot\r\n..\r\nthe end\r\n.\r\n"]


def test_a_server_without_ehlo_is_greeted_in_the_old_way(script: "Start") -> None:
    server = script({"EHLO": b"502 what?"})
    assert receiver(server.port).deliver(MESSAGE, THREE[:1]) == (Outcome(THREE[0]),)
    assert server.verbs() == ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"]


def test_each_reply_line_is_heard(script: "Start") -> None:
    heard: list[str] = []
    receiver(script({"RCPT": b"250-o\x1bk\r\n250 so far"}).port).deliver(MESSAGE, THREE[:1], heard=heard.append)
    assert heard[0] == "220 mail.example.org ESMTP"
    assert heard[-5:] == [r"250-o\x1bk", "250 so far", "354 go ahead", "250 queued", "221 bye"]


# only if offered


def test_size_is_said_where_it_is_offered(script: "Start") -> None:
    offering, plain = script({"EHLO": b"250-x\r\n250 SIZE 1000"}), script()
    for server in (offering, plain):
        receiver(server.port).deliver(MESSAGE, THREE[:1])
    assert offering.commands[1] == f"MAIL FROM:<tocsin@node1.example.org> SIZE={len(MESSAGE)}"
    assert plain.commands[1] == "MAIL FROM:<tocsin@node1.example.org>"


def test_8bitmime_is_never_needed(script: "Start") -> None:
    server = script({"EHLO": b"250-x\r\n250-8BITMIME\r\n250 SMTPUTF8"})
    receiver(server.port).deliver(MESSAGE, THREE[:1])
    assert server.commands[1] == "MAIL FROM:<tocsin@node1.example.org>"


def test_a_domain_goes_over_the_wire_in_ascii(script: "Start") -> None:
    server = script()
    assert receiver(server.port).deliver(MESSAGE, ("admin@bücher.example",)) == (Outcome("admin@bücher.example"),)
    assert "RCPT TO:<admin@xn--bcher-kva.example>" in server.commands


def test_a_name_beyond_ascii_goes_to_a_server_that_knows_smtputf8(script: "Start") -> None:
    server = script({"EHLO": b"250-x\r\n250 SMTPUTF8"})
    assert receiver(server.port).deliver(MESSAGE, ("jürgen@bücher.example",)) == (Outcome("jürgen@bücher.example"),)
    assert server.commands[1].endswith(" SMTPUTF8")
    assert "RCPT TO:<jürgen@xn--bcher-kva.example>" in server.commands


def test_a_name_beyond_ascii_waits_where_smtputf8_is_not_offered(script: "Start") -> None:
    server = script()
    lost, told = receiver(server.port).deliver(MESSAGE, ("jürgen@example.org", THREE[0]))
    assert lost == Outcome("jürgen@example.org", "RCPT: the address needs SMTPUTF8, which is not offered")
    assert told == Outcome(THREE[0])
    assert "SMTPUTF8" not in server.commands[1]


def test_with_such_names_only_nothing_is_sent(script: "Start") -> None:
    server = script()
    (lost,) = receiver(server.port).deliver(MESSAGE, ("jürgen@example.org",))
    assert lost.error
    assert server.verbs() == ["EHLO", "QUIT"]


def test_a_domain_that_cannot_be_concerns_its_recipient_only(script: "Start") -> None:
    lost, told = receiver(script().port).deliver(MESSAGE, (f"a@{'ü' * 99}.example", THREE[0]))
    assert lost.error == "RCPT: what stands behind the @ is no domain name"
    assert not lost.permanent
    assert told == Outcome(THREE[0])


# several servers


def several(*ports: int) -> Email:
    servers = tuple(f"127.0.0.1:{port}" for port in ports)
    return Email(EmailSettings(servers, THREE, security="none"), node="node1")


def test_the_first_server_that_takes_it_is_the_last_one_asked(script: "Start") -> None:
    first, second = script(), script()
    several(first.port, second.port).deliver(MESSAGE, THREE)
    assert first.mails
    assert not second.commands


def test_the_next_server_gets_what_the_first_did_not_take(script: "Start") -> None:
    first, second = script({"RCPT": [b"250 ok", b"451 later", b"550 no"]}), script()
    outcomes = several(first.port, second.port).deliver(MESSAGE, THREE)
    assert outcomes == (Outcome(THREE[0]), Outcome(THREE[1]), Outcome(THREE[2], "RCPT: 550 no", permanent=True))
    assert [command for command in second.commands if command.startswith("RCPT")] == [f"RCPT TO:<{THREE[1]}>"]


def test_where_all_servers_fail_each_says_why(script: "Start") -> None:
    first, second = script({"greeting": b"421 full"}), script({"MAIL": b"451 later"})
    (outcome,) = several(first.port, second.port).deliver(MESSAGE, THREE[:1])
    assert outcome == Outcome(THREE[0], "greeting: 421 full; MAIL: 451 later")


def test_a_server_that_says_nothing_leaves_time_for_the_next(script: "Start") -> None:
    first, second = script({"greeting": lambda over: over.wait(9) * [b""]}), script()
    assert several(first.port, second.port).deliver(MESSAGE, THREE[:1], seconds=0.6) == (Outcome(THREE[0]),)
