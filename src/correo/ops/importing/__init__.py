"""Mail that another server kept, brought here: messages with flags, dates and keywords, folders, subscriptions, UIDs and UIDLs.

In comes a `Source`, which is a tree of Maildirs (`maildirs`) or of mbox files (`mboxes`); it yields folders, and those yield what
was found in them, in the order of UIDs. `Filling` reads them in portions, and commits each in one transaction.

Promised: nothing there is changed; a message is brought once, however often it is run, and wherever it is broken off; what cannot be
read is counted and named with its path, and all the rest is brought; no link is followed out of the place that was named.
"""

from correo.ops.importing.filling import Filled, Filling, Report
from correo.ops.importing.found import Folder, Found, Letter, Problem, Source
from correo.ops.importing.maildirs import Layout, Maildirs
from correo.ops.importing.mbox import Quoting
from correo.ops.importing.mboxes import Mboxes
from correo.ops.importing.unique_ids import UidlFormat

__all__ = [
    "Filled",
    "Filling",
    "Folder",
    "Found",
    "Layout",
    "Letter",
    "Maildirs",
    "Mboxes",
    "Problem",
    "Quoting",
    "Report",
    "Source",
    "UidlFormat",
]
