"""tocsin firewall in a network namespace of its own, by a user of its own: no packet, no root, nothing outside."""

import json
import shutil
import subprocess

import pytest
from tests.integration.machine import Machine

APART = ("unshare", "--user", "--map-root-user", "--net", "--mount")
BACKENDS = ("nft", "iptables")
ELEMENTS = "192.0.2.7 counter packets 3 bytes 1, 192.0.2.8 counter packets 70 bytes 1"
ELEMENTS6 = "2001:db8:0:7:: counter packets 5 bytes 1"


@pytest.fixture
def apart(machine: Machine) -> Machine:
    """A machine that may make namespaces, with nft and iptables."""
    tried = subprocess.run([*APART, "true"], capture_output=True, check=False)
    if tried.returncode or not all(shutil.which(each, path="/usr/sbin:/sbin") for each in ("nft", "iptables-nft")):
        pytest.skip("needs nft, iptables and network namespaces")
    machine.settle(rules='[{name: tftp, prefix: "T: "}]')
    return machine


def run(machine: Machine, script: str) -> "subprocess.CompletedProcess[str]":
    """A script in which `firewall` is the verb, and /usr/sbin is on the path."""
    verb = " ".join(machine.command("firewall"))
    whole = f'PATH=$PATH:/usr/sbin:/sbin\nfirewall() {{ {verb} "$@"; }}\n{script}'
    return subprocess.run(
        [*APART, "sh", "-c", whole], env=machine.variables(), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_applied_checked_applied_again_and_removed(apart: Machine, backend: str) -> None:
    words = ("apply", "check", "apply", "counters", "remove", "remove", "check")
    done = run(apart, "\n".join(f"firewall {word} --backend {backend}; echo $?" for word in words))
    out = done.stdout.splitlines()
    assert out[:6] == [
        f"{backend}: applied", "0", f"{backend}: as wished", "0", f"{backend}: as wished already, nothing done", "0",
    ]  # fmt: skip
    assert [line for line in out if "remove" in line or "nothing of" in line] == [
        f"{backend}: removed",
        "nothing of tocsin's is there",
    ]
    assert out[-1] == "69"
    assert "  fix: tocsin firewall apply" in out


@pytest.mark.parametrize("backend", BACKENDS)
def test_removed_the_rules_are_as_they_were(apart: Machine, backend: str) -> None:
    script = f"nft add table ip mine; nft list ruleset; firewall apply --backend {backend} >&2; firewall remove >&2"
    done = run(apart, f"{script}; echo --; nft list ruleset")
    before, _, after = done.stdout.partition("--\n")
    assert before == after
    assert "applied" in done.stderr


def test_counts_by_source_are_those_of_the_kernel(apart: Machine) -> None:
    add = "nft add element inet tocsin"
    script = f"""firewall apply --backend nft >/dev/null
{add} rejected4-tftp '{{ {ELEMENTS} }}' && {add} rejected6-tftp '{{ {ELEMENTS6} }}'
firewall counters --json --write {apart.folder}/counts && firewall counters"""
    plain, *table = run(apart, script).stdout.splitlines()
    assert json.loads(plain)["sources"] == [
        {"rule": "tftp", "src": "192.0.2.8", "rejected": 70},
        {"rule": "tftp", "src": "2001:db8:0:7::/64", "rejected": 5},
        {"rule": "tftp", "src": "192.0.2.7", "rejected": 3},
    ]
    assert [line.split()[:2] for line in table[2:]] == [
        ["70", "192.0.2.8"],
        ["5", "2001:db8:0:7::/64"],
        ["3", "192.0.2.7"],
    ]
    assert json.loads((apart.folder / "counts").read_text())["exact"]


def test_many_sources_are_summed_up_for_people(apart: Machine) -> None:
    elements = ", ".join(f"192.0.2.{number} counter packets 1 bytes 1" for number in range(1, 61))
    add = f"nft add element inet tocsin rejected4-tftp '{{ {elements} }}'"
    assert (
        run(apart, f"firewall apply --backend nft; {add}; firewall counters").stdout.splitlines()[-1]
        == "       10  of 10 other sources"
    )


def test_iptables_says_that_it_counts_no_sources(apart: Machine) -> None:
    done = run(apart, "firewall apply --backend iptables; firewall counters; firewall counters --json")
    *_, why, plain = done.stdout.splitlines()
    assert why == "not exact by source: iptables counts no sources; the totals are true"
    assert json.loads(plain)["exact"] is False


def test_counters_without_rules_are_69(apart: Machine) -> None:
    done = run(apart, "firewall counters --backend iptables; echo $?; firewall counters --backend nft")
    assert (done.stdout, done.stderr.count("hint: tocsin firewall apply")) == ("69\n", 2)


def test_check_is_json_for_programs(apart: Machine) -> None:
    said = json.loads(run(apart, "firewall check --json --backend nft").stdout)
    assert said == {
        "ok": False,
        "backend": "nft",
        "findings": [
            {
                "what": "the table inet tocsin is missing: nothing is limited, rejected or logged",
                "fix": "tocsin firewall apply",
            }
        ],
    }


def test_what_somebody_wrote_into_a_rule_does_nothing_to_a_terminal(apart: Machine) -> None:
    rule = {"family": "inet", "table": "tocsin", "chain": "guard-tftp", "expr": [{"log": {"prefix": "\x1b[2J\u202e"}}]}
    batch = json.dumps({"nftables": [{"add": {"rule": rule}}]})
    done = run(apart, f"firewall apply --backend nft; echo '{batch}' | nft -j -f - && firewall check --backend nft")
    assert 'none of ours: log prefix "\\x1b[2J\\x202e"' in done.stdout


def test_the_chain_typed_by_hand_is_what_auto_looks_at(apart: Machine) -> None:
    script = "iptables-nft -N tftp_protector\n" + "\n".join(
        f"iptables-nft -A tftp_protector {rule}"
        for rule in ("-m limit --limit 10/min -j ACCEPT", "-m limit --limit 11/min -j LOG", "-j REJECT")
    )
    done = run(apart, f"{script}\nfirewall check\nfirewall apply --backend nft\nfirewall apply\nfirewall check")
    assert "iptables: v4: the chain typed by hand, tftp_protector, works" in done.stdout
    assert "tocsin firewall apply --backend iptables replaces it" in done.stderr
    assert done.stdout.endswith("iptables: applied\niptables: as wished\n")


def test_a_chain_that_somebody_else_filled_is_left_alone(apart: Machine) -> None:
    script = "iptables-nft -N tftp_protector && iptables-nft -A tftp_protector -j DROP && firewall apply"
    done = run(apart, script)
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.startswith(
        "v4: the chain tftp_protector is there and is none of ours; hint: iptables-nft -E tft"
    )


def test_ours_in_one_back_end_is_not_doubled_in_another(apart: Machine) -> None:
    done = run(apart, "firewall apply --backend nft; firewall apply --backend iptables; echo $?")
    assert done.stdout == "nft: applied\n69\n"
    assert "hint: tocsin firewall remove --backend nft" in done.stderr


def test_a_rule_that_only_iptables_cannot_log_is_found_and_refused(apart: Machine) -> None:
    apart.settle(rules=f'[{{name: tftp, prefix: "{"x" * 30}"}}]')
    script = "firewall check --backend iptables; echo $?; firewall apply --backend iptables; echo $?"
    out = run(apart, script).stdout.splitlines()
    assert out[0].startswith("iptables: rule tftp: the prefix has 30 bytes")
    assert (out[-2], out[-1]) == ("69", "78")


def test_a_chain_that_was_emptied_by_hand_is_removed_all_the_same(apart: Machine) -> None:
    done = run(
        apart, "firewall apply --backend iptables; iptables-nft -F tftp_protector; firewall remove; nft list ruleset"
    )
    assert done.stdout == "iptables: applied\niptables: removed\n"


def test_a_kernel_that_refuses_is_69_in_one_line(apart: Machine) -> None:
    script = 'printf "#!/bin/sh\\nif [ \\$2 = list ]; then echo {}; else echo no such module >&2; exit 1; fi" >$D/nft'
    apart.environment["D"] = str(apart.folder)
    done = run(apart, f"{script}; chmod 755 $D/nft; PATH=$D:$PATH; firewall apply --backend nft")
    assert (done.returncode, done.stderr) == (69, "nft: no such module\n")


def test_an_nft_that_lists_no_json_is_said(apart: Machine) -> None:
    apart.environment["D"] = str(apart.folder)
    done = run(
        apart, 'printf "#!/bin/sh\\necho table" >$D/nft; chmod 755 $D/nft; PATH=$D:$PATH; firewall check --backend nft'
    )
    assert (done.returncode, done.stderr) == (69, "nft: lists what is no JSON; hint: nft needs to be built with JSON\n")


def test_a_program_that_does_not_start_is_said(apart: Machine) -> None:
    apart.environment["D"] = str(apart.folder)
    done = run(apart, 'printf "#!/no/shell" >$D/nft; chmod 755 $D/nft; PATH=$D:$PATH; firewall check --backend nft')
    assert (done.returncode, done.stderr.count("\n")) == (69, 1)
    assert "nft cannot be started: No such file or directory" in done.stderr


@pytest.mark.parametrize("backend", ["nft", "iptables", "iptables-legacy"])
def test_render_needs_no_right(machine: Machine, backend: str) -> None:
    done = machine.run("firewall", "render", "--backend", backend)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"IPTables-TFTP-Rejected: "' in done.stdout
    assert json.loads(machine.run("firewall", "render", "--json", "--backend", backend).stdout)


def test_where_nothing_may_be_seen_auto_renders_for_nft_and_says_so(machine: Machine, root: None) -> None:
    del root
    done = machine.run("firewall", "render", **machine.stranger())
    assert done.returncode == 0
    assert done.stdout.startswith("# a table of our own")
    assert done.stderr.startswith("auto is nft here: ")
