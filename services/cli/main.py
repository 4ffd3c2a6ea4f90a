"""The ``tracker`` command: each file beside this one is a command; errors become one line and an exit code.

Exit codes: 0 done, 1 ran and found a problem, 2 bad usage or configuration, 3 an outside system is unavailable.
"""

import difflib
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from shared.errors import ConfigurationError, InvalidInput, TrackerError, Unavailable

_NO_COMMANDS = {"__init__", "main"}
_INTERRUPTED = 130


class CommandFolder(click.Group):
    """A group whose commands are the files beside it, each imported only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, sorted."""
        del ctx
        files = Path(__file__).parent.glob("*.py")
        return sorted(path.stem.replace("_", "-") for path in files if path.stem not in _NO_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"services.cli.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names; a typo is answered with the nearest name."""
        if args and args[0] not in self.list_commands(ctx):
            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            cure = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self.list_commands(ctx))}"
            raise click.UsageError(f"no command {args[0]!r}; {cure}")
        return super().resolve_command(ctx, args)


@click.group(cls=CommandFolder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="crypto-signal-tracker", prog_name="tracker")
def tracker() -> None:
    """Crypto signals you can check: trades in, provably right candles, explained signals out.

    It informs; it never trades. Start with: tracker demo
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        result = tracker.main(args=arguments, prog_name="tracker", standalone_mode=False)
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", _INTERRUPTED)
    except (ConfigurationError, InvalidInput) as error:
        return _fail(str(error), 2)
    except Unavailable as error:
        return _fail(str(error), 3)
    except TrackerError as error:
        return _fail(str(error), 1)
    return result if isinstance(result, int) else 0


def _fail(text: str, code: int) -> int:
    for line in text.splitlines():
        click.echo(f"tracker: {line}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
