"""The pod is killed at the moment of delivery."""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING

from tests.cluster.release import Release, cronjob

if TYPE_CHECKING:
    from tests.cluster.cluster import Eventually
    from tests.cluster.mail import Mail

TIMES = 20
MOMENTS = ("before the mail was taken", "before the answer", "before the outcome was noted")
SETTINGS: dict[str, object] = {
    "rules": [{"name": "tftp", "prefix": "IPTables-TFTP-Rejected: ", "window": "1s"}],
    "notify": {"limit": "1000/h", "over": False},
}
# SIGKILL to what runs in the pod, but for the process that only holds it open
KILL = """
for each in $(find /sys/fs/cgroup/pids -path "*pod$1/*" -name cgroup.procs -exec cat {} +); do
    test "$(cat /proc/$each/comm)" = pause || kill -KILL "$each"
done
"""


@dataclass
class Killer:
    """A mail server's answers, of which the first one to each message is the end of the pod that sent it."""

    release: Release
    job: str = ""
    moment: str = ""
    met: set[str] = field(default_factory=set)
    waits: bool = False  # for QUIT: then the pod has heard that the mail was taken, and has not noted it

    def answer(self, mail: "Mail") -> str:
        name = str(mail.message["Message-ID"])
        if name in self.met:
            return "250 OK"
        self.met.add(name)
        self.waits = self.moment == MOMENTS[2]
        if not self.waits:
            self.kill()
        return "451 4.3.0 later" if self.moment == MOMENTS[0] else "250 OK"

    def part(self) -> str:
        if self.waits:
            self.kill()
        self.waits = False
        return "221 Bye"

    def kill(self) -> None:
        for pod in self.release.pods(self.job):
            self.release.cluster.on("node1", "sh", "-c", KILL, "-", pod["metadata"]["uid"])


def test_a_pod_killed_at_the_moment_of_delivery_tells_every_attack_each_by_one_message(
    release: Release, eventually: "Eventually"
) -> None:
    inbox = release.inbox
    release.install(SETTINGS, **cronjob("node1"), backoffLimit=0)
    inbox.may_repeat = True
    assert release.run().end == "Complete"  # a first start leaves out what is older than the rule's window
    killer = Killer(release)
    inbox.answer, inbox.part = killer.answer, killer.part
    for number, moment in zip(range(TIMES), cycle(MOMENTS)):
        killer.job, killer.moment = f"killed-{number}", moment
        release.folders.reject("node1", src=f"198.51.100.{number}")
        release.start(killer.job)
        assert [end["exitCode"] for end in eventually(lambda: release.terminated(killer.job))] == [137]
    assert release.run().end == "Complete"
    messages = {str(mail.message["Message-ID"]): mail for mail in inbox.mails}
    assert len(messages) == TIMES
    assert Counter(mail.message["Message-ID"] for mail in inbox.attempts) == dict.fromkeys(messages, 2)
    sources = [re.findall(r"\b198\.51\.100\.\d+", mail.text)[0] for mail in messages.values()]
    assert sources == [f"198.51.100.{number}" for number in range(TIMES)]
