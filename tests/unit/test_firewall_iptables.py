"""The ruleset as iptables-restore gets it, and what iptables-save says of it."""

from pathlib import Path

import pytest

from tocsin.errors import SettingsError
from tocsin.firewall import chains, iptables, saved
from tocsin.firewall.ruleset import Guard

GOLDEN = Path(__file__).parent / "firewall"
TFTP = Guard("tftp", "IPTables-TFTP-Rejected: ", 69, 64)
GUARDS = (TFTP, Guard("a-rule-with-quite-a-long-name", "games: ", 27_015, 128))
SEED = """*filter
:INPUT ACCEPT [0:0]
:tftp_protector - [0:0]
[25:700] -A INPUT ! -i lo -p udp -m udp --dport 69 -j tftp_protector
[10:280] -A tftp_protector -p udp -m udp --dport 69 -m limit --limit 10/min --limit-burst 10 -j ACCEPT
[9:252] -A tftp_protector -p udp -m udp --dport 69 -m limit --limit 11/min --limit-burst 10 -j LOG --log-prefix "{}"
[15:420] -A tftp_protector -p udp -m udp --dport 69 -j REJECT --reject-with icmp-port-unreachable
COMMIT
"""


def wished(*, jump: str = "") -> str:
    """The wish as iptables-save prints it."""
    restored = iptables.restore([TFTP], "v4").replace(" --log-level 4", "").replace("-I INPUT 1", jump or "-A INPUT")
    return restored.replace("*filter\n", "*filter\n:INPUT ACCEPT [0:0]\n")


def found(text: str) -> list[str]:
    return [finding.what for finding in chains.findings(TFTP, "v4", saved.parse(text))]


def test_the_text_is_the_golden_one() -> None:
    assert iptables.text(GUARDS) == (GOLDEN / "iptables.txt").read_text()


def test_each_family_is_a_block_of_its_own_and_v4_comes_first() -> None:
    lines = iptables.text(GUARDS).splitlines()
    assert [line for line in lines if line in {"*filter", "COMMIT"}] == ["*filter", "COMMIT"] * 2
    assert lines.index("# v4: iptables-restore --noflush") < lines.index("# v6: ip6tables-restore --noflush")


def test_a_chains_name_fits_and_long_names_stay_apart() -> None:
    names = {iptables.chain(Guard(f"a-rule-with-quite-a-long-name-{n}", "x", 69, 64)) for n in range(9)}
    assert (len(names), max(map(len, names))) == (9, 28)


@pytest.mark.parametrize(("length", "fits"), [(29, True), (30, False)])
def test_a_prefix_that_iptables_would_cut_is_refused(length: int, fits: bool) -> None:  # noqa: FBT001 (a table of tests)
    guard = Guard("tftp", "x" * length, 69, 64)
    assert (iptables.too_long(guard) == "") == fits
    if not fits:
        with pytest.raises(SettingsError, match="the prefix has 30 bytes"):
            iptables.refuse([guard])


def test_prefixes_that_fit_are_not_refused() -> None:
    iptables.refuse(GUARDS)


def test_the_wish_as_it_is_saved_is_as_wished() -> None:
    assert found(wished()) == []


def test_spelling_defaults_and_counts_mean_nothing() -> None:
    words = [
        "-p",
        "17",
        "-m",
        "udp",
        "--limit",
        "10/minute",
        "--limit-burst",
        "5",
        "-j",
        "LOG",
        "--log-level",
        "warning",
    ]
    assert saved.options(words) == {"-p": "udp", "--limit": "10/min", "-j": "LOG"}


def test_a_prefix_may_look_like_an_option() -> None:
    words = ["-j", "LOG", "--log-prefix", "-j DROP ", "!", "--dport", "69"]
    assert saved.options(words) == {"-j": "LOG", "--log-prefix": "-j DROP ", "--dport": "!69"}


def test_a_rule_of_others_with_quotes_of_its_own_breaks_nothing() -> None:
    assert found(wished(jump='-A INPUT -m string --string "it -j LOG\n-A INPUT')) == []


def test_only_the_table_filter_counts() -> None:
    text = "*nat\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n" + wished()
    assert found(text) == []
    assert saved.parse("*nat\n:INPUT ACCEPT [0:0]\nCOMMIT\n") == saved.Filter()
    assert saved.rules(text) == 5


def test_the_commands_typed_by_hand_are_recognised_with_what_they_hide() -> None:
    first, second = found(SEED.format("IPTables-TFTP-Rejected: "))
    assert "works, with one limit for everybody (10/min, burst 10)" in first
    assert "logs a sample only (11/min, burst 10, of all sources together)" in second


def test_a_prefix_typed_by_hand_that_no_rule_looks_for_is_found() -> None:
    *_, last = found(SEED.format("Other: "))
    assert last.endswith("logs with 'Other: ' where the rule tftp looks for 'IPTables-TFTP-Rejected: '")


def test_rules_in_another_order_are_found() -> None:
    lines = wished().splitlines()
    reject = next(line for line in lines if "-j REJECT" in line)
    lines.remove(reject)
    lines.insert(3, reject)
    assert found("\n".join(lines)) == [
        "v4: the rules of the chain tftp_protector stand in another order than they should"
    ]


def test_a_rule_that_is_there_twice_is_found() -> None:
    reject = next(line for line in wished().splitlines() if "-j REJECT" in line)
    text = wished().replace(reject, f"{reject}\n{reject}")
    assert found(text) == ["v4: the chain tftp_protector has a rule of ours more than once"]


def test_another_prefix_is_said_first() -> None:
    (what,) = found(wished().replace("IPTables-TFTP-Rejected: ", "IPTables-TFTP-Reject"))
    assert what.startswith(
        "v4: the rule tftp: log: the prefix is 'IPTables-TFTP-Reject' where 'IPTables-TFTP-Rejected: "
    )


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        ("-j ACCEPT", True),
        ("-p udp -j ACCEPT", True),
        ("-p all -m udp --dport 60:70 -j ACCEPT", True),
        ("-p udp -m multiport ! --dports 53 -j ACCEPT", True),
        ("-s 192.0.2.0/24 -j ACCEPT", True),
        ("-m state --state NEW -j ACCEPT", True),
        ("-m conntrack ! --ctstate INVALID -j ACCEPT", True),
        ("-i eth0 -j ACCEPT", True),
        ("-j DROP", True),
        ("-s 192.0.2.0/24 -j DROP", False),
        ("-p tcp -j ACCEPT", False),
        ("-i lo -j ACCEPT", False),
        ("-p udp -m udp --dport 53 -j ACCEPT", False),
        ("-p udp -m udp --dport 70: -j ACCEPT", False),
        ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", False),
        ("-m conntrack ! --ctstate NEW -j ACCEPT", False),
        ("-m mark --mark 0x200/0xf00 -j ACCEPT", False),
        ("-j LOG", False),
        ("-j nowhere", False),
        ("-j mine", True),
        ("-g mine", True),
        ("-p tcp -j mine", False),
        ("-j back", False),
        ("-j round", False),
    ],
)
def test_a_rule_before_ours_is_found_if_it_decides_about_our_packets(rule: str, ends: bool) -> None:  # noqa: FBT001 (a table of tests)
    others = "-A mine -p udp -j ACCEPT\n-A back -j RETURN\n-A back -j ACCEPT\n-A round -j round\n"
    text = wished(jump=f"{others}-A INPUT {rule}\n-A INPUT")
    assert bool(found(text)) == ends


JUMP = '! -i lo -p udp -m udp --dport 69 -m comment --comment "tocsin: tftp: jump" -j tftp_protector'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (f"-A INPUT {JUMP}\n", "", "v4: no rule of INPUT leads to tftp_protector: what it holds is never reached"),
        (f"-A INPUT {JUMP}", f"-A INPUT {JUMP}\n-A INPUT {JUMP}", "v4: 2 rules of INPUT lead to tftp_protector: each"),
        (
            "-A INPUT ! -i lo ",
            "-A INPUT ",
            "v4: the interface lo is not left out: the machine's own packets are limited",
        ),
        ("-A INPUT ! -i lo ", "-A INPUT ! -i eth0 ", "v4: `! -i eth0 -p udp -m udp --dport 69"),
        ("-A INPUT !", "-A INPUT -j DROP\n-A INPUT !", "v4: a rule before the jump to tftp_protector rejects or drops"),
        ("10/min", "20/min", "v4: the rule tftp: accept: `-m hashlimit --hashlimit-upto 20/min"),
        (
            "-A tftp_protector",
            "-A tftp_protector -j RETURN\n-A tftp_protector",
            "v4: the chain tftp_protector has a rule th",
        ),
        (
            'comment "tocsin: tftp: log"',
            'comment "mine"',
            "v4: the rule tftp: log of the chain tftp_protector is missing",
        ),
    ],
)
def test_each_difference_is_a_finding(old: str, new: str, told: str) -> None:
    assert found(wished().replace(old, new, 1))[0].startswith(told)


def test_a_chain_that_is_missing_is_said_for_each_family() -> None:
    both = [one.what for family in iptables.FAMILIES for one in chains.findings(TFTP, family, saved.Filter())]
    assert both[0] == "v4: the chain tftp_protector is missing: nothing is limited, rejected or logged"
    assert both[1].startswith("IPv6 is not covered: ip6tables has no chain tftp_protector")


def test_a_chain_of_ours_that_no_rule_is_behind_is_found() -> None:
    table = saved.parse(wished().replace(":tftp_protector -", ":mine - [0:0]\n:tftp_protector -"))
    (finding,) = chains.old([Guard("boot", "B: ", 69, 64)], "v4", table)
    assert finding.what == "v4: the chain tftp_protector is tocsin's, and no rule of the settings is behind it"
    assert list(chains.old([TFTP], "v4", table)) == []
