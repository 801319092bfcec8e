"""Octets to text for whatever a message calls its charset; never fails."""

from __future__ import annotations

import functools
from encodings.aliases import aliases

# The interpreter remembers every codec name it was asked for in vain, so only names known beforehand reach it. Of its
# own it also knows idna, punycode and the escapes of Python source: no charsets, and quadratic on hostile input.
_MORE = {"cp720", "cp737", "cp856", "cp874", "cp1006", "koi8_t", "koi8_u", "utf_8_sig"}
_CODECS = (set(aliases.values()) | _MORE) - {"mbcs"}
_BY_SQUEEZED = {name.replace("_", ""): codec for name, codec in aliases.items() if codec in _CODECS}
_BY_SQUEEZED |= {codec.replace("_", ""): codec for codec in _CODECS}

# What senders mean by these labels: the superset that is in use, as browsers read them.
_BY_SQUEEZED |= {
    "ascii": "",  # text that claims to be ASCII and is not gets guessed
    "usascii": "",
    "ansix3.41968": "",
    "iso88591": "cp1252",
    "latin1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euckr": "cp949",
    "ksc56011987": "cp949",
    "shiftjis": "cp932",
    "sjis": "cp932",
    "xsjis": "cp932",
    "big5": "big5hkscs",
    "iso88598i": "iso8859_8",
    "iso88598e": "iso8859_8",
    "windows874": "cp874",
    "xcp1252": "cp1252",
    "xcp1251": "cp1251",
    "unicode11utf7": "utf_7",
}


@functools.lru_cache(maxsize=256)  # a mailbox of real mail uses about thirty labels
def codec_for(charset: str) -> str | None:
    """The codec that reads text labelled `charset`; "" for ASCII, None for a label nobody knows."""
    return _BY_SQUEEZED.get(charset.strip().lower().replace("-", "").replace("_", "").replace(" ", ""))


def decode(data: bytes, charset: str) -> str:
    """The text of `data`. What the charset cannot say becomes U+FFFD, all that is not ASCII where it is unknown."""
    codec = codec_for(charset) if len(charset) <= 40 else None
    if codec == "":
        return guess(data)
    if codec is not None:
        try:
            text = data.decode(codec, "replace")
            # UTF-7 lets half of a surrogate pair through, which no other encoding would take.
            return text.encode("utf-8", "replace").decode() if codec == "utf_7" else text
        except (LookupError, ValueError):
            pass
    return data.decode("ascii", "replace")


def guess(data: bytes) -> str:
    """The text of octets that claim to be ASCII: UTF-8 where they can be that (RFC 6532), else Windows-1252."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
