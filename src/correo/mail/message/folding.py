"""Texts as a search compares them."""

from __future__ import annotations

import re
import unicodedata

_BLANKS = re.compile(r"[ \t]{2,}|\t")


def folded(text: str) -> str:
    """As texts are compared (RFC 5051): whatever the case of letters, how they are composed, and how blanks are made up."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    text = text.casefold()
    return _BLANKS.sub(" ", text) if "  " in text or "\t" in text else text
