"""What every test is given: a process that logs as if no other test had been there."""

import logging
import sys

import pytest


@pytest.fixture(autouse=True)
def _logging_as_before():
    """Commands configure the logging of their process; in a test that is everybody's process."""
    root = logging.getLogger()
    level, handlers, hook, raises = root.level, root.handlers[:], sys.excepthook, logging.raiseExceptions
    yield
    for added in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(added)
    for removed in [handler for handler in handlers if handler not in root.handlers]:
        root.addHandler(removed)
    root.setLevel(level)
    sys.excepthook = hook
    logging.raiseExceptions = raises
