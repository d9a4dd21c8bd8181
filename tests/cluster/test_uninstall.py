"""After an uninstall nothing is left but the state folder, which the notes name."""

from typing import TYPE_CHECKING

import pytest
from tests.cluster.release import NAME, daemonset

if TYPE_CHECKING:
    from tests.cluster.cluster import Eventually
    from tests.cluster.release import Release


@pytest.mark.parametrize("major", [3, 4])
def test_helm_uninstall_leaves_the_state_folder_that_its_notes_name(
    major: int, release: "Release", eventually: "Eventually"
) -> None:
    namespace, folders = release.namespace, release.folders
    before, logs = namespace.left(), folders.found("node1")
    monitor = {"hostPath": f"{folders.logs}/mon_logs"}
    notes = release.install(major=major, **daemonset("node1"), networkPolicy={"enabled": True}, monitorLog=monitor)
    folders.reject("node1", 3)
    eventually(lambda: release.inbox.mails)
    namespace.helm("uninstall", NAME, major=major)
    assert eventually(lambda: namespace.left() == before)
    stays = set(folders.found("node1")) - set(logs)
    named = [f"{folders.logs}/mon_logs", folders.state]
    assert set(named) <= stays
    assert all(path.startswith(tuple(named)) for path in stays)
    assert all(f"  {path} on each node: " in notes.partition("What stays after")[2] for path in named)
