"""The few errors of the platform; each name says who must act.

TrackerError
 ├── ConfigurationError   the operator: a setting is wrong; nothing starts until it is mended
 ├── InvalidInput         the user: a file, symbol or option of a command is wrong
 ├── InvalidMessage       nobody at once: the message goes to the dead letters, with the reason
 ├── Unavailable          time: an outside system is away; wait ``retry_after`` and ask again
 ├── Uncertain            the caller: a request was written, no answer came; it may have worked
 ├── Refused              the operator: an outside system understood and said no; asking again is useless
 ├── Conflict             the caller: somebody wrote first; read again, decide again
 └── InvariantViolation   the developer: the platform contradicts itself; the process ends
"""


class TrackerError(Exception):
    """Base of everything the platform raises on purpose. The text is one line that a person can act on."""


class ConfigurationError(TrackerError):
    """A setting is wrong. The text names each faulty value and its cure, one per line."""


class InvalidInput(TrackerError):
    """A file, symbol or option given to a command is wrong. The text names the value and the cure."""


class InvalidMessage(TrackerError):
    """A message cannot be understood: unknown type or version, or a body that breaks its contract."""


class Unavailable(TrackerError):
    """An outside system cannot answer now.

    Args:
        text: What is away, and what the user can do.
        retry_after: Milliseconds the other side asked us to wait, or None.
    """

    def __init__(self, text: str, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Uncertain(TrackerError):
    """A request that is not idempotent was written, but no answer was read: it may or may not have been carried out."""


class Refused(TrackerError):
    """An outside system answered that it will not do this.

    Args:
        text: What was refused, and the cure.
        reason: The refusal in one word, for code: e.g. ``not_found``, ``forbidden``, ``bad_markup``.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class Conflict(TrackerError):
    """A conditional write lost: the stored version is not the expected one."""


class InvariantViolation(TrackerError):
    """The platform contradicts itself. A bug; the process ends rather than go on with corrupt data."""
