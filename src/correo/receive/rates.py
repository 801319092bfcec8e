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

    def reserve(self, address: str, limits: SendLimits, recipients: int, now: int) -> bool:
        """Count one message, before it is taken, since others may come meanwhile; False, and nothing is done, where it is too much."""
        if self.exceeds(address, limits, 1, recipients, now):
            return False
        self.count(address, 1, recipients, now)
        return True

    def give_back(self, address: str, recipients: int, now: int) -> None:
        """The message that was counted at `now` was not taken."""
        self.count(address, -1, -recipients, now)

    def count(self, address: str, messages: int, recipients: int, now: int) -> None:
        """So many more, or fewer; of others who count for the same networks, too."""
        network, this = network_of(address), now // HOUR
        if not network:
            return
        rows = {row[0]: row for row in self._sent.get(network, ()) if row[0] >= this - 1}
        _, before, total = rows.get(this, (this, 0, 0))
        rows[this] = (this, max(0, before + messages), max(0, total + recipients))
        self._sent[network] = list(rows.values())
        self._sent.move_to_end(network)
        if len(self._sent) > MOST:
            self._sent.popitem(last=False)

    def __len__(self) -> int:
        return len(self._sent)
