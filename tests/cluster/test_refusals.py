"""What a run cannot do, it says in one clear line, and Kubernetes tries again only where that can help."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.cluster.watcher import Watcher, now, packets

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster, Eventually, Inbox, Namespace


@pytest.fixture
def watcher(
    cluster: "Cluster", namespace: "Namespace", inbox: "Inbox", eventually: "Eventually", image: str
) -> Iterator[Watcher]:
    del image
    made = Watcher(cluster, namespace, eventually, cluster.nodes[-1])
    namespace.secret("mail", inbox.secrets)
    made.install({"receivers": [inbox.settings("admin@example.org")]}, existingSecret="mail")
    yield made
    made.remove()


def test_a_log_that_is_missing_is_looked_for_again_until_the_limit(watcher: Watcher) -> None:
    run = watcher.run()
    assert (run.end, run.statuses) == ("BackoffLimitExceeded", [66, 66, 66])
    assert run.complaints() == [["/host_logs/syslog is not there"]] * 3


def test_a_log_that_appears_meanwhile_is_read_by_the_next_try(watcher: Watcher, inbox: "Inbox") -> None:
    name = watcher.start()
    watcher.first_try(name)
    watcher.write(packets(3, now()))
    run = watcher.ended(name)
    assert (run.end, run.statuses) == ("Complete", [66, 0])
    assert [mail.recipients for mail in inbox.mails] == [("admin@example.org",)]


def test_a_log_that_may_not_be_read_ends_the_job_at_once(watcher: Watcher) -> None:
    watcher.write(packets(1, now()))
    watcher.on("chmod", "0600", watcher.log)
    run = watcher.run()
    assert (run.end, run.statuses) == ("PodFailurePolicy", [77])
    why = "/host_logs/syslog may not be read by uid 65532: /host_logs/syslog is root:adm, mode 0600; hint: run as root"
    assert run.complaints() == [[why]]


def test_what_is_no_log_ends_the_job_at_once(watcher: Watcher) -> None:
    watcher.write(["\x7fELF"])
    run = watcher.run()
    assert (run.end, run.statuses) == ("PodFailurePolicy", [65])
    assert [len(lines) for lines in run.complaints()] == [1]


def test_wrong_settings_end_the_job_at_once(watcher: Watcher) -> None:
    watcher.write([])
    watcher.edit("s/^    receivers:/    keep: 30 days\\n    receivers:/")
    run = watcher.run()
    assert (run.end, run.statuses) == ("PodFailurePolicy", [78])
    why = "keep: '30 days' is no duration: a whole number above 0 and one of s, m, h, d, w, as in 10m"
    assert run.complaints() == [[f"/etc/tocsin/tocsin.yaml:3: {why}"]]


def test_a_closed_mail_server_is_tried_again_at_once_and_then_left_to_later_runs(
    watcher: Watcher, inbox: "Inbox"
) -> None:
    inbox.close()
    watcher.write(packets(3, now()))
    run = watcher.run()
    assert (run.end, run.statuses) == ("PodFailurePolicy", [75, 75, 69])
    told = [[f"connecting to {inbox.server}: refused" in line for line in lines] for lines in run.complaints()]
    assert told == [[True], [True], []]
