"""From the settings' rules to what the firewall guards."""

import pytest

from tocsin.errors import SettingsError
from tocsin.firewall.ruleset import Guard, guards, left
from tocsin.model import Rule

SEEDS = Rule("tftp", ("IPTables-TFTP-Rejected: ",))
UFW = Rule("ufw", ("[UFW BLOCK] ",))


def test_a_single_rule_without_a_port_guards_tftp() -> None:
    assert guards([SEEDS]) == (Guard("tftp", "IPTables-TFTP-Rejected: ", 69, 64),)


def test_the_first_prefix_the_port_and_the_network_length_are_the_rules() -> None:
    rule = Rule("games", ("games: ", "[UFW BLOCK] "), port=27_015, protocol="udp", group_v6=56)
    assert guards([rule]) == (Guard("games", "games: ", 27_015, 56),)


def test_rules_with_ports_of_their_own_are_all_guarded() -> None:
    rules = [Rule("tftp", ("T: ",), port=69), Rule("ntp", ("N: ",), port=123)]
    assert [(one.name, one.port) for one in guards(rules)] == [("tftp", 69), ("ntp", 123)]


def test_rules_of_other_firewalls_are_left_to_them_and_said() -> None:
    rules = [Rule("tftp", ("T: ",), port=69), UFW, Rule("ssh", ("S: ",), port=22, protocol="tcp")]
    assert [one.name for one in guards(rules)] == ["tftp"]
    assert list(left(rules)) == [
        "rule ufw is left to others: it names no port",
        "rule ssh is left to others: its packets are tcp",
    ]


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([SEEDS, UFW], "none of them names a port of udp"),
        ([Rule("one", ("A: ",), port=69), Rule("two", ("B: ",), port=69)], "one and two both guard port 69"),
        ([Rule("tftp", ("tocsin-tftp-full: ",))], "begin alike"),
        ([Rule("tftp", ("tocsin-",))], "begin alike"),
    ],
)
def test_what_no_firewall_can_be_made_of_is_a_wrong_setting(rules: list[Rule], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        guards(rules)
