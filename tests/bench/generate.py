"""generate.py OUT MEGABYTES PERCENT SOURCES [AGO]: a syslog as a node writes it, the same for the same words.

PERCENT of the lines are the kernel's about rejected packets; the others are what sshd, cron, kubelet, containerd,
systemd, UFW, in.tftpd and NetworkManager write. One line in 50,000 is forged: an sshd user name that holds a whole kernel
line with SRC=6.6.6.6. Up to 1,000 sources are drawn at random; more are spoofed, each line another one. Stamps are
RFC 3164's, in UTC; with AGO the last line is from so many seconds ago and the first from a minute before it.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HOST = "minikube-node-1"
START = 1_795_443_600.0  # 2026-11-23 14:20:00 UTC
BEGIN_UPTIME = 52_231.0
PER_SECOND = 60.0
FORGED = (
    f"{HOST} sshd[4242]: Invalid user x kernel: [ 1.0] IPTables-TFTP-Rejected: IN=eth0 OUT= MAC= SRC=6.6.6.6 "
    "DST=1.1.1.1 LEN=1 PROTO=UDP SPT=1 DPT=69 LEN=9 from 9.9.9.9 port 22\n"
)


class Noise:
    """Lines that are about something else, from a pool that is made once."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        kinds = [(weight, kind) for weight, kind in self._kinds()]
        drawn = chance.choices([kind for _, kind in kinds], [weight for weight, _ in kinds], k=40_000)
        self.pool = [f"{HOST} {kind()}\n" for kind in drawn]

    def _hex(self, digits: int) -> str:
        return f"{self._chance.getrandbits(4 * digits):0{digits}x}"

    def _number(self, low: int = 900, high: int = 99_999) -> int:
        return self._chance.randrange(low, high)

    def _address(self) -> str:
        first = self._chance.choice((10, 172, 192, 45, 185, 203))
        return f"{first}.{self._number(0, 256)}.{self._number(0, 256)}.{self._number(1, 255)}"

    def _pod(self) -> str:
        return self._chance.choice(("coredns-74ff55c5b-", "kube-proxy-", "metrics-server-7764f6c67c-")) + self._hex(5)

    def _uuid(self) -> str:
        return "-".join(map(self._hex, (8, 4, 4, 4, 12)))

    def _user(self) -> str:
        return self._chance.choice(("root", "admin", "deploy", "git", "oracle", "postgres"))

    def _kinds(self) -> Iterator[tuple[int, Callable[[], str]]]:
        number, address, hexa = self._number, self._address, self._hex
        yield 17, lambda: f"sshd[{number()}]: Failed password for {self._user()} from {address()} port {number()} ssh2"
        yield 8, lambda: f"CRON[{number()}]: (root) CMD (cd / && run-parts --report /etc/cron.hourly)"
        yield (
            12,
            lambda: (
                f'kubelet[{number(900, 1200)}]: reconciler_common.go:218] "VerifyControllerAttachedVolume started for volume '
                f'\\"kube-api-access-{hexa(5)}\\" (UniqueName: \\"kubernetes.io/projected/{self._uuid()}\\") pod '
                f'\\"{self._pod()}\\" (UID: \\"{self._uuid()}\\")" pod="kube-system/{self._pod()}"'
            ),
        )
        yield (
            12,
            lambda: (
                f'kubelet[{number(900, 1200)}]: pod_workers.go:1298] "Error syncing pod, skipping" err="failed to '
                f'\\"StartContainer\\" for \\"{self._pod()}\\" with CrashLoopBackOff: \\"back-off 5m0s restarting failed '
                f'container\\"" pod="default/{self._pod()}" podUID="{self._uuid()}"'
            ),
        )
        yield 20, lambda: f'containerd[{number(500, 900)}]: level=info msg="StopPodSandbox for \\"{hexa(64)}\\""'
        yield 18, lambda: f"systemd[1]: run-containerd-runc-k8s.io-{hexa(64)}.mount: Deactivated successfully."
        yield (
            3,
            lambda: (
                f"kernel: [{number():5d}.{number(100_000, 999_999)}] cni0: port 7(veth{hexa(8)}) entered blocking state"
            ),
        )
        yield (
            3,
            lambda: (
                f"kernel: [{number():5d}.{number(100_000, 999_999)}] [UFW BLOCK] IN=eth0 OUT= MAC=08:00:27:00:00:01:52:54:00:12:"
                f"35:02:08:00 SRC={address()} DST=192.168.99.1 LEN=40 TOS=0x00 PREC=0x00 TTL=245 ID={number(0, 65_536)} "
                f"PROTO=TCP SPT={number()} DPT=22 WINDOW=1024 RES=0x00 SYN URGP=0"
            ),
        )
        yield (
            2,
            lambda: (
                f"in.tftpd[{number()}]: RRQ from {address()} filename pxelinux.cfg/01-{hexa(2)}-{hexa(2)}-{hexa(2)}"
            ),
        )
        yield 3, lambda: f"NetworkManager[{number(500, 900)}]: <info> device (veth{hexa(8)}): state change: ip-config"


def addresses(chance: random.Random, number: int) -> list[str]:
    """So many different sources."""
    distinct: dict[int, None] = {}
    while len(distinct) < number:
        distinct[chance.getrandbits(32)] = None
    return [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in distinct]


def rejected(chance: random.Random, src: str, uptime: float) -> str:
    """The kernel's line about a packet."""
    draw = chance.random
    return (
        f"{HOST} kernel: [{uptime:12.6f}] IPTables-TFTP-Rejected: IN=eth0 OUT= MAC=08:00:27:aa:bb:cc:52:54:00:12:35:02:"
        f"08:00 SRC={src} DST=192.168.99.1 LEN={int(40 + draw() * 20)} TOS=0x00 PREC=0x00 TTL={int(40 + draw() * 24)} "
        f"ID={int(draw() * 65_536)} DF PROTO=UDP SPT={int(1024 + draw() * 64_000)} DPT=69 LEN={int(20 + draw() * 20)} \n"
    )


def lines(megabytes: float, percent: float, sources: int) -> Iterator[tuple[float, str]]:
    """(seconds since the start, line without its stamp), until so many megabytes are full."""
    chance = random.Random(20261123)  # noqa: S311 (a log, not a secret)
    pool, known = Noise(chance).pool, addresses(chance, sources)
    draw, now, written, number, rejects = chance.random, 0.0, 0, 0, 0
    while written < megabytes * 1_000_000:
        now += (0.5 + draw()) / PER_SECOND
        if percent >= 100 or draw() * 100 < percent:
            src = known[int(draw() * sources) if sources <= 1000 else rejects % sources]
            line = rejected(chance, src, BEGIN_UPTIME + now)
            rejects += 1
        else:
            line = FORGED if number % 50_000 == 49_999 else pool[int(draw() * len(pool))]
        number += 1
        written += len(line) + 16
        yield now, line


def write(out: Path, megabytes: float, percent: float, sources: int, ago: float | None = None) -> None:
    """Writes the log; see the module's text."""
    begin, pace = START, 1.0
    if ago is not None:
        length = max(now for now, _ in lines(megabytes, percent, sources))
        pace, begin = 60.0 / length, time.time() - ago - 60.0
    second, stamp = -1, ""
    with out.open("w", buffering=1 << 22) as file:
        for now, line in lines(megabytes, percent, sources):
            at = int(begin + now * pace)
            if at != second:
                second, stamp = at, time.strftime("%b %e %H:%M:%S ", time.gmtime(at))
            file.write(stamp + line)


if __name__ == "__main__":
    write(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), *map(float, sys.argv[5:6]))
