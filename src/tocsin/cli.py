"""The command line: one group whose verbs are loaded when they are typed."""

import os
import sys
from importlib import import_module

import click

from tocsin import __version__
from tocsin.commands import output
from tocsin.errors import TocsinError

VERBS = ("check", "watch", "scan", "explain", "preview", "status", "config", "firewall", "demo")


class Verbs(click.Group):
    """Loads `tocsin.commands.VERB` for a verb: the others' imports are not paid for."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"tocsin.commands.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """What was typed; a verb that lasts holds the signals that end it before its imports, which take a while."""
        if args[:1] == ["watch"]:
            from tocsin.commands import ending

            ending.hold()
        return super().resolve_command(ctx, args)


@click.group(
    cls=Verbs,
    context_settings={
        "help_option_names": ["--help"],
        "max_content_width": 100,
        "color": False if os.environ.get("NO_COLOR") else None,  # None: on a terminal only
    },
)
@click.version_option(__version__, prog_name="tocsin")
def tocsin() -> None:
    """Rings once, in time and truthfully, when somebody hammers a service that this machine's firewall guards."""


def main() -> None:
    """Runs the command line and leaves with a status of sysexits.h."""
    output.guard()
    try:
        status = tocsin.main(prog_name="tocsin", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        status = 64
    except click.UsageError as error:
        text = error.message if isinstance(error, click.NoSuchOption) else error.format_message()
        status = _complain(text.rstrip("."), _hint(error), 64)
    except click.Abort:
        status = 130
    except SystemExit:  # click's way to leave where the reader of a pipe has left
        status = 0
    except BrokenPipeError:
        output.silence()
        status = 0
    except TocsinError as error:
        status = _complain(str(error), "", error.status)
    except Exception as error:  # noqa: BLE001 (a bug still ends in one line and in its own status)
        import traceback

        frame = traceback.extract_tb(error.__traceback__)[-1]
        text = f"a bug in tocsin {__version__}: {type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"
        status = _complain(text, "please report it with this line; nothing that was not told is lost", 70)
    sys.exit(status if isinstance(status, int) else 0)


def _hint(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "tocsin"
    if isinstance(error, click.NoSuchOption):
        if path == "tocsin" and error.option_name == "--config":
            return "it stands behind the verb, as in tocsin check --config FILE"
        if error.possibilities:
            return f"did you mean {error.possibilities[0]}?"
    if isinstance(error, click.NoSuchCommand):
        from difflib import get_close_matches

        group = error.ctx.command if error.ctx and isinstance(error.ctx.command, click.Group) else tocsin
        for verb in get_close_matches(error.command_name, group.list_commands(error.ctx or click.Context(group)), 1):
            return f"did you mean {verb}?"
    return f"{path} --help lists what there is"


def _complain(text: str, hint: str, status: int) -> int:
    line = " ".join(text.split())
    click.echo(f"{line}; hint: {hint}" if hint else line, err=True)
    return status


if __name__ == "__main__":
    main()
