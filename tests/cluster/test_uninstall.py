"""After an uninstall nothing is left but the state folder, which the notes name."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.conftest import Eventually
    from tests.cluster.folders import Install

KINDS = "all,configmaps,secrets,serviceaccounts,networkpolicies,persistentvolumeclaims,roles,rolebindings"


@pytest.mark.parametrize("major", [3, 4])
def test_helm_uninstall_leaves_the_state_folder_that_its_notes_name(
    major: int, install: "Install", eventually: "Eventually"
) -> None:
    namespace, folders = install.namespace, install.folders
    before, logs = namespace.kubectl("get", KINDS, "--output=name"), folders.found("node1")
    many = {"networkPolicy": {"enabled": True}, "monitorLog": {"hostPath": f"{folders.log}/mon_logs"}}
    notes = install({**folders.on("node1"), **many}, major=major)
    folders.reject("node1", 3)
    eventually(lambda: install.inbox.mails)
    namespace.helm("uninstall", "tftp-monitor", major=major)
    assert eventually(lambda: namespace.kubectl("get", KINDS, "--output=name") == before)
    stays = set(folders.found("node1")) - set(logs)
    named = [f"{folders.log}/mon_logs", folders.state]
    assert set(named) <= stays
    assert all(path.startswith(tuple(named)) for path in stays)
    assert all(f"  {path} on each node: " in notes.partition("What stays after")[2] for path in named)
