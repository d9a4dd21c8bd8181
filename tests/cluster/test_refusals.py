"""What a run cannot do, it says in one clear line, and Kubernetes tries again only where that can help."""

from typing import TYPE_CHECKING

import pytest
from tests.cluster.release import JSON, Release, cronjob
from tests.cluster.shell import EDIT

if TYPE_CHECKING:
    from tests.cluster.cluster import Eventually
    from tests.cluster.shell import Shell


NODE = "node1"


@pytest.fixture
def watching(release: Release) -> Release:
    """A cronjob that has not run yet, on an empty log."""
    release.install(JSON, **cronjob(NODE))
    return release


def test_a_log_that_is_missing_is_looked_for_again_until_the_limit(watching: Release) -> None:
    watching.cluster.on(NODE, "rm", watching.folders.log)
    run = watching.run()
    assert (run.end, run.statuses) == ("BackoffLimitExceeded", [66, 66, 66])
    assert run.complaints() == [["/host_logs/syslog is not there"]] * 3


def test_a_log_that_appears_meanwhile_is_read_by_the_next_try(watching: Release, eventually: "Eventually") -> None:
    watching.cluster.on(NODE, "rm", watching.folders.log)
    job = watching.start()
    eventually(lambda: watching.terminated(job), 120)
    watching.folders.reject(NODE, 3)
    run = watching.ended(job)
    assert (run.end, run.statuses) == ("Complete", [66, 0])
    assert [mail.recipients for mail in watching.inbox.mails] == [("admin@example.org",)]


def test_a_log_that_may_not_be_read_ends_the_job_at_once(watching: Release) -> None:
    watching.folders.reject(NODE)
    watching.cluster.on(NODE, "chmod", "0600", watching.folders.log)
    run = watching.run()
    assert (run.end, run.statuses) == ("PodFailurePolicy", [77])
    why = "/host_logs/syslog may not be read by uid 65532: /host_logs/syslog is root:adm, mode 0600; hint: run as root"
    assert run.complaints() == [[why]]


def test_what_is_no_log_ends_the_job_at_once(watching: Release) -> None:
    watching.folders.write(NODE, ["\x7fELF"])
    run = watching.run()
    assert (run.end, run.statuses) == ("PodFailurePolicy", [65])
    assert [len(lines) for lines in run.complaints()] == [1]


def test_wrong_settings_end_the_job_at_once(watching: Release, shell: "Shell") -> None:
    shell(f"""EDITOR="sed -i 's/^    receivers:/    keep: 30 days\\n    receivers:/'" {EDIT}""")
    run = watching.run()
    assert (run.end, run.statuses) == ("PodFailurePolicy", [78])
    why = "keep: '30 days' is no duration: a whole number above 0 and one of s, m, h, d, w, as in 10m"
    assert run.complaints() == [[f"/etc/tocsin/tocsin.yaml:3: {why}"]]


def test_a_closed_mail_server_is_tried_again_at_once_and_then_left_to_later_runs(
    watching: Release,
) -> None:
    watching.inbox.close()
    watching.folders.reject(NODE, 3)
    run = watching.run()
    assert (run.end, run.statuses) == ("PodFailurePolicy", [75, 75, 69])
    told = [[f"connecting to {watching.inbox.server}: refused" in line for line in lines] for lines in run.complaints()]
    assert told == [[True], [True], []]
    assert "1 waits since " in run.logs[2]
