"""The comparator of RFC 5051, `i;unicode-casemap`, which RFC 5255 §4.2 wants of SORT and SEARCH: texts are equal, and in order,
as what this makes of them."""

from __future__ import annotations

import unicodedata


def casemap(text: str) -> str:
    """Capitals, and letters apart from their accents. Order is that of code points, which is that of UTF-8 octets.

    Where Unicode has a capital of several letters it is taken, so that `ß` is in the place of `SS` too.
    """
    return text.upper() if text.isascii() else unicodedata.normalize("NFKD", text).upper()
