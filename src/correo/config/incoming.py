"""[smtp] of the tree of options: what those who bring mail may ask for, and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass

from correo.config.values import choice, duration_or_never, flag, networks, option, seconds


@dataclass(frozen=True, slots=True)
class Smtp:
    """[smtp]: what those who bring mail may ask for."""

    hold_max: int = option(
        "30d",
        duration_or_never,
        'how long mail programs may have a message held before it is sent (FUTURERELEASE, RFC 4865); "" = not at all',
    )
    priority_from: tuple[str, ...] = option(
        [],
        networks,
        "servers whose priorities count (MT-PRIORITY, RFC 6710), by address or network; those of people who logged in always do",
    )
    xclient_from: tuple[str, ...] = option(
        [],
        networks,
        "servers in front, by address or network, which may say by XCLIENT for whom they speak, and on submission who has logged in",
    )
    greet_wait: float = option(
        "0s",
        seconds,
        "how long other servers wait for our greeting, to see who does not; mail programs and LMTP never wait",
    )
    strict: bool = option(
        False,
        flag,
        "true hangs up on who speaks before the greeting or sends commands ahead where that is not allowed; false only logs it",
    )
    bare_newlines: str = option(
        "refuse",
        choice("refuse", "mend"),
        "what becomes of a message with a CR or LF alone; mend makes CR LF of it. Neither ever ends a message",
    )
    dsn: bool = option(
        True,
        flag,
        "false lets other servers ask for no notices (DSN, RFC 3461), by which strangers learn whether and when their mail was delivered; "
        "people who logged in still can",
    )
    expn: bool = option(
        False, flag, "true lets people who logged in ask by EXPN to whom an alias leads (RFC 5321 §3.5)"
    )
