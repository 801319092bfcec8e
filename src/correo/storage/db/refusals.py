"""What SQLite says when something goes wrong, in words of our own."""

from __future__ import annotations

import apsw

from correo.mail.errors import Kind, Refused


def undone(error: BaseException) -> Refused:
    """For an operation that was undone with its batch; made for each, since an exception that is raised keeps where."""
    cause = translated(error) if isinstance(error, apsw.Error) else error
    kind = cause.kind if isinstance(cause, Refused) else Kind.UNAVAILABLE
    refused = Refused(kind, f"database: the batch was undone: {error}")
    refused.__cause__ = error
    return refused


_OUTSIDE = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
    apsw.PermissionsError,
    apsw.CantOpenError,
    apsw.NoMemError,
)


def translated(error: apsw.Error) -> Exception:
    """What the outside world did is a refusal; what we did wrong stays an error of ours."""
    if isinstance(error, _OUTSIDE):
        kind = Kind.UNAVAILABLE
    elif isinstance(error, apsw.CorruptError | apsw.NotADBError):
        kind = Kind.BROKEN
    else:
        return error
    refused = Refused(kind, f"database: {error}")
    refused.__cause__ = error
    return refused
