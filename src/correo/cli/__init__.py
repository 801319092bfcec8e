"""The command line: one file per command, loaded when it is asked for.

Every command takes `--json`; exit codes are those of sysexits(3). Errors say what to do next. Commands that change accounts or
the queue work on the database directly, whether the server is running or not; it notices within a second.
"""

from __future__ import annotations

import importlib
import sys
from keyword import iskeyword
from typing import Any

import click

from correo import __version__
from correo.cli.terminal import Failure, State

# name -> what it is for; `module_of` it holds `command`. `help` shows them in this order.
COMMANDS = {
    "demo": "show the whole journey of mail on this machine, in half a minute",
    "init": "write a configuration for a domain, with keys and a first account",
    "serve": "run the server",
    "check": "say what is wrong with configuration, certificate, DNS and ports",
    "domain": "the domains whose mail is delivered here",
    "account": "the people who have a mailbox here",
    "alias": "addresses that lead to others",
    "share": "who else may use a mailbox",
    "import": "bring the mail of another server into an account",
    "export": "write the mail of an account as other programs keep it",
    "queue": "mail that waits for other servers",
    "sendmail": "hand over a message as programs do: stands in for /usr/sbin/sendmail and mailq",
    "index": "what makes searches fast: how far it is, and how to make it anew",
    "trace": "the journey of a message",
    "watch": "what clients and servers say to each other, as they say it",
    "tls": "how mail to other servers was protected, and what failed",
    "ledger": "every recipient ever accepted, and what became of him",
    "backup": "a consistent copy of everything, while the server runs",
    "restore": "bring a backup back into an empty place, and check it",
    "test-server": "a mail server for tests of other software",
}


def module_of(name: str) -> str:
    """Named as the command, as far as Python lets it."""
    return f"{name}_" if iskeyword(name) else name.replace("-", "_")


class Commands(click.Group):
    """Imports a command's module only when it is run or its help is shown."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"correo.cli.{module_of(cmd_name)}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    metavar="FILE",
    envvar="CORREO_CONFIG",
    help="configuration file [default: /etc/correo/correo.toml]",
)
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
@click.version_option(__version__, prog_name="correo")
@click.pass_context
def correo(ctx: click.Context, config: str | None, as_json: bool) -> None:
    """Correo, a complete mail server: SMTP, queue, POP3 and IMAP in one program.

    Begin with `correo demo`; then `correo init DOMAIN` writes a configuration for a server of your own.
    """
    ctx.obj = State(config, as_json)


def main(arguments: list[str] | None = None) -> None:
    """The `correo` command."""
    try:
        result: Any = correo.main(args=arguments, standalone_mode=False)
    except click.exceptions.Abort:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(64 if isinstance(wrong, click.UsageError) else wrong.exit_code)
    except Failure as failure:
        failure.show(as_json="--json" in (sys.argv[1:] if arguments is None else arguments))
        sys.exit(failure.code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone: nothing to say, and nobody to say it to
        sys.exit(74)
    sys.exit(result if isinstance(result, int) else 0)
