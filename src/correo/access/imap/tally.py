"""What went wrong while messages were fetched: told once, when all that could be read has been sent."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from correo.access.imap.items.fetch.row import UnknownCte
from correo.mail.errors import Kind, Refused

log = structlog.get_logger("imap")


@dataclass(slots=True)
class Tally:
    """What the tagged response has to say."""

    missing: bool = False
    unknown_cte: bool = False
    damaged: bool = False

    def count(self, refused: Refused, uid: int) -> None:
        """One message could not be read; that hides no other."""
        if isinstance(refused, UnknownCte):
            self.unknown_cte = True
        elif refused.kind is Kind.NOT_FOUND:
            self.missing = True
        elif refused.kind is Kind.BROKEN:
            self.damaged = True
            log.error("damaged message", uid=uid, detail=refused.detail)
        else:
            raise refused
