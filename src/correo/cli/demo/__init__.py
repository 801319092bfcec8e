"""`correo demo`: the whole journey of mail on this machine, each step as it happens.

`stage` builds the small world (two servers, a DNS), `dialog` speaks the protocols and prints them, `story` is what happens,
`ending` counts. Exit 0 only if every recipient is accounted for and every step came out as told.
"""

from __future__ import annotations

import asyncio

import click

from correo.cli.terminal import EX_SOFTWARE, Failure, State, json_option


@click.command()
@click.option(
    "--keep", is_flag=True, help="leave the server running at the end and print how to connect a mail program"
)
@click.option("--quiet", is_flag=True, help="no protocol lines, only the steps and the closing table")
@json_option
@click.pass_obj
def command(state: State, keep: bool, quiet: bool) -> None:
    """Show the whole journey of mail on this machine, in half a minute.

    Two mail servers, a name server and four people on loopback addresses; nothing outside is touched, and nothing is left
    behind. Needs no configuration.
    """
    from correo.cli.demo.story import Broken, tell

    try:
        asyncio.run(tell(keep=keep, quiet=quiet, as_json=state.as_json))
    except Broken as broken:
        raise Failure(f"the demo did not come out as it should: {broken}", EX_SOFTWARE) from None
    except OSError as wrong:
        raise Failure(f"the demo needs free ports on 127.0.0.1 and 127.0.0.2: {wrong}", EX_SOFTWARE) from None
