"""The mail server is away during an attack."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
from tests.cluster.release import Release

if TYPE_CHECKING:
    from tests.cluster.conftest import Eventually, Inbox, Mail, Namespace

PAUSE = timedelta(minutes=1)  # after two attempts


@pytest.mark.usefixtures("image")
def test_while_the_mail_server_is_down_jobs_fail_and_afterwards_one_mail_tells_of_the_attack(
    namespace: "Namespace", inbox: "Inbox", eventually: "Eventually"
) -> None:
    release = Release(namespace, inbox)
    release.new_log("node1")
    release.install({}, mode="cronjob", nodes=["node1"])
    inbox.close()
    release.write("node1", "198.51.100.7", packets=9)
    release.start("attacked")
    first = eventually(lambda: release.terminated("attacked"))[0]
    inbox.answer = lambda _mail: "451 4.3.0 later"
    inbox.open()
    # Kubernetes tries again after 10 and after 20 seconds: the third run comes into the pause
    assert eventually(lambda: release.end("attacked"), 120)["reason"] == "PodFailurePolicy"
    assert release.exits("attacked") == [75, 75, 69]
    assert _end(release, "waiting", eventually) == ("PodFailurePolicy", [69])
    inbox.answer = lambda _mail: "250 OK"
    eventually(lambda: _now() > inbox.attempts[0].at + PAUSE, 90)
    assert [_end(release, job, eventually)[1] for job in ("told", "quiet")] == [[0], [0]]
    refused, accepted = inbox.attempts
    assert inbox.mails == [accepted]
    assert refused.message["Message-ID"] == accepted.message["Message-ID"]
    assert _moment(first["startedAt"]) <= _date(accepted) <= _moment(first["finishedAt"])


def _end(release: Release, job: str, eventually: "Eventually") -> tuple[str, list[int]]:
    """Starts a Job; why it ended, and the statuses that its pods left with."""
    release.start(job)
    return eventually(lambda: release.end(job))["reason"], release.exits(job)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (the real clock is what is measured)


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


def _date(mail: "Mail") -> datetime:
    return parsedate_to_datetime(str(mail.message["Date"]))
