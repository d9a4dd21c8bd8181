"""What stands in the way of the firewall's verbs is said in one line, with its exit status."""

import json
import os

import pytest
from tests.system.lab import SWITCH, Lab

NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
BARE = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /usr/sbin && exec "$@"', "sh")


@pytest.mark.parametrize("verb", ["apply", "check", "counters", "remove"])
def test_without_a_capability_it_is_77_and_names_it(lab: Lab, verb: str) -> None:
    run = lab.tocsin(verb, before=("setpriv", "--bounding-set", "-net_admin"))
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (77, "", 1)
    assert "CAP_NET_ADMIN" in run.stderr


def test_the_old_iptables_takes_a_capability_more(lab: Lab) -> None:
    run = lab.tocsin("check", "--backend", "iptables-legacy", before=("setpriv", "--bounding-set", "-net_raw"))
    assert (run.returncode, run.stderr.count("\n")) == (77, 1)
    assert "CAP_NET_RAW" in run.stderr


def test_where_the_old_iptables_may_not_be_read_the_others_do(lab: Lab) -> None:
    lab.node("iptables-legacy", "-A", "INPUT", "-p", "tcp", "-j", "ACCEPT")
    run = lab.tocsin("apply", before=("setpriv", "--bounding-set", "-net_raw"))
    assert (run.returncode, run.stdout) == (0, "nft: applied\n")


def test_a_user_without_rights_is_told_the_same(lab: Lab) -> None:
    lab.folder.parent.parent.chmod(0o755)
    lab.folder.parent.chmod(0o755)
    lab.folder.chmod(0o755)
    run = lab.tocsin("apply", before=NOBODY)
    assert (run.returncode, run.stderr.count("\n")) == (77, 1)


@pytest.mark.parametrize("verb", ["apply", "check", "counters", "remove"])
def test_no_nft_and_no_iptables_is_one_line_with_a_hint(lab: Lab, verb: str) -> None:
    run = lab.tocsin(verb, before=BARE, PATH="/usr/bin")
    assert (run.returncode, run.stderr.count("\n")) == (69, 1)
    assert run.stderr.startswith("neither nft nor iptables is on this machine; hint: apt-get install nftables")


@pytest.mark.parametrize("words", [(), ("--backend", "iptables"), ("--backend", "iptables-legacy")])
def test_render_needs_neither(lab: Lab, words: tuple[str, ...]) -> None:
    run = lab.tocsin("render", *words, before=BARE, PATH="/usr/bin")
    assert run.returncode == 0
    assert lab.prefix in run.stdout


def test_a_back_end_that_is_missing_is_named_with_those_that_are_there(lab: Lab) -> None:
    hide = ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /usr/sbin/nft && exec "$@"', "sh")
    run = lab.tocsin("apply", "--backend", "nft", before=hide)
    assert (run.returncode, run.stderr) == (
        69,
        "nft is not on this machine; hint: there is iptables, iptables-legacy\n",
    )


def test_wrong_settings_are_78_and_a_wrong_command_line_is_64(lab: Lab) -> None:
    assert lab.tocsin("apply", "--backend", "ufw").returncode == 64
    lab.settle('[{name: a, prefix: "A: "}, {name: b, prefix: "B: "}]')
    run = lab.tocsin("apply")
    assert (run.returncode, run.stderr.count("\n")) == (78, 1)


def test_a_rule_that_is_left_to_others_is_said(lab: Lab) -> None:
    lab.settle('[{name: tftp, prefix: "A: ", port: 69}, {name: ufw, prefix: "[UFW BLOCK] "}]')
    run = lab.tocsin("apply")
    assert (run.returncode, run.stderr) == (0, "rule ufw is left to others: it names no port\n")


@pytest.mark.parametrize(("switch", "told"), [("0", ["nf_log_all_netns is 0"]), ("1", [])])
def test_where_log_is_not_heard_check_says_so(lab: Lab, switch: str, told: list[str]) -> None:
    lab.done("apply")
    (lab.folder / "switch").write_text(switch)  # stands for the real one, which others on this machine need as it is
    mount = f"nsenter --net=/proc/{os.getpid()}/ns/net mount --bind {lab.folder}/switch {SWITCH}"
    run = lab.tocsin("check", "--json", before=("unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"))
    found = [finding["what"].partition(" and ")[0] for finding in json.loads(run.stdout)["findings"]]
    assert (run.returncode, found) == (69 if told else 0, told)


def test_where_the_first_namespace_cannot_be_seen_that_is_said_and_is_no_finding(lab: Lab) -> None:
    lab.done("apply")
    run = lab.tocsin("check", before=("unshare", "--pid", "--fork", "--mount-proc"))
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (0, "nft: as wished\n", 1)
    assert "cannot be seen from here" in run.stderr


def test_rights_in_another_user_namespace_are_none_here(lab: Lab) -> None:
    run = lab.tocsin("apply", "--backend", "nft", before=("unshare", "--user", "--map-root-user"))
    assert (run.returncode, run.stderr.count("\n")) == (77, 1)
    assert "CAP_NET_ADMIN" in run.stderr


def test_nft_takes_no_second_place_beside_the_chain_typed_by_hand(lab: Lab) -> None:
    lab.done("apply", "--backend", "nft")
    lab.node("iptables-legacy", "-N", "tftp_protector")
    for words in ("-m limit --limit 10/min -j ACCEPT", "-m limit --limit 11/min -j LOG", "-j REJECT"):
        lab.node("iptables-legacy", "-A", "tftp_protector", *words.split())
    assert lab.found() == ["the chain typed by hand stands in iptables-legacy, with one limit for everybody"]
    run = lab.tocsin("apply", "--backend", "nft")
    assert (run.returncode, run.stderr.count("\n")) == (69, 1)


def test_auto_is_the_back_end_that_holds_the_rules_and_says_who_else_does(lab: Lab) -> None:
    lab.node("iptables-legacy", "-A", "INPUT", "-p", "tcp", "-j", "ACCEPT")
    lab.node("iptables-legacy", "-A", "INPUT", "-p", "icmp", "-j", "ACCEPT")
    lab.node("iptables-nft", "-A", "INPUT", "-p", "tcp", "-j", "ACCEPT")
    run = lab.tocsin("apply")
    assert (run.returncode, run.stdout) == (0, "iptables-legacy: applied\n")
    assert run.stderr == "auto is iptables-legacy here; there are rules in iptables too: --backend names another\n"


@pytest.mark.parametrize("backend", ["nft", "iptables", "iptables-legacy"])
def test_odd_names_and_prefixes_arrive_as_they_are(lab: Lab, backend: str) -> None:
    rules = [
        {"name": "-9", "prefix": "-j DROP ", "port": 69},
        {"name": "x" * 40, "prefix": "#!{};accept&*", "port": 70},
        {"name": "accept", "prefix": "COMMIT", "port": 71, "group_v6": 128},
    ]
    lab.settle(json.dumps(rules))
    lab.done("apply", "--backend", backend)
    assert lab.found("--backend", backend) == []
    text = lab.done("render", "--backend", backend)
    lab.done("remove")
    if backend == "nft":
        lab.node("nft", "-f", "-", stdin=text)
        assert lab.found("--backend", backend) == []
