"""Every option there is: name, default, unit, and why. One tree of frozen values, read from one TOML file.

`read.read(text, path)` makes the tree and refuses what it does not understand, naming file, line and key. Only `app` and `cli` look at the whole tree;
everything else is handed plain values. docs/options.md is made from this tree, and a test holds the two together.
"""

from correo.config.incoming import Smtp
from correo.config.options import (
    DATABASE,
    INDEX,
    WATCH,
    Auth,
    Config,
    Dns,
    Ledger,
    Limits,
    Listener,
    Log,
    Queue,
    Route,
    Search,
    Tls,
    Transport,
)
from correo.config.read import ConfigError, read

__all__ = [
    "DATABASE",
    "INDEX",
    "WATCH",
    "Auth",
    "Config",
    "ConfigError",
    "Dns",
    "Ledger",
    "Limits",
    "Listener",
    "Log",
    "Queue",
    "Route",
    "Search",
    "Smtp",
    "Tls",
    "Transport",
    "read",
]
