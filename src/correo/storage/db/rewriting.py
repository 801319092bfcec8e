"""After a sync of the log that failed: the log is written again, before anything is promised that rests on it.

The kernel tells of a write that failed once, at the next sync, and then takes the pages for written. So when a sync fails, frames of
commits that were not synced yet (notes, or what a process that was killed left) may be in its memory alone, and the sync after that
succeeds without them: a loss of power would end the log there, with all that was promised behind it. The octets in memory are still
the right ones. Writing them once more makes their pages dirty again, and the sync that follows counts for all of them.

Behind the last commit stand the frames of the one whose sync failed, whole. Who opens the log after a kill would take them for
committed, though it was refused; so their beginning is made void.
"""

from __future__ import annotations

import apsw

HEADER, FRAME_HEADER = 32, 24  # octets (https://www.sqlite.org/fileformat2.html#walformat)
STEP = (
    64 * 1024
)  # octets at a time: of a request SQLite heeds only what a division by 128 KiB leaves (`seekAndWriteFd` in os_unix.c)


def rewrite(path: str, writer: apsw.Connection, vfs: str) -> None:
    """Write and sync the log of the database at `path` once more. `writer` is not in a transaction. Raises apsw.Error."""
    guard = apsw.Connection(path, vfs=vfs or None)
    try:
        guard.execute("BEGIN IMMEDIATE")  # nobody adds to the log or begins it anew, also who takes no turns
        frames, _ = writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        page: int = writer.pragma("page_size")
        flags = [apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE, 0]
        log = apsw.VFSFile(vfs, f"{path}-wal", flags)
        try:
            _rewrite(log, HEADER + max(0, frames) * (FRAME_HEADER + page))
        finally:
            log.xClose()
    finally:
        guard.close()


def _rewrite(log: apsw.VFSFile, end: int) -> None:
    size = log.xFileSize()
    if size > end:
        log.xWrite(bytes(min(FRAME_HEADER, size - end)), end)
    for start in range(0, min(size, end), STEP):
        log.xWrite(log.xRead(min(STEP, size - start, end - start), start), start)
    log.xSync(apsw.SQLITE_SYNC_NORMAL)
