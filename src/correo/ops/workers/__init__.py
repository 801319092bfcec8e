"""Several processes that serve side by side, and the one that looks after them.

Comes in: the configuration and bound sockets. The master keeps the sockets, starts the workers, passes on signals, and puts another in
the place of each that dies. It opens no data and speaks to no stranger.

    cores       how many there are by themselves
    letter      what a worker is told when it is born
    supervisor  what to do when something happens: pure, driven by whoever has processes and a clock
    master      the processes, sockets and signals

A *place* is what a worker does: it accepts on one set of sockets, of which the master keeps a copy, so that connections wait there while
nobody is in the place. A *seat* is where it is found by the others: its inbox (`net.kin`) and its row on the board (`net.board`). There
are two seats for each place, for when one worker is about to go and the next is there already.

Promised: while the master lives, each place is filled again whatever its worker died of, unless workers die one after the other as soon
as they come; then the service ends and says so. When the master dies, its workers end as if they were told to.
"""

from correo.ops.workers.cores import cores
from correo.ops.workers.letter import Letter, open_letter
from correo.ops.workers.master import Master
from correo.ops.workers.supervisor import Supervisor

__all__ = ["Letter", "Master", "Supervisor", "cores", "open_letter"]
