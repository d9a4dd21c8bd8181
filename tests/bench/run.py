"""run.py [ROW…]: prints each figure beside its peer, measured in turn in this one run, as a ratio.

A row whose peer is not installed is left out, aloud. Nothing is asserted: a bar that is missed is said, no more.
"""

import json
import os
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import generate
import hostile
from measure import Command, Cost, Ratio, in_turn, ratio

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "bench"
LOGS = BUILD / "logs"
TOCSIN = BUILD / "venv" / "bin" / "tocsin"
BASE = {"LC_ALL": "C"}


@dataclass(frozen=True)
class Figure:
    """A row of the table."""

    work: str
    peer: str
    ratio: Ratio
    bar: float
    rss: float  # MB of ours
    most: float | None = None  # MB that it may take

    @property
    def met(self) -> bool:
        return self.ratio.median <= self.bar and (self.most is None or self.rss <= self.most)

    def __str__(self) -> str:
        median, least, most = self.ratio
        room = f"{self.rss:5.1f} MB" + (f" (bar {self.most:g})" if self.most else "")
        verdict = "met" if self.met else "MISSED"
        figures = f"{median:7.3f} ({least:.3f} to {most:.3f})  bar {self.bar:<5g} {verdict:7} {room}"
        return f"{self.work:34} {self.peer:32} {figures}"


def install() -> None:
    """tocsin as a user has it: a wheel, with bytecode, on Debian's Python."""
    python = next(
        (path for path in ("/usr/bin/python3.11", "/usr/bin/python3") if os.path.exists(path)), sys.executable
    )
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    shutil.rmtree(BUILD / "venv", ignore_errors=True)
    pip = [str(BUILD / "venv/bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    locked = [f"--requirement={ROOT / 'requirements' / name}" for name in ("runtime.txt", "build.txt")]
    subprocess.run([python, "-m", "venv", str(BUILD / "venv")], check=True, env=environment)
    subprocess.run([*pip, "--require-hashes", *locked], check=True, env=environment)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", str(ROOT)], check=True, env=environment)


def log(name: str, *words: float, ago: float | None = None) -> Path:
    """A generated log, made once unless its stamps must be of now."""
    file = LOGS / f"{name}.log"
    if ago is not None or not file.exists():
        print(f"making {file.name}", file=sys.stderr, flush=True)
        generate.write(file, words[0], words[1], int(words[2]), ago)
    return file


def scan(file: Path, *words: str) -> Command:
    return Command([str(TOCSIN), "scan", *words, str(file)], BASE)


def counts(file: Path) -> dict[str, int]:
    """Sources and packets as a scan of the file has them."""
    command = [str(TOCSIN), "scan", "--json", str(file)]
    read = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {row["src"]: row["events"] for row in read["sources"]}


def naive(file: Path) -> dict[str, int]:
    """The same, line by line."""
    found: dict[str, int] = {}
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if f"{generate.HOST} kernel: " in line and "] IPTables-TFTP-Rejected: IN=" in line and "sshd[" not in line:
                src = line.partition(" SRC=")[2].partition(" ")[0]
                found[src] = found.get(src, 0) + 1
    return found


def same(file: Path) -> None:
    if counts(file) != naive(file):
        raise SystemExit(f"{file}: tocsin and the naive count differ")


def figure(work: str, peer: str, costs: list[list[Cost]], bar: float, most: float | None = None) -> Figure:
    """The first command is ours, the second its peer."""
    mine, theirs = ([cost.cpu for cost in each] for each in costs[:2])
    return Figure(work, peer, ratio(mine, theirs), bar, max(cost.rss for cost in costs[0]), most)


def sparse() -> Iterator[Figure]:
    file, empty = log("sparse", 1000, 0.1, 50), LOGS / "empty.log"
    same(file)
    empty.touch()
    grep = Command(["grep", "-c", "-F", "IPTables-TFTP-Rejected: ", str(file)], BASE)
    costs = in_turn([scan(file), grep, scan(empty)], 11)
    yield figure("scan 1 GB, 0.1 % matching", "grep -c -F", costs, 1.6, 40)
    alone = [Cost(mine.cpu - start.cpu, mine.rss) for mine, start in zip(costs[0], costs[2], strict=True)]
    yield figure("the same, its start-up left out", "grep -c -F", [alone, costs[1]], 1.25, 40)


def dense() -> Iterator[Figure]:
    file = log("dense", 100, 100, 50)
    same(file)
    if needs("gawk"):
        pipeline = Command(["sh", str(HERE / "pipeline.sh"), str(file)], BASE)
        yield figure("scan 100 MB, all matching", "seed's pipeline, GNU", in_turn([scan(file), pipeline], 7), 0.8)
    if needs("busybox"):
        box = Command(["sh", str(HERE / "pipeline.sh"), str(file)], BASE | {"PATH": str(applets()), "AWK": "awk"})
        yield figure("scan 100 MB, all matching", "seed's pipeline, BusyBox", in_turn([scan(file), box], 5), 0.25)


def spoofed() -> Iterator[Figure]:
    file = log("spoofed", 100, 100, 400_000)
    if needs("gawk"):
        pipeline = Command(["sh", str(HERE / "pipeline.sh"), str(file)], BASE)
        costs = in_turn([scan(file), pipeline], 7)
        yield figure("scan 100 MB, 400,000 sources", "seed's pipeline, GNU", costs, 1.0, 64)


def quiet() -> Iterator[Figure]:
    if not needs("busybox"):
        return
    file, folder = log("quiet", 1, 0, 50), fresh("quiet")
    settings, monitor = folder / "tocsin.yaml", folder / "monitor.log"
    monitor.touch()
    settings.write_text(
        f"state: {folder}/state\nsources:\n  - file: {{path: {file}}}\nlog: {{file: {monitor}}}\n"
        "receivers:\n  - email:\n      server: mail.example.org:587\n      from: tocsin@node1.example.org\n      to: [admin@example.org]\n"
    )
    check = Command([str(TOCSIN), "check", "--config", str(settings)], BASE)
    script = ["busybox", "sh", str(HERE / "seed.sh")]
    seed = Command(script, {"PATH": f"{applets()}:{os.environ['PATH']}", "LOG": str(file), "MONITOR": str(monitor)})
    yield figure("check with nothing new", "seed's script, BusyBox", in_turn([check, seed], 31), 5.0)


def minute() -> Iterator[Figure]:
    if not needs("fail2ban-regex"):
        return
    file, folder = log("minute", 10, 0.1, 50, ago=0), fresh("minute")
    state, settings = folder / "state", folder / "tocsin.yaml"
    with Taking() as server:
        settings.write_text(
            f"state: {state}\nsources:\n  - file: {{path: {folder}/syslog}}\nreceivers:\n  - email:\n      server: "
            f'"127.0.0.1:{server.server_address[1]}"\n      security: none\n      to: [admin@example.org]\n'
        )

        def renew() -> None:
            """A state that has read nothing yet, and the log."""
            shutil.rmtree(state, ignore_errors=True)
            shutil.copy2(file, folder / "syslog")

        check = Command([str(TOCSIN), "check", "--config", str(settings)], BASE, renew)
        fail2ban = Command(["fail2ban-regex", "-o", "ip", str(file), str(HERE / "filter.conf")], BASE)
        costs = in_turn([check, fail2ban], 7)
    if server.taken < 7:
        raise SystemExit("check of the minute's log has mailed nothing")
    yield figure("check of 10 MB and its mail", "fail2ban-regex", costs, 0.05)


def hostiles() -> Iterator[Figure]:
    harmless = log("harmless", 100, 0, 50)
    files = hostile.write(LOGS, 100) | {"harmless": harmless}
    empty = LOGS / "empty.log"
    empty.touch()
    costs = in_turn([scan(file) for file in files.values()] + [scan(empty)], 5)
    alone = {
        name: [Cost(max(one.cpu - start.cpu, 1e-3), one.rss) for one, start in zip(each, costs[-1], strict=True)]
        for name, each in zip(files, costs, strict=False)
    }
    for name in hostile.LINES:
        yield figure(f"hostile lines: {name}", "the harmless log", [alone[name], alone["harmless"]], 10)


class Taking(socketserver.ThreadingTCPServer):
    """Takes every mail, outside the process that is measured."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.taken = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Talk(socketserver.StreamRequestHandler):
    """RFC 5321 as far as one client needs it."""

    server: Taking

    def handle(self) -> None:
        self.wfile.write(b"220 bench\r\n")
        while line := self.rfile.readline():
            if line[:4].upper() == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline() not in {b".\r\n", b""}:
                    pass
                self.server.taken += 1
            self.wfile.write(b"221 bye\r\n" if line[:4].upper() == b"QUIT" else b"250 ok\r\n")


def needs(program: str) -> bool:
    if shutil.which(program):
        return True
    print(f"left out: {program} is not installed", file=sys.stderr)
    return False


def applets() -> Path:
    """A folder in which every tool is BusyBox's."""
    folder = BUILD / "applets"
    folder.mkdir(exist_ok=True)
    box = shutil.which("busybox") or ""
    for name in subprocess.run([box, "--list"], check=True, capture_output=True, text=True).stdout.split():
        if not (folder / name).exists():
            (folder / name).symlink_to(box)
    return folder


def fresh(name: str) -> Path:
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


ROWS: dict[str, Callable[[], Iterator[Figure]]] = {
    "sparse": sparse, "dense": dense, "spoofed": spoofed, "quiet": quiet, "minute": minute, "hostile": hostiles,
}  # fmt: skip


def main() -> None:
    chosen = sys.argv[1:] or list(ROWS)
    LOGS.mkdir(parents=True, exist_ok=True)
    install()
    figures = []
    print(f"{'work':34} {'peer':32} {'CPU, as a ratio to the peer (each round)':40}")
    for name in chosen:
        for row in ROWS[name]():
            figures.append(row)
            print(row, flush=True)
    results = [{**asdict(row), "ratio": row.ratio._asdict(), "met": row.met} for row in figures]
    (BUILD / "results.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
