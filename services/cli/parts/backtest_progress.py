"""A name and a number of steps in, a progress bar on stderr out; without a terminal only the name."""

import sys
from contextlib import AbstractContextManager
from typing import Any

import click


def progress(label: str, steps: int) -> AbstractContextManager[Any]:
    """A bar to be used as a context, and told of each step by `update`."""
    return click.progressbar(length=steps, label=label, file=sys.stderr)
