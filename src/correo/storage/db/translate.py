"""`$1` parameters as SQLite spells them.

SQLite takes `$2` as a *name*, bound in order of appearance, so that `$2, $1` would silently swap its arguments; `?2` is what
it calls a number.
"""

from __future__ import annotations

import re
from functools import cache

# A quoted string or comment is passed over whole, so that a dollar in it stays one.
_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\$(\d+)", re.DOTALL)


@cache
def sqlite_sql(sql: str) -> str:
    return _TOKEN.sub(lambda match: f"?{match[1]}" if match[1] else match[0], sql)
