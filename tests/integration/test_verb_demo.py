"""demo as a process."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.integration.machine import Machine


def test_demo_shows_a_mail_whatever_this_machine_is_set_to(machine: "Machine") -> None:
    (machine.folder / "tocsin.yaml").write_text("- wrong")
    machine.environment = {"REMOTE_SMTP_IP": "nonsense", "TMPDIR": str(machine.folder)}
    before = sorted(machine.folder.iterdir())
    run = machine.run("demo")
    assert (run.returncode, run.stderr) == (0, "")
    assert "sent: first to admin@example.org" in run.stdout
    assert "at least 12 packets" in run.stdout
    assert sorted(machine.folder.iterdir()) == before
