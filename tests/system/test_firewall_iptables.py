"""The rules by iptables, in both variants, in a real kernel, with real packets."""

import json

import pytest
from tests.system.lab import KernelLog, Lab

HUNDRED = [f"192.0.2.{number}" for number in range(101, 201)]
SEED = """
$ipt -N tftp_protector
$ipt -A INPUT ! -i lo -p udp -m udp --dport 69 -j tftp_protector
$ipt -A tftp_protector -p udp -m udp --dport 69 -m limit --limit 10/min --limit-burst 10 -j ACCEPT
$ipt -A tftp_protector -p udp -m udp --dport 69 -m limit --limit 11/min --limit-burst 10 -j LOG \
  --log-prefix "IPTables-TFTP-Rejected: " --log-level 4
$ipt -A tftp_protector -p udp -m udp --dport 69 -j REJECT --reject-with icmp-port-unreachable
"""
WORKS = "v4: the chain typed by hand, tftp_protector, works, with one limit for everybody (10/min, burst 10)"


class Tables:
    """A lab and a variant of iptables in it."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name
        self.words = ("--backend", name)
        self.variant = "legacy" if "legacy" in name else "nft"
        self.v4, self.v6 = f"iptables-{self.variant}", f"ip6tables-{self.variant}"

    def apply(self) -> str:
        return self.lab.done("apply", *self.words)

    def found(self) -> list[str]:
        return self.lab.found(*self.words)

    def run(self, *words: str) -> str:
        return self.lab.node(self.v4, *words)

    def saved(self) -> str:
        both = self.lab.node(f"{self.v4}-save") + self.lab.node(f"{self.v6}-save")
        return "\n".join(line.partition(" [")[0] for line in both.splitlines() if not line.startswith("#"))

    def seed(self) -> None:
        self.lab.settle('[{name: tftp, prefix: "IPTables-TFTP-Rejected: "}]')
        self.lab.node("sh", "-ec", f"ipt={self.v4}\n{SEED}")


@pytest.fixture(params=["iptables", "iptables-legacy"])
def tables(request: pytest.FixtureRequest, lab: Lab) -> Tables:
    return Tables(lab, request.param)


@pytest.fixture
def one(lab: Lab) -> Tables:
    """One variant, where both save the same."""
    return Tables(lab, "iptables")


def test_what_render_prints_is_what_apply_loads(tables: Tables) -> None:
    v4, v6 = tables.lab.done("render", *tables.words).split("# v6", 1)
    tables.lab.node(f"{tables.v4}-restore", "--noflush", stdin=v4)
    tables.lab.node(f"{tables.v6}-restore", "--noflush", stdin=f"# v6{v6}")
    assert tables.found() == []


def test_applied_twice_is_the_same_and_keeps_the_counts(tables: Tables) -> None:
    assert tables.apply() == f"{tables.name}: applied\n"
    tables.lab.send({"192.0.2.2": 25, "2001:db8:0:2::2": 12})
    before, counts = tables.saved(), tables.lab.counters(*tables.words)
    assert tables.apply() == f"{tables.name}: as wished already, nothing done\n"
    assert (tables.saved(), tables.lab.counters(*tables.words)) == (before, counts)
    assert counts == {"exact": False, "accepted": 20, "rejected": 17, "vanished": 0, "sources": []}


def test_removed_the_node_is_as_before_and_twice_is_no_error(tables: Tables) -> None:
    tables.run("-A", "INPUT", "-p", "udp", "--dport", "53", "-j", "ACCEPT")
    tables.lab.node(tables.v6, "-N", "mine")
    before = tables.lab.rules()
    tables.apply()
    assert tables.lab.rules() != before
    assert tables.lab.done("remove", *tables.words) == f"{tables.name}: removed\n"
    assert tables.lab.rules() == before
    assert tables.lab.done("remove", *tables.words) == "nothing of tocsin's is there\n"


def test_on_an_empty_node_nothing_stays_behind_that_means_anything(tables: Tables) -> None:
    tables.apply()
    tables.lab.done("remove")
    left = [line for line in tables.lab.rules().splitlines() if line not in {"*filter", "COMMIT"}]
    if tables.name == "iptables":
        assert tables.lab.rules() == ""
    assert all(line.startswith((":INPUT ACCEPT", ":FORWARD ACCEPT", ":OUTPUT ACCEPT")) for line in left)


def test_an_empty_table_that_was_there_before_is_there_again(lab: Lab) -> None:
    lab.node("nft", "add", "table", "ip", "filter")
    before = lab.node("nft", "list", "ruleset")
    lab.done("apply", "--backend", "iptables")
    lab.done("remove")
    assert lab.node("nft", "list", "ruleset") == before


def test_the_totals_of_a_burst_are_the_true_ones(tables: Tables) -> None:
    tables.apply()
    tables.lab.send({"192.0.2.2": 10_000})
    counts = tables.lab.counters(*tables.words)
    assert (counts["accepted"], counts["rejected"]) == (10, 9990)


def test_one_flooder_neither_hides_the_others_nor_locks_them_out(tables: Tables, kernel_log: KernelLog) -> None:
    tables.lab.address(*(f"{each}/24" for each in HUNDRED))
    tables.apply()
    tables.lab.send({"192.0.2.2": 1000})
    tables.lab.send(dict.fromkeys(HUNDRED, 12), pause=0.05)
    counts = tables.lab.counters(*tables.words)
    assert (counts["accepted"], counts["rejected"]) == (1010, 990 + 200)
    named = {line.partition("SRC=")[2].split()[0] for line in kernel_log.lines(tables.lab.prefix)}
    assert named == {"192.0.2.2", *HUNDRED}


def test_v6_sources_share_their_limit_by_their_64(tables: Tables, kernel_log: KernelLog) -> None:
    tables.lab.address("2001:db8:0:2::3/56")
    tables.apply()
    tables.lab.send({"2001:db8:0:2::2": 25, "2001:db8:0:2::3": 5})
    counts = tables.lab.counters(*tables.words)
    assert (counts["accepted"], counts["rejected"]) == (10, 20)
    assert len(kernel_log.lines(tables.lab.prefix)) == 10


def test_packets_that_a_full_table_of_sources_swallows_are_counted(tables: Tables) -> None:
    tables.lab.address(*(f"{each}/24" for each in HUNDRED[:9]))
    small = (
        tables.lab.done("render", *tables.words)
        .split("# v6")[0]
        .replace("max 65535", "max 4 --hashlimit-htable-size 1")
    )
    tables.lab.node(f"{tables.v4}-restore", "--noflush", stdin=small.replace("tftp-ok", "small"))
    tables.lab.send(dict.fromkeys(HUNDRED[:9], 2))
    counts = tables.lab.counters(*tables.words)
    assert (counts["accepted"], counts["rejected"], counts["vanished"]) == (8, 0, 10)


def test_the_commands_typed_by_hand_are_recognised_and_what_they_hide_is_said(tables: Tables) -> None:
    tables.seed()
    found = tables.found()
    assert len(found) == 3
    assert found[0].startswith(WORKS)
    assert "logs a sample only (11/min, burst 10, of all sources together)" in found[1]
    assert found[2].startswith("IPv6 is not covered")
    assert tables.lab.found() == found  # auto is the one that holds them


def test_the_chain_typed_by_hand_is_counted_as_it_is(tables: Tables) -> None:
    tables.seed()
    tables.lab.send({"192.0.2.2": 25})
    counts = tables.lab.counters(*tables.words)
    assert (counts["accepted"], counts["rejected"]) == (10, 15)


def test_the_chain_typed_by_hand_stays_when_ours_is_removed_and_is_replaced_when_ours_is_applied(
    tables: Tables,
) -> None:
    tables.seed()
    before = tables.saved()
    assert tables.lab.done("remove") == "nothing of tocsin's is there\n"
    assert tables.saved() == before
    tables.apply()
    assert tables.found() == []
    assert tables.saved().count("-j tftp_protector") == 2  # one in each family


def test_a_chain_of_that_name_that_somebody_else_filled_is_left_alone(one: Tables) -> None:
    one.run("-N", "tftp_protector")
    one.run("-A", "tftp_protector", "-j", "DROP")
    before = one.saved()
    run = one.lab.tocsin("apply", *one.words)
    assert (run.returncode, run.stderr.count("\n"), one.saved()) == (69, 1, before)
    assert f"hint: {one.v4} -E tftp_protector another-name" in run.stderr
    assert one.lab.done("remove", *one.words) == "nothing of tocsin's is there\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "-I INPUT 1 -p udp --dport 69 -j ACCEPT",
            "v4: a rule before the jump to tftp_protector accepts packets first",
        ),
        ("-I INPUT 1 -s 192.0.2.0/24 -j ACCEPT", "v4: a rule before the jump to tftp_protector accepts packets first"),
        (
            "-I INPUT 1 -p udp -m multiport --dports 53,60:70 -j ACCEPT",
            "v4: a rule before the jump to tftp_protector acc",
        ),
        ("-I INPUT 1 -p udp -j DROP", "v4: a rule before the jump to tftp_protector rejects or drops packets first"),
        ("-D INPUT 1", "v4: no rule of INPUT leads to tftp_protector: what it holds is never reached"),
        ("-A INPUT ! -i lo -p udp --dport 69 -j tftp_protector", "v4: 2 rules of INPUT lead to tftp_protector"),
        ("-R INPUT 1 -p udp --dport 69 -j tftp_protector", "v4: the interface lo is not left out"),
        ("-R INPUT 1 ! -i lo -p udp --dport 70 -j tftp_protector", "v4: `! -i lo -p udp -m udp --dport 70"),
        ("-D tftp_protector 2", "v4: the rule tftp: log of the chain tftp_protector is missing"),
        ("-I tftp_protector 1 -j RETURN", "v4: the chain tftp_protector has a rule that is none of ours: `-j RETURN`"),
    ],
)
def test_each_change_by_hand_is_a_finding_that_apply_puts_right(one: Tables, words: str, told: str) -> None:
    one.apply()
    one.run(*words.split())
    (what,) = one.found()
    assert what.startswith(told)
    one.apply()
    assert one.found() == []


@pytest.mark.parametrize(
    "words",
    [
        "-I INPUT 1 -i lo -j ACCEPT",
        "-I INPUT 1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-I INPUT 1 -p tcp --dport 69 -j ACCEPT",
        "-I INPUT 1 -p udp --dport 53 -j ACCEPT",
        "-I INPUT 1 -j LOG",
    ],
)
def test_rules_before_ours_that_leave_our_packets_alone_are_none_of_our_business(one: Tables, words: str) -> None:
    one.apply()
    one.run(*words.split())
    assert one.found() == []


def test_an_accept_in_a_chain_that_is_reached_first_is_found(one: Tables) -> None:
    one.apply()
    one.run("-N", "mine")
    one.run("-A", "mine", "-p", "udp", "-j", "ACCEPT")
    one.run("-I", "INPUT", "1", "-j", "mine")
    assert one.found() == ["v4: a rule before the jump to tftp_protector accepts packets first: `-p udp -j ACCEPT`"]
    one.apply()
    assert "-A mine -p udp -j ACCEPT" in one.saved()


def test_other_numbers_are_a_finding(one: Tables) -> None:
    text = one.lab.done("render", *one.words).split("# v6")[0]
    one.apply()
    other = text.replace("upto 10/min", "upto 20/min").split("# whatever")[0] + "COMMIT\n"
    one.lab.node(f"{one.v4}-restore", "--noflush", stdin=other)
    (what,) = one.found()
    assert what.startswith("v4: the rule tftp: accept: `-m hashlimit --hashlimit-upto 20/min")


def test_v6_forgotten_is_a_finding(one: Tables) -> None:
    one.apply()
    one.lab.node(one.v6, "-F")
    one.lab.node(one.v6, "-X")
    (what,) = one.found()
    assert what.startswith("IPv6 is not covered")


def test_a_prefix_over_29_bytes_is_refused_and_found(one: Tables) -> None:
    one.lab.settle(json.dumps([{"name": "tftp", "prefix": "x" * 29 + " "}]))
    for verb in ("apply", "render"):
        run = one.lab.tocsin(verb, *one.words)
        assert (run.returncode, run.stderr.count("\n")) == (78, 1)
        assert "the prefix has 30 bytes, and iptables cuts it at 29" in run.stderr
    assert one.found()[0].startswith("rule tftp: the prefix has 30 bytes")


def test_a_prefix_of_29_bytes_arrives_whole(tables: Tables, kernel_log: KernelLog) -> None:
    prefix = f"{tables.lab.prefix:x<28} "
    tables.lab.settle(json.dumps([{"name": "tftp", "prefix": prefix}]))
    tables.apply()
    assert tables.found() == []
    tables.lab.send({"192.0.2.2": 11})
    assert kernel_log.lines(f"{prefix}IN=veth0")


def test_the_chain_of_a_rule_that_was_renamed_goes(one: Tables) -> None:
    one.apply()
    one.lab.settle(f'[{{name: boot, prefix: "{one.lab.prefix}"}}]')
    assert any(
        "the chain tftp_protector is tocsin's, and no rule of the settings is behind it" in f for f in one.found()
    )
    one.apply()
    assert "tftp_protector" not in one.saved()
    assert one.found() == []


def test_rules_in_one_variant_are_not_written_into_another_as_well(tables: Tables) -> None:
    tables.apply()
    run = tables.lab.tocsin("apply", "--backend", "nft")
    assert run.returncode == 69
    assert f"hint: tocsin firewall remove --backend {tables.name}" in run.stderr
