"""Logs that punish a careless scanner: none of their lines counts."""

from pathlib import Path

PREFIX = "IPTables-TFTP-Rejected: "
HEAD = "Nov 23 14:00:00 node1 "
BODY = "IN=eth0 OUT= MAC= SRC=6.6.6.6 DST=1.1.1.1 LEN=1 PROTO=UDP SPT=1 DPT=69 LEN=9"
LINES = {
    "prefixes": HEAD + "sshd[4242]: Invalid user " + PREFIX * 330 + "from 9.9.9.9 port 22",
    "kernel": HEAD + "kernel: [ 1.0] x " + PREFIX * 330,
    "blanks": HEAD + "kernel: [" + " " * 7900 + PREFIX + BODY,
    "forged": HEAD + "sshd[4242]: Invalid user x kernel: [ 1.0] " + PREFIX + BODY + " from 9.9.9.9 port 22",
    "letters": HEAD + "sshd[4242]: Invalid user " + "j" * 8000,
    "newlines": "",
}


def write(file: Path, name: str, megabytes: int) -> None:
    text = (LINES[name] + "\n").encode()
    times, left = divmod(megabytes * 1_000_000 // len(text), 1000)
    with file.open("wb") as out:
        for _ in range(times):
            out.write(text * 1000)
        out.write(text * left)
