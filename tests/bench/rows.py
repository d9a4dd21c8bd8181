"""The rows of the table: each makes its log, sees that everybody counts the same, and measures in turn."""

from collections.abc import Callable, Iterator

import counting
import hostile
import logs
import minute
import peers
from figure import Bar, Figure, compare, median
from measure import in_turn, ratio, without

GNU, BUSYBOX = "the pipeline, GNU tools", "the pipeline, BusyBox"


def sparse() -> Iterator[Figure]:
    file = logs.generated("sparse", 1000, 0.1, 50)
    counted = counting.naive(file)
    counting.scanned(file, peers.scan(file, "--json").output(), counted)
    counting.agree("grep", file, int(peers.grep(file).output()), counted.prefixed)
    mine, grep, start = in_turn([peers.scan(file), peers.grep(file), peers.scan(logs.empty())], 11)
    yield compare("scan 1 GB, 0.1 % rejects", "grep -c -F", (mine, grep), Bar(1.6, 40))
    yield compare("  less the start-up", "grep -c -F", (without(mine, start), grep), Bar(1.25))


def dense() -> Iterator[Figure]:
    file = logs.generated("dense", 100, 100, 50)
    counted = counting.naive(file)
    counting.scanned(file, peers.scan(file, "--json").output(), counted)
    if peers.needs("gawk"):
        counting.piped(file, peers.pipeline(file).output(), counted)
        costs = in_turn([peers.scan(file), peers.pipeline(file)], 7)
        yield compare("scan 100 MB of rejects, 50 sources", GNU, costs, Bar(0.8))
    if peers.needs("busybox"):
        counting.piped(file, peers.busybox_pipeline(file).output(), counted)
        costs = in_turn([peers.scan(file), peers.busybox_pipeline(file)], 5)
        yield compare("scan 100 MB of rejects, 50 sources", BUSYBOX, costs, Bar(0.25))


def spoofed() -> Iterator[Figure]:
    if not peers.needs("gawk"):
        return
    file = logs.generated("spoofed", 100, 100, 400_000)
    counted = counting.naive(file)
    counting.scanned(file, peers.scan(file, "--json").output(), counted)
    counting.piped(file, peers.pipeline(file).output(), counted)
    costs = in_turn([peers.scan(file), peers.pipeline(file)], 7)
    yield compare("scan 100 MB of rejects, 400,000", GNU, costs, Bar(1.0, 64))


def quiet() -> Iterator[Figure]:
    if not peers.needs("busybox"):
        return
    node = minute.Node("quiet", "mail.example.org:587")
    node.log.write_bytes(logs.generated("quiet", 1, 0, 50).read_bytes())
    script = peers.script(node.log, node.monitor)
    node.check.output()  # the first start; from then on nothing is new
    counting.agree("check", node.log, "attack: none in 0 lines" in node.check.output(), ours=True)
    counting.agree("the script", node.log, "have not been detected" in script.output(), ours=True)
    yield compare("check with nothing new", "the script, BusyBox", in_turn([node.check, script], 41), Bar(5.0))


def came_in_a_minute() -> Iterator[Figure]:
    if not peers.needs("fail2ban-regex"):
        return
    file = logs.recent("minute", 10, 0.1, 50)
    counted, fail2ban = counting.naive(file), peers.fail2ban(file)
    counting.listed("fail2ban-regex", file, fail2ban.output().split(), counted)
    with minute.mail_server() as inbox:
        server = f'"127.0.0.1:{inbox.port}"'
        new, known = minute.Node("new", server, "none"), minute.Node("known", server, "none")
        end = file.stat().st_mtime
        new.begin(minute.harmless(file), end - 60)
        known.begin(minute.attacked(file, counted), end - 60)
        checks = new.gains(file), known.gains(file)
        told = inbox.mails
        for check in checks:
            check.output()
        counting.agree("check", file, new.alerts(), dict(counted.packets))
        counting.agree("check", file, known.alerts(), {src: n + 1 for src, n in counted.packets.items()})
        counting.agree("check's mail", file, inbox.mails, told + 1)
        rings, goes_on, theirs = in_turn([*checks, fail2ban], 9)
    yield compare("check of 10 MB: an attack goes on", "fail2ban-regex", (goes_on, theirs), Bar(0.05))
    yield compare("check of 10 MB: one begins, mailed", "fail2ban-regex", (rings, theirs), Bar(0.05))


def hostiles() -> Iterator[Figure]:
    size, harmless_size = 50, 300
    harmless = logs.generated("harmless", harmless_size, 0, 50)
    files = {name: logs.shape(name, size) for name in hostile.LINES}
    for file in files.values():
        counting.scanned(file, peers.scan(file, "--json").output(), counting.Counted())
    start, gentle, *hard = in_turn([peers.scan(file) for file in (logs.empty(), harmless, *files.values())], 7)
    counts = in_turn([peers.wc(file) for file in files.values()], 3)
    gentle = without(gentle, start)
    speed = harmless_size / median(gentle)
    for name, costs, wc in zip(files, hard, counts, strict=True):
        mine = without(costs, start)
        note = f"  {size / median(mine):.0f} MB/s, harmless {speed:.0f}, wc -l {size / max(median(wc), 1e-4):.0f}"
        yield Figure(
            f"hostile lines, 100 MB: {name}",
            "a harmless log",
            ratio(mine, gentle, harmless_size / size),
            Bar(10),
            100 * median(mine) / size,
            100 * median(gentle) / harmless_size,
            max(cost.rss for cost in costs),
            note,
        )


ROWS: dict[str, Callable[[], Iterator[Figure]]] = {
    "sparse": sparse,
    "dense": dense,
    "spoofed": spoofed,
    "quiet": quiet,
    "minute": came_in_a_minute,
    "hostile": hostiles,
}
