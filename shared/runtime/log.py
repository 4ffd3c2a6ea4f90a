"""Log records in, one line each on stderr out, as JSON or for people; secrets are struck out of every line.

The striking out is done by the formatter, last of all, so that arguments, extra fields, texts of exceptions and their
tracebacks are covered, whoever logged them.
"""

import json
import logging
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import quote

_STRUCK_OUT = "***"
# Libraries that log every request with its address, and so with the token in it.
_CHATTERS = ("httpx", "httpcore", "telegram")
_PATTERNS = (
    r"bot\d+(?::|%3A)[\w-]+",
    r"https?://(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/[^\s\"'<>\\]+",
)
_OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Redactor:
    """Strikes secrets out of texts: the known values, in each spelling they may be logged in, and all that look so."""

    def __init__(self, secrets: Sequence[str]) -> None:
        spellings = {form for secret in secrets if secret for form in _spellings(secret)}
        # Longest first: a secret that begins with another one goes as a whole.
        known = [re.escape(form) for form in sorted(spellings, key=len, reverse=True)]
        self._pattern = re.compile("|".join([*known, *_PATTERNS]), re.IGNORECASE)

    def clean(self, text: str) -> str:
        """`text` without secrets."""
        return self._pattern.sub(_STRUCK_OUT, text)


def _spellings(secret: str) -> set[str]:
    in_json = json.dumps(secret, ensure_ascii=False)[1:-1]
    return {secret, in_json, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe=""), quote(secret)}


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: ``ts``, ``level``, ``logger``, ``event``, the extra fields, ``exception``."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "ts": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "event": _message(record),
        }
        for name, value in _extras(record).items():
            line[f"{name}_" if name in line else name] = value
        if trouble := _trouble(self, record):
            line["exception"] = trouble
        return self._redactor.clean(json.dumps(line, default=str, skipkeys=True, ensure_ascii=False))


class HumanFormatter(logging.Formatter):
    """A record as people read it: time, level, logger, event, ``key=value`` for the extra fields, then a traceback."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it."""
        extras = "".join(f" {name}={value}" for name, value in _extras(record).items())
        head = f"{_time(record):%H:%M:%S} {record.levelname:<7} {record.name}: {_message(record)}{extras}"
        trouble = _trouble(self, record)
        return self._redactor.clean(f"{head}\n{trouble}" if trouble else head)


def configure(level: str, json: bool, secrets: Sequence[str]) -> None:
    """Send all logging of the process to stderr. Calling it again replaces what it did before.

    Args:
        level: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``, for the platform's own loggers.
        json: Lines for machines; otherwise for people.
        secrets: Values that must never be seen.
    """
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(redactor) if json else HumanFormatter(redactor))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _CHATTERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    # When a handler fails, the logging library prints the record as it is to stderr: past every formatter.
    logging.raiseExceptions = False
    sys.excepthook = _log_uncaught


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What would end the process with a bare traceback is logged like everything else."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("shared.runtime").critical("uncaught error", exc_info=(kind, error, trace))


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # a log line with wrong arguments must neither be lost nor end the process
        return f"{record.msg} {record.args}"


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in record.__dict__.items() if name not in _OWN_FIELDS}


def _trouble(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else [record.exc_text or ""]
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(part for part in parts if part)
