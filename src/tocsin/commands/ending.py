"""The signals that end a run that lasts: they wait until somebody asks for them."""

import signal

_ENDING = (signal.SIGTERM, signal.SIGINT)


def hold() -> None:
    """From now on none gets lost. A container's first process would not even hear one that it has no answer for yet."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)


def came(seconds: float) -> bool:
    """Waits so long for one."""
    return signal.sigtimedwait(_ENDING, seconds) is not None
