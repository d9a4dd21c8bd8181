"""The rules by nft, in a real kernel, with real packets."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from tests.system.lab import KernelLog, Lab

GOLDEN = Path(__file__).parents[1] / "unit/firewall"
HUNDRED = [f"192.0.2.{number}" for number in range(101, 201)]


def test_the_golden_ruleset_is_taken_by_the_real_nft(lab: Lab) -> None:
    lab.node("nft", "-c", "-j", "-f", "-", stdin=(GOLDEN / "nft.json").read_text())
    lab.node("nft", "-c", "-f", "-", stdin=(GOLDEN / "nft.txt").read_text())
    assert lab.rules() == ""


def test_what_render_prints_is_what_apply_loads(lab: Lab) -> None:
    lab.node("nft", "-f", "-", stdin=lab.done("render", "--backend", "nft"))
    assert lab.found() == []
    lab.node("nft", "-j", "-f", "-", stdin=lab.done("render", "--backend", "nft", "--json"))
    assert lab.found() == []


def test_applied_twice_is_the_same_and_keeps_the_counts(lab: Lab) -> None:
    assert lab.done("apply") == "nft: applied\n"
    lab.send({"192.0.2.2": 25})
    before, rules = lab.counters(), lab.node("nft", "list", "chain", "inet", "tocsin", "guard-tftp")
    assert lab.done("apply") == "nft: as wished already, nothing done\n"
    assert lab.node("nft", "list", "chain", "inet", "tocsin", "guard-tftp") == rules
    assert lab.counters() == before
    assert before["rejected"] == 15


def test_removed_the_node_is_as_before_and_twice_is_no_error(lab: Lab) -> None:
    lab.node(
        "nft",
        "-f",
        "-",
        stdin="table inet mine { chain input { type filter hook input priority 0; udp dport 53 accept\n}\n}\n",
    )
    before = lab.rules()
    lab.done("apply")
    assert lab.rules() != before
    assert lab.done("remove") == "nft: removed\n"
    assert lab.rules() == before
    assert lab.done("remove") == "nothing of tocsin's is there\n"
    assert lab.rules() == before


def test_the_count_of_a_burst_is_the_true_one(lab: Lab) -> None:
    lab.done("apply")
    lab.send({"192.0.2.2": 10_000})
    assert lab.counters() == {
        "exact": True,
        "accepted": 10,
        "rejected": 9990,
        "vanished": 0,
        "sources": [{"rule": "tftp", "src": "192.0.2.2", "rejected": 9990}],
    }


def test_counts_are_written_to_a_file_that_is_whole_at_any_moment(lab: Lab, tmp_path: Path) -> None:
    lab.done("apply")
    lab.send({"192.0.2.2": 25})
    lab.done("counters", "--write", str(tmp_path / "counts"))
    written = json.loads((tmp_path / "counts").read_text())
    assert datetime.fromisoformat(written.pop("at")).tzinfo
    assert written == lab.counters()
    assert not (tmp_path / "counts.part").exists()


def test_a_file_that_cannot_be_written_is_74(lab: Lab, tmp_path: Path) -> None:
    lab.done("apply")
    run = lab.tocsin("counters", "--write", str(tmp_path / "none/counts"))
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (74, "", 1)


def test_one_flooder_neither_hides_the_others_nor_locks_them_out(lab: Lab, kernel_log: KernelLog) -> None:
    lab.address(*(f"{each}/24" for each in HUNDRED))
    lab.done("apply")
    lab.send({"192.0.2.2": 1000})
    lab.send(dict.fromkeys(HUNDRED, 12), pause=0.05)
    assert lab.counters()["accepted"] == 101 * 10
    assert lab.rejected() == {"192.0.2.2": 990} | dict.fromkeys(HUNDRED, 2)
    named = {line.partition("SRC=")[2].split()[0] for line in kernel_log.lines(lab.prefix)}
    assert named == {"192.0.2.2", *HUNDRED}


def test_v6_sources_count_by_their_64_beside_v4(lab: Lab) -> None:
    lab.address("2001:db8:0:2::3/56", "2001:db8:0:3::1/56")
    lab.done("apply")
    lab.send({"192.0.2.2": 500, "2001:db8:0:2::2": 25, "2001:db8:0:2::3": 5, "2001:db8:0:3::1": 12})
    assert lab.rejected() == {"192.0.2.2": 490, "2001:db8:0:2::/64": 20, "2001:db8:0:3::/64": 2}
    assert lab.counters()["accepted"] == 30


def test_the_machines_own_packets_never_meet_the_rules(lab: Lab) -> None:
    lab.done("apply")
    lab.node(
        "python3",
        "-c",
        "import socket; s = socket.socket(type=2); [s.sendto(b'x', ('127.0.0.1', 69)) for _ in range(40)]",
    )
    lab.send({"192.0.2.2": 40}, port=70)
    assert (lab.counters()["accepted"], lab.counters()["rejected"]) == (0, 0)


def test_lines_carry_the_prefix_and_are_limited_by_source_but_the_first_of_each_is_there(
    lab: Lab, kernel_log: KernelLog
) -> None:
    lab.done("apply")
    lab.send({"192.0.2.2": 100, "2001:db8:0:2::2": 100})
    lines = kernel_log.lines(lab.prefix)
    assert sum("SRC=192.0.2.2 " in line for line in lines) == 10
    assert sum("SRC=2001:0db8:0000:0002" in line for line in lines) == 10
    assert all(line.startswith(f"{lab.prefix}IN=veth0 ") for line in lines)


def test_a_full_table_of_sources_says_so_in_a_line_of_its_own(lab: Lab, kernel_log: KernelLog) -> None:
    lab.address(*(f"{each}/24" for each in HUNDRED[:9]))
    small = lab.done("render", "--backend", "nft").replace("size 65535", "size 4").replace("tocsin-tftp", lab.name)
    lab.node("nft", "-f", "-", stdin=small)
    lab.send(dict.fromkeys(HUNDRED[:9], 12))
    assert 1 <= len(kernel_log.lines(f"{lab.name}-full: ")) <= 3
    assert lab.counters()["rejected"] == 4 * 2 + 5 * 12
    assert sum('"size": 4,' in what for what in lab.found()) == 6


def test_rules_changed_by_hand_are_found_and_put_right(lab: Lab) -> None:
    lab.done("apply")
    lab.node("nft", "insert", "rule", "inet", "tocsin", "guard-tftp", "ip", "saddr", "192.0.2.2", "accept")
    assert lab.found() == ['the chain guard-tftp has a rule that is none of ours: ip saddr "192.0.2.2" accept']
    assert lab.done("apply") == "nft: applied\n"
    assert lab.found() == []


def test_counts_that_a_change_ends_are_told_once_more(lab: Lab) -> None:
    lab.done("apply")
    lab.send({"192.0.2.2": 25})
    lab.settle('[{name: tftp, prefix: "Other: "}]')
    assert lab.done("apply") == "nft: applied; counts begin anew, until now: 10 accepted, 15 rejected\n"
    assert lab.counters()["rejected"] == 0


def test_a_new_setting_is_a_difference_until_it_is_applied(lab: Lab) -> None:
    lab.done("apply")
    lab.settle('[{name: tftp, prefix: "Other: ", port: 6969}]')
    assert any("dport 69 jump guard-tftp` where `" in what for what in lab.found())
    assert any("the prefix is" in what and "where 'Other: ' is due" in what for what in lab.found())
    lab.done("apply")
    assert lab.found() == []


@pytest.mark.parametrize("length", [127, 30])
def test_nft_takes_prefixes_of_up_to_127_bytes(lab: Lab, length: int) -> None:
    lab.settle(json.dumps([{"name": "tftp", "prefix": "x" * (length - 1) + " "}]))
    lab.done("apply", "--backend", "nft")
    assert lab.found() == []


def test_a_prefix_of_128_bytes_is_a_wrong_setting(lab: Lab) -> None:
    lab.settle(json.dumps([{"name": "tftp", "prefix": "x" * 128}]))
    run = lab.tocsin("apply", "--backend", "nft")
    assert (run.returncode, run.stderr.count("\n"), lab.rules()) == (78, 1, "")


def test_without_any_rule_of_ours_check_and_counters_are_69(lab: Lab) -> None:
    assert lab.found() == ["the table inet tocsin is missing: nothing is limited, rejected or logged"]
    run = lab.tocsin("counters")
    assert (run.returncode, run.stderr.count("\n")) == (69, 1)
    assert "hint: tocsin firewall apply" in run.stderr
