"""What enhanced status codes mean, in words for somebody who has never heard of them (RFC 3463)."""

from __future__ import annotations

from correo.mail.status import Status

_NO_SUCH_ADDRESS = "There is no such address. Perhaps it is misspelled, or it has been given up."
_NO_SUCH_DOMAIN = "The part after the @ is not the name of a place that takes mail. Perhaps it is misspelled."
_SENDER = "The other server does not accept the address that this message comes from."
_TOO_LARGE = "The message is too large for the other server."
_NOT_REACHED = "The other server could not be reached."
_POLICY = (
    "The other server refuses this message: by its rules, or because it takes it for unwanted mail. "
    "Its answer may say more."
)
_CHARACTERS = "An address or the message contains letters that the other server cannot handle."

# Subject and detail, without the class; then the subject alone.
_MEANINGS = {
    "1.0": "There is something wrong with the address.",
    "1.1": _NO_SUCH_ADDRESS,
    "1.2": _NO_SUCH_DOMAIN,
    "1.3": "The address is written in a way that the other server does not understand.",
    "1.6": "The address has moved and left no new one.",
    "1.7": _SENDER,
    "1.8": _SENDER,
    "1.10": "This domain declares that it takes no mail at all. Perhaps it is misspelled.",
    "2.0": "There is something wrong with the mailbox.",
    "2.1": "The mailbox is disabled and takes no mail.",
    "2.2": "The mailbox is full. The recipient has to make room before it takes more.",
    "2.3": _TOO_LARGE,
    "3.1": "The other server is out of space.",
    "3.2": "The other server takes no mail at present.",
    "3.4": _TOO_LARGE,
    "4.1": _NOT_REACHED,
    "4.2": "The connection to the other server broke off.",
    "4.3": "It could not be found out where mail for this address goes.",
    "4.4": "There is no server that takes mail for this address. Perhaps the part after the @ is misspelled.",
    "4.6": "Mail for this address goes round in a circle. Those who run the mail servers have to correct that.",
    "4.7": "It took too long to deliver the message.",
    "5.3": "There were too many recipients.",
    "6.7": _CHARACTERS,
    "6.8": _CHARACTERS,
    "7.8": "This server could not log in to the one that passes its mail on. Those who run it have to correct that.",
    "1": "There is something wrong with the address.",
    "2": "There is something wrong with the mailbox.",
    "3": "The other server has a problem.",
    "4": _NOT_REACHED,
    "5": "This server and the other one did not understand each other.",
    "6": "The other server cannot handle what the message contains.",
    "7": _POLICY,
}
_REFUSED = "The other server refuses this message."
_NOT_NOW = "The other server did not take the message when it was tried."
_TOO_LONG = "It was tried again and again, for as long as messages are kept here."


def reason(status: Status, *, gave_up: bool) -> str:
    """One to three sentences. `gave_up`: a temporary status means that the time is up."""
    _, _, detail = status.enhanced.partition(".")
    words = _MEANINGS.get(detail) or _MEANINGS.get(detail.partition(".")[0])
    words = words or (_REFUSED if status.permanent else _NOT_NOW)
    return f"{words} {_TOO_LONG}" if gave_up and status.temporary else words
