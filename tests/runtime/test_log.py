import io
import json
import logging
import sys

import httpx
import pytest

from shared.runtime import log

SECRET = 'pl"anted/sécret'
TOKEN = "bot987:planted-part_of-token"
_HOOK = "webhooks/1/planted-hook"  # apart, so that the address does not look like a real one to who scans this file
WEBHOOK = f"https://discord.com/api/{_HOOK}"


class Stubborn:
    def __repr__(self):
        return f"<{SECRET}>"


@pytest.fixture
def lines(monkeypatch):
    """Configured logging, written to memory, and everything put back afterwards."""
    root, names = logging.getLogger(), ("httpx", "httpcore", "telegram")
    before = (root.handlers[:], root.level, [logging.getLogger(name).level for name in names], logging.raiseExceptions)
    stream = io.StringIO()

    def start(json_lines):
        # Within the test: pytest changes sys.stderr between the set-up and the test itself.
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        log.configure("DEBUG", json_lines, [SECRET, ""])
        return stream

    yield start
    root.handlers[:], root.level, logging.raiseExceptions = before[0], before[1], before[3]
    for name, level in zip(names, before[2], strict=True):
        logging.getLogger(name).setLevel(level)


def log_the_secret_everywhere():
    logger = logging.getLogger("planted")
    logger.info("message %s", SECRET)
    logger.info("in the message: " + SECRET)  # noqa: G003  # a careless line is what is shown here
    logger.info("https://x/%s/sendMessage and %s", TOKEN, WEBHOOK)
    logger.info("extra", extra={"url": f"http://x/{TOKEN}", "deep": {"key": [SECRET]}, "thing": Stubborn()})
    logger.info("escaped", extra={"url": httpx.URL("http://x/", params={"key": SECRET})})
    logger.info("wrong arguments %d %d", SECRET)  # noqa: PLE1206  # the mistake is what is shown here
    logging.getLogger("httpx").setLevel(logging.INFO)
    logging.getLogger("httpx").info('HTTP Request: POST http://x/%s/getMe "HTTP/1.1 200 OK"', TOKEN)
    try:
        try:
            raise ValueError(SECRET)  # noqa: TRY301  # a chain of two exceptions is wanted
        except ValueError as error:
            raise RuntimeError(f"POST http://x/{TOKEN}/sendMessage") from error
    except RuntimeError:
        logger.exception("failed", stack_info=True)
        sys.excepthook(*sys.exc_info())


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_planted_secret_is_nowhere_in_the_log(lines, json_lines):
    stream = lines(json_lines)
    log_the_secret_everywhere()
    written = stream.getvalue()
    for trace in ("planted-part", "planted-hook", 'pl"anted', 'pl\\"anted', "pl%22anted", "sécret", "s\\u00e9cret"):
        assert trace not in written
    assert written.count("***") >= 12
    assert "RuntimeError" in written


def test_a_json_line_has_time_level_logger_event_and_the_extra_fields(lines):
    stream = lines(True)
    logging.getLogger("a.b").warning("feed %s", "lost", extra={"symbol": "BTCUSDT", "event": "clash", "price": 1.5})
    line = json.loads(stream.getvalue())
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "WARNING", "logger": "a.b", "event": "feed lost", "symbol": "BTCUSDT", "event_": "clash", "price": 1.5,
    }  # fmt: skip


def test_each_record_is_one_json_line_even_with_a_traceback(lines):
    stream = lines(True)
    log_the_secret_everywhere()
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert len(events) == 9
    assert events[-1] == "uncaught error"


def test_a_line_for_people_shows_the_extra_fields_behind_the_event(lines):
    stream = lines(False)
    logging.getLogger("a.b").info("packs published", extra={"count": 3})
    assert stream.getvalue()[8:] == " INFO    a.b: packs published count=3\n"


def test_libraries_that_log_addresses_are_silent(lines):
    stream = lines(True)
    for name in ("httpx", "httpcore", "telegram", "telegram.Bot"):
        logging.getLogger(name).info("POST https://api.telegram.org/")
    assert stream.getvalue() == ""


def test_configuring_again_replaces_what_was_there(lines):
    lines(True)
    stream = lines(True)
    logging.getLogger("a").info("once")
    assert len(stream.getvalue().splitlines()) == 1
