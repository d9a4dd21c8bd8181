"""Everything that a server or the way to it can do wrong: a clear line, in time, and what can wait waits."""

import resource
import socket
from dataclasses import replace
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from tocsin.model import Outcome
from tocsin.receivers import names, smtp
from tocsin.receivers.email import Email, EmailSettings
from tocsin.receivers.wire import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.integration.mail import Reply, Script

    Start = Callable[..., Script]

MESSAGE = b"Subject: hi\r\n\r\nhello\r\n"
THREE = ("a@example.org", "b@example.org", "c@example.org")
SERVER_STEPS = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "."]
OURS = {".": "after the message"}


def receiver(port: int, **settings: str) -> Email:
    plain = EmailSettings((f"127.0.0.1:{port}",), THREE, security="none")
    return Email(replace(plain, **settings), node="node1.example.org")  # type: ignore[arg-type]  # only strings here


def told(port: int, *, seconds: float = 5.0, **settings: str) -> Outcome:
    """What becomes of one recipient."""
    (outcome,) = receiver(port, **settings).deliver(MESSAGE, THREE[:1], seconds=seconds)
    return outcome


# no server


def test_a_closed_port_is_said_and_waits() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert told(port) == Outcome(THREE[0], f"connecting to 127.0.0.1:{port}: refused")


def test_a_port_that_drops_packets_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:  # with its queue full it drops what comes
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)  # noqa: FBT003 (its only argument)
            each.connect_ex(("127.0.0.1", port))
        started = monotonic()
        assert told(port, seconds=0.4) == Outcome(THREE[0], f"connecting to 127.0.0.1:{port}: no answer in time")
        assert monotonic() - started < 1
        for each in waiting:
            each.close()


def test_a_name_that_cannot_be_looked_up_is_said() -> None:
    email = Email(EmailSettings((f"{'x' * 64}.example:25",), THREE, security="none"), node="node1")
    (outcome,) = email.deliver(MESSAGE, THREE[:1])
    assert outcome.error.startswith(f"connecting to {'x' * 64}.example:25: ")
    assert not outcome.permanent


# replies


@pytest.mark.parametrize("step", SERVER_STEPS)
@pytest.mark.parametrize(
    "reply", [b"421 closing", b"450 busy", b"451 greylisted", b"452 full", b"552 quota", b"554 no"]
)
def test_every_refusal_says_its_step_and_waits(script: "Start", step: str, reply: bytes) -> None:
    server = script({step: reply, "HELO": reply})
    outcome = told(server.port)
    assert outcome.error == f"{OURS.get(step, step)}: {reply.decode()}"
    assert outcome.permanent == ((step, reply) == ("RCPT", b"554 no"))


@pytest.mark.parametrize("code", [500, 501, 521, 530, 550, 551, 553, 554])
def test_a_5xx_to_rcpt_is_for_good(script: "Start", code: int) -> None:
    reply = f"{code} no such user"
    assert told(script({"RCPT": reply.encode()}).port) == Outcome(THREE[0], f"RCPT: {reply}", permanent=True)


def test_550_to_one_of_three_concerns_that_one_only(script: "Start") -> None:
    server = script({"RCPT": [b"250 ok", b"550 no", b"250 ok"]})
    assert receiver(server.port).deliver(MESSAGE, THREE) == (
        Outcome(THREE[0]),
        Outcome(THREE[1], "RCPT: 550 no", permanent=True),
        Outcome(THREE[2]),
    )
    assert len(server.mails) == 1


def test_550_to_all_sends_no_message(script: "Start") -> None:
    server = script({"RCPT": b"550 no"})
    outcomes = receiver(server.port).deliver(MESSAGE, THREE)
    assert outcomes == tuple(Outcome(each, "RCPT: 550 no", permanent=True) for each in THREE)
    assert server.verbs()[-1] == "QUIT"
    assert "DATA" not in server.verbs()


def test_421_to_a_recipient_leaves_what_is_known(script: "Start") -> None:
    server = script({"RCPT": [b"550 no", b"421 closing"]})
    assert receiver(server.port).deliver(MESSAGE, THREE) == (
        Outcome(THREE[0], "RCPT: 550 no", permanent=True),
        Outcome(THREE[1], "RCPT: 421 closing"),
        Outcome(THREE[2], "RCPT: 421 closing"),
    )


def test_a_message_refused_after_a_recipient_was_refuses_the_others_only_for_now(script: "Start") -> None:
    server = script({"RCPT": [b"550 no", b"250 ok"], ".": b"554 spam"})
    first, second = receiver(server.port).deliver(MESSAGE, THREE[:2])
    assert first.permanent
    assert second == Outcome(THREE[1], "after the message: 554 spam")


# closes at each step


@pytest.mark.parametrize("step", SERVER_STEPS)
def test_a_server_that_hangs_up_is_said_with_the_step(script: "Start", step: str) -> None:
    assert told(script({step: None}).port) == Outcome(THREE[0], f"{OURS.get(step, step)}: the server hung up")


def test_what_becomes_of_quit_does_not_matter(script: "Start") -> None:
    silent: Callable[[Event], Iterable[bytes]] = lambda over: [b"" for _ in range(1) if over.wait(9)]  # noqa: E731
    for reply in (None, b"500 what?", silent):
        server = script({"QUIT": reply})
        assert told(server.port, seconds=1) == Outcome(THREE[0])
        assert server.mails


def test_a_connection_lost_after_the_message_sends_the_same_again(script: "Start") -> None:
    server = script({".": [None, b"250 ok"]})
    assert told(server.port).error == "after the message: the server hung up"
    assert told(server.port) == Outcome(THREE[0])
    assert server.mails[0] == server.mails[1]


# answers that never end


def nothing(over: Event) -> "Iterator[bytes]":
    yield b""
    over.wait(10)


def dribble(over: Event) -> "Iterator[bytes]":
    while not over.wait(0.02):
        yield b"2"


def dribbled_lines(over: Event) -> "Iterator[bytes]":
    while not over.wait(0.02):
        yield b"250-more\r\n"


@pytest.mark.parametrize("step", SERVER_STEPS)
@pytest.mark.parametrize("reply", [nothing, dribble, dribbled_lines])
def test_an_answer_that_never_ends_is_left_in_time(script: "Start", step: str, reply: "Reply") -> None:
    server = script({step: reply})
    started = monotonic()
    assert told(server.port, seconds=0.3) == Outcome(THREE[0], f"{OURS.get(step, step)}: no answer in time")
    assert monotonic() - started < 0.8


def megabytes(over: Event) -> "Iterator[bytes]":
    while not over.is_set():
        yield b"2" * 1_000_000


def megabyte_lines(over: Event) -> "Iterator[bytes]":
    while not over.is_set():
        yield b"250-" + b"x" * 1_000_000 + b"\r\n"


def short_lines(over: Event) -> "Iterator[bytes]":
    while not over.is_set():
        yield b"250-\r\n" * 1000


@pytest.mark.parametrize("step", SERVER_STEPS)
@pytest.mark.parametrize("reply", [megabytes, megabyte_lines, short_lines])
def test_an_endless_answer_is_cut_off_in_little_memory(script: "Start", step: str, reply: "Reply") -> None:
    server = script({step: reply})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = told(server.port)
    assert outcome.error.startswith(f"{OURS.get(step, step)}: ")
    assert outcome.error.endswith("does not end")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16_384  # in KiB


def test_a_line_of_a_megabyte_that_ends_is_too_long_all_the_same(script: "Start") -> None:
    assert told(script({"RCPT": b"550 " + b"x" * 1_000_000}).port).error.endswith("does not end")


def test_the_time_is_for_all_servers_together(script: "Start") -> None:
    servers = tuple(f"127.0.0.1:{script({'EHLO': dribble}).port}" for _ in range(3))
    started = monotonic()
    email = Email(EmailSettings(servers, THREE, security="none"), node="node1")
    assert all(outcome.error for outcome in email.deliver(MESSAGE, THREE, seconds=0.6))
    assert monotonic() - started < 1.2


def late(reply: bytes) -> "Reply":
    def answer(over: Event) -> "Iterator[bytes]":
        over.wait(0.5)
        yield reply + b"\r\n"

    return answer


def sent(server: "Script", clock: Clock) -> Outcome:
    post, way = smtp.Post("tocsin@node1", THREE[:1], MESSAGE), smtp.Way("none", "node1")
    (outcome,) = smtp.send(names.Server("127.0.0.1", server.port), post, way, clock)
    return outcome


@pytest.mark.parametrize("step", SERVER_STEPS[:-1])
def test_every_step_has_a_limit_of_its_own(script: "Start", step: str) -> None:
    server = script({step: late(b"250 ok")})
    assert sent(server, Clock(5, step=0.2)) == Outcome(THREE[0], f"{step}: no answer in time")


def test_the_last_answer_may_take_all_the_time_that_is_left(script: "Start") -> None:
    assert sent(script({".": late(b"250 ok")}), Clock(5, step=0.2)) == Outcome(THREE[0])


def test_the_answer_to_quit_has_the_limit_of_a_step(script: "Start") -> None:
    started = monotonic()
    assert sent(script({"QUIT": nothing}), Clock(5, step=0.2)) == Outcome(THREE[0])
    assert monotonic() - started < 1


def test_the_answer_to_quit_has_a_limit_even_where_steps_have_none(script: "Start") -> None:
    started = monotonic()
    assert sent(script({"QUIT": nothing}), Clock(20)) == Outcome(THREE[0])
    assert monotonic() - started < smtp.FAREWELL + 1


def deaf(over: Event) -> "Iterator[bytes]":
    yield b"354 go ahead\r\n"
    over.wait(10)
    raise ConnectionError


def test_a_server_that_reads_nothing_is_left_in_time(script: "Start") -> None:
    server = script({"DATA": deaf})
    (outcome,) = receiver(server.port).deliver(b"x" * 20_000_000, THREE[:1], seconds=0.6)
    assert outcome == Outcome(THREE[0], "sending the message: no answer in time")


# hostile text


@pytest.mark.parametrize(
    "reply", [b"550 \x1b[31mred\x00\r", b"550-one\r\n550 two", "550 \u202e".encode(), b"550 \xff\xfe"]
)
def test_what_a_server_says_is_shown_as_one_printable_line(script: "Start", reply: bytes) -> None:
    error = told(script({"RCPT": reply}).port).error
    assert error.startswith("RCPT: 550 ")
    assert error.isprintable()


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_what_a_server_says_is_cut(script: "Start", step: str) -> None:
    assert len(told(script({step: b"550 " + b"x" * 5000}).port).error) <= 200


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request", b"", b"999 x", b"25", b"2500 x", b"\xff\xfe\x00"])
@pytest.mark.parametrize("step", SERVER_STEPS)
def test_what_is_no_smtp_is_said(script: "Start", step: str, reply: bytes) -> None:
    error = told(script({step: reply}).port).error
    assert error.startswith(f"{OURS.get(step, step)}: no SMTP answer")
    assert error.isprintable()
