"""Passwords as they are kept: an argon2id hash and SCRAM-SHA-256 keys, and where they are wanted keys for SCRAM-SHA-1 and CRAM-MD5.

Every password passes through SASLprep on its way in, to be stored or to be checked, so that it matches whichever way a client
composed its letters (RFC 4616 §2, RFC 5802 §2.2).
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from correo.clock import Chance
from correo.mail.errors import Kind, Refused
from correo.wire.sasl import CramKeys, Digest, Keys, ScramKeys, md5
from correo.wire.sasl.saslprep import Unprepared, saslprep

SALT_SIZE = 16  # octets, RFC 9106 §3.1
SALTS_SIZE = 3 * SALT_SIZE  # for the hash, and for the keys of either kind
HASH_SIZE = 32  # octets


@dataclass(frozen=True, slots=True)
class Cost:
    """What one check costs us, and each guess someone who took the database."""

    passes: int = 2  # argon2id t
    memory: int = 19 * 1024  # argon2id m, KiB
    lanes: int = 1  # argon2id p: logins run beside each other, so one needs no second core
    # The thief would try these keys rather than the argon2id hash, so 4,096, the least that RFC 7677 §4 allows, is far too
    # little; but here it is the client that works, and the Cyrus SASL library, which many clients use, refuses to do more.
    iterations: int = 65_536
    sha1: bool = False  # keys for SCRAM-SHA-1, too: one more thing for the thief to try, and the cheaper one
    cram: bool = False  # keys for CRAM-MD5, too: the thief need not even try, for they are all that it takes to log in by it


OWASP = Cost()  # the second of the equal choices in OWASP's Password Storage Cheat Sheet


def cost_for(mechanisms: Collection[str], cost: Cost = OWASP) -> Cost:
    """`cost`, with the keys that these mechanisms need."""
    sha1 = any(name.startswith("SCRAM-SHA-1") for name in mechanisms)
    return replace(cost, sha1=sha1, cram="CRAM-MD5" in mechanisms)


@dataclass(frozen=True, slots=True)
class Credentials:
    password: str = field(repr=False)  # argon2id in PHC form
    scram: str = field(repr=False)  # SCRAM-SHA-256: iterations$salt$stored-key$server-key, base64
    scram_sha1: str = field(default="", repr=False)  # likewise; "" where there are none
    cram_md5: str = field(default="", repr=False)  # inner$outer, base64; "" where there are none

    def scram_keys(self, digest: Digest = "sha256") -> ScramKeys | None:
        written = self.scram if digest == "sha256" else self.scram_sha1
        return read_keys(written, digest) if written else None

    def keys(self, digest: Digest = "sha256") -> Keys | None:
        return read_cram(self.cram_md5) if digest == "md5" else self.scram_keys(digest)


def make_credentials(password: str, chance: Chance, cost: Cost = OWASP) -> Credentials:
    """Takes about 60 ms of a core. Refused BAD_CREDENTIALS when the password is empty, longer than 1,024 octets, or has
    characters nobody can type."""
    return hash_password(storable(password), chance.secret(SALTS_SIZE), cost)


def hash_password(secret: bytes, salts: bytes, cost: Cost) -> Credentials:
    """From a prepared password and `SALTS_SIZE` octets of chance."""
    first, second, third = (salts[start : start + SALT_SIZE] for start in range(0, SALTS_SIZE, SALT_SIZE))
    scram = written(ScramKeys.derive(secret, second, cost.iterations))
    scram_sha1 = written(ScramKeys.derive(secret, third, cost.iterations, "sha1")) if cost.sha1 else ""
    cram_md5 = written_cram(CramKeys.derive(secret)) if cost.cram else ""
    return Credentials(_hasher(cost).hash(secret, salt=first), scram, scram_sha1, cram_md5)


def storable(password: str) -> bytes:
    """The octets to hash. Refused BAD_CREDENTIALS."""
    try:
        prepared = saslprep(password)
    except Unprepared as error:
        raise Refused(Kind.BAD_CREDENTIALS, f"the password is {error}") from None
    if not prepared:
        raise Refused(Kind.BAD_CREDENTIALS, "the password is empty")
    return prepared.encode()


def checkable(password: str) -> bytes:
    """The octets to compare: for what could not have been stored, some that never are."""
    try:
        return saslprep(password).encode()
    except Unprepared:
        return b"\xff"  # not UTF-8


def matches(stored: str, secret: bytes) -> bool:
    """Whether the prepared password is the one hashed in `stored`. Takes what the hash was made to take, about 25 ms."""
    try:
        return PasswordHasher().verify(stored, secret)
    except VerifyMismatchError:
        return False


def outdated(credentials: Credentials, cost: Cost) -> bool:
    """Whether they were made at another cost, or with other keys than are wanted now."""
    kept = _iterations(credentials.scram), _iterations(credentials.scram_sha1)
    wanted = cost.iterations, cost.iterations if cost.sha1 else 0
    if bool(credentials.cram_md5) != cost.cram:
        return True
    return kept != wanted or _hasher(cost).check_needs_rehash(credentials.password)


def decoy_hash(cost: Cost, chance: Chance) -> str:
    """A hash that no password has, and that takes as long to compare as a real one."""
    salt, output = (_unpadded(chance.secret(size)) for size in (SALT_SIZE, HASH_SIZE))
    return f"$argon2id$v=19$m={cost.memory},t={cost.passes},p={cost.lanes}${salt}${output}"


def decoy_keys(name: str, secret: bytes, cost: Cost, digest: Digest = "sha256") -> ScramKeys:
    """SCRAM keys that no password has, for a name without an account or an account without keys: the same each time `name` is
    asked for, as real ones are, and made from the installation's `secret`, so that nobody outside can tell them from real ones."""
    kind = b"sha1 " if digest == "sha1" else b""  # real keys of the two kinds have different salts, too
    salt, stored_key, server_key = (
        hmac.digest(secret, kind + purpose + name.encode("utf-8", "surrogatepass"), "sha256")
        for purpose in (b"salt\0", b"stored\0", b"server\0")
    )
    stored_key = hashlib.new(digest, stored_key).digest()
    return ScramKeys(cost.iterations, salt[:SALT_SIZE], stored_key, server_key[: len(stored_key)], digest)


def decoy_cram(name: str, secret: bytes, count: int) -> CramKeys:
    """As `decoy_keys`, `count` of them."""
    first, *others = (
        CramKeys(digest[: md5.STATE], digest[md5.STATE :])
        for number in range(count)
        for digest in (
            hmac.digest(secret, f"cram {number}\0{name}".encode("utf-8", "surrogatepass"), "sha256"),
        )
    )
    return replace(first, others=tuple(others))


def written(keys: ScramKeys) -> str:
    parts = (keys.salt, keys.stored_key, keys.server_key)
    return "$".join((str(keys.iterations), *(b64encode(part).decode() for part in parts)))


def read_keys(written: str, digest: Digest) -> ScramKeys:
    iterations, *rest = written.split("$")
    salt, stored_key, server_key = map(b64decode, rest)
    return ScramKeys(int(iterations), salt, stored_key, server_key, digest)


def written_cram(keys: CramKeys) -> str:
    return "$".join(b64encode(state).decode() for state in (keys.inner, keys.outer))


def read_cram(written: str) -> CramKeys | None:
    if not written:
        return None
    inner, outer = map(b64decode, written.split("$"))
    return CramKeys(inner, outer)


def _iterations(written: str) -> int:
    return int(written.partition("$")[0] or 0)


def _hasher(cost: Cost) -> PasswordHasher:
    return PasswordHasher(cost.passes, cost.memory, cost.lanes, HASH_SIZE, SALT_SIZE, type=Type.ID)


def _unpadded(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")
