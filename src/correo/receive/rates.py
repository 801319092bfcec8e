"""How much the networks send that submit mail: in memory, since an attacker cannot restart us, and bounded."""

from __future__ import annotations

from collections import OrderedDict

from correo.accounts import SendLimits
from correo.accounts.sending import window
from correo.mail.instant import HOUR
from correo.net.limits import network_of

MOST = 10_000  # networks that are remembered; the one that was quiet for longest is forgotten first


class NetworkRates:
    """Messages and recipients of each IPv4 address and IPv6 /64 in the last hour; this machine is not counted."""

    def __init__(self) -> None:
        self._sent: OrderedDict[str, list[tuple[int, int, int]]] = OrderedDict()  # hour, messages, recipients

    def exceeds(self, address: str, limits: SendLimits, messages: int, recipients: int, now: int) -> bool:
        """Whether so many more would be too many."""
        rows = self._sent.get(network_of(address), [])
        return (
            bool(limits)
            and network_of(address) != ""
            and window(rows, now).exceeds(limits, messages, recipients)
        )

    def count(self, address: str, recipients: int, now: int) -> None:
        """One message."""
        network, this = network_of(address), now // HOUR
        if not network:
            return
        rows = [row for row in self._sent.get(network, ()) if row[0] >= this - 1]
        messages, total = 0, 0
        if rows and rows[-1][0] == this:
            _, messages, total = rows.pop()
        self._sent[network] = [*rows, (this, messages + 1, total + recipients)]
        self._sent.move_to_end(network)
        if len(self._sent) > MOST:
            self._sent.popitem(last=False)

    def __len__(self) -> int:
        return len(self._sent)
