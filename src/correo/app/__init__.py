"""The composition root: the only place where every concrete class is named and wired to the others.

Comes in: the configuration, the world (time, chance, names, network) and sockets that are bound already. Goes out: a `Server` that
serves until it is told to stop. No rule of mail lives here.

    world     what comes from outside: clock, chance, names and the network
    shared    what the workers of one service share
    settings  the configuration in the words of each package
    rooms     what becomes of a connection to each listener
    outgoing  the transport and the worker of the queue
    duties    what the server does of its own accord
    server    all of it, started, reloaded and stopped
"""

from correo.app.server import Server
from correo.app.world import World
from correo.ops.doors import bind_all

__all__ = ["Server", "World", "bind_all"]
