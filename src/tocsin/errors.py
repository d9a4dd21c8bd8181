"""The exceptions that leave a module of tocsin, each with the exit status of sysexits.h that it ends a run with.

TocsinError
├── UsageError           64   the command line does not make sense
├── LogError             65   a log is not what it says
│   └── LogMissing       66   a log is not there
├── StateCorrupt         65   the state file is damaged
├── FirewallError        69   the firewall is not as wished, or did not do as told
├── DeliveryError        75   a receiver did not take a notification
├── StateUnwritable      73   the state cannot be made or written
│   └── DiskFull         74   no room for it
├── OutputUnwritable     74   standard output is full or gone
├── StateInUse           75   another process owns the state
├── NotPermitted         77   this user may not
└── SettingsError        78   the settings are wrong
"""


class TocsinError(Exception):
    """What went wrong, in one line; `hint` says what to do about it, if anything is known to help."""

    status = 70

    def __init__(self, text: str, *, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint

    def __str__(self) -> str:
        text = " ".join(str(self.args[0]).split())
        return f"{text}; hint: {self.hint}" if self.hint else text


class UsageError(TocsinError):
    status = 64


class LogError(TocsinError):
    status = 65


class LogMissing(LogError):
    status = 66


class StateCorrupt(TocsinError):
    status = 65


class FirewallError(TocsinError):
    status = 69


class DeliveryError(TocsinError):
    """A receiver did not take it; `permanent` says that trying the same again cannot help."""

    status = 75

    def __init__(self, text: str, *, hint: str = "", permanent: bool = False) -> None:
        super().__init__(text, hint=hint)
        self.permanent = permanent


class StateUnwritable(TocsinError):
    status = 73


class DiskFull(StateUnwritable):
    status = 74


class OutputUnwritable(TocsinError):
    status = 74


class StateInUse(TocsinError):
    status = 75


class NotPermitted(TocsinError):
    status = 77


class SettingsError(TocsinError):
    status = 78
