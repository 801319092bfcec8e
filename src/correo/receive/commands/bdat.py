"""BDAT size [LAST] (RFC 3030 §2): a piece of the message itself, of so many octets. The core frames it; the session counts."""

from __future__ import annotations

from correo.receive.commands.row import Command
from correo.receive.conversation import Conversation, Stage
from correo.wire.smtp.answer import Reply, reply
from correo.wire.smtp.server import BeginChunk

STAGES = frozenset({Stage.RECIPIENTS, Stage.CHUNKS})


def begin(talk: Conversation, chunk: BeginChunk) -> Reply | None:
    """What is answered once the octets are here, which nobody can stop; None: they are wanted."""
    if talk.stage not in STAGES:
        return reply(503, "5.5.1", f"BDAT is out of order: {talk.stage.value}")
    talk.open.chunked = True
    return None


async def run(talk: Conversation, argument: str) -> Reply:
    """Only what has no size comes here: where the next command begins is then anybody's guess."""
    return reply(421, "4.5.4", "The form is BDAT size [LAST]")


ROW = Command(
    "BDAT",
    frozenset(Stage),
    str,
    run,
    help="BDAT size [LAST]: send a piece of the message",
    rfc=3030,
    keywords=lambda talk: ["CHUNKING", "BINARYMIME"],
)
