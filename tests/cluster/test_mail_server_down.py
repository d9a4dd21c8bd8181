"""The mail server is away during an attack."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tests.cluster.cluster import now
from tests.cluster.release import cronjob

if TYPE_CHECKING:
    from tests.cluster.cluster import Eventually
    from tests.cluster.mail import Mail
    from tests.cluster.release import Release

PAUSE = timedelta(minutes=1)  # after two attempts


def test_while_the_mail_server_is_down_jobs_fail_and_afterwards_one_mail_tells_of_the_attack(
    release: "Release", eventually: "Eventually"
) -> None:
    inbox = release.inbox
    release.install(**cronjob("node1"))
    inbox.close()
    release.folders.reject("node1", 9)
    release.start("attacked")
    first = eventually(lambda: release.terminated("attacked"))[0]
    inbox.answer = lambda _mail: "451 4.3.0 later"
    inbox.open()
    # Kubernetes tries again after 10 and after 20 seconds: the third run comes into the pause
    attacked, waiting = release.ended("attacked"), release.run()
    assert (attacked.end, attacked.statuses) == ("PodFailurePolicy", [75, 75, 69])
    assert (waiting.end, waiting.statuses) == ("PodFailurePolicy", [69])
    inbox.answer = lambda _mail: "250 OK"
    eventually(lambda: now() > inbox.attempts[0].at + PAUSE, 90)
    assert [release.run().statuses for _ in range(2)] == [[0], [0]]
    refused, accepted = inbox.attempts
    assert inbox.mails == [accepted]
    assert refused.message["Message-ID"] == accepted.message["Message-ID"]
    assert _moment(first["startedAt"]) <= _date(accepted) <= _moment(first["finishedAt"])


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


def _date(mail: "Mail") -> datetime:
    return parsedate_to_datetime(str(mail.message["Date"]))
