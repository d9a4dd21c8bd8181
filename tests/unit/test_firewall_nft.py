"""The ruleset as nft gets it: golden files, taken by the real nft in tests/system."""

import json
from pathlib import Path

import pytest

from tocsin.firewall import nft
from tocsin.firewall.ruleset import Guard

GOLDEN = Path(__file__).parent / "firewall"
TFTP = Guard("tftp", "IPTables-TFTP-Rejected: ", 69, 64)
GUARDS = (TFTP, Guard("0-games", "games: ", 27_015, 128))


def test_the_batch_is_the_golden_one() -> None:
    assert nft.batch(GUARDS) == json.loads((GOLDEN / "nft.json").read_text())


def test_the_text_is_the_golden_one() -> None:
    assert nft.text(GUARDS) == (GOLDEN / "nft.txt").read_text()


def test_the_table_is_made_deleted_and_made_in_one_batch_so_that_it_is_replaced_at_once() -> None:
    first = [next(iter(command)) for command in nft.batch([TFTP])["nftables"][:4]]
    assert first == ["metainfo", "add", "delete", "add"]


def test_the_removal_makes_sure_that_there_is_something_to_remove() -> None:
    assert [next(iter(command)) for command in nft.removal()["nftables"]] == ["metainfo", "add", "delete"]


def test_every_line_of_the_text_that_does_something_has_its_reason_before_it() -> None:
    lines = [line.strip() for line in nft.text([TFTP]).splitlines()]
    rules = [index for index, line in enumerate(lines) if 'comment "tocsin' in line]
    assert len(rules) == 11
    assert all(lines[index - 1].startswith("# ") for index in rules)


@pytest.mark.parametrize(("length", "mask"), [(64, "ffff:ffff:ffff:ffff::"), (56, "ffff:ffff:ffff:ff00::")])
def test_v6_sources_share_a_limit_by_the_networks_of_the_rule(length: int, mask: str) -> None:
    assert f"update @ok6-x {{ ip6 saddr & {mask} limit" in nft.text([Guard("x", "X: ", 69, length)])


def test_v6_sources_have_limits_of_their_own_where_the_network_is_one_address() -> None:
    assert "update @ok6-x { ip6 saddr limit" in nft.text([Guard("x", "X: ", 69, 128)])


def test_a_statement_of_nobody_we_know_is_shown_as_json() -> None:
    assert nft.words([{"drop": None}, {"limit": 3}]) == '{"drop": null} {"limit": 3}'
