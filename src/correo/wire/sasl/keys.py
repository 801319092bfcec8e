"""What a server keeps of a password for SCRAM (RFC 5802 §3) and for CRAM-MD5 (RFC 2195 §2)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from typing import Literal

from correo.wire.sasl import md5

Digest = Literal["md5", "sha1", "sha256"]  # as hashlib calls them; one mechanism each, but for -PLUS


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """Enough to check a proof, not enough to make one."""

    iterations: int
    salt: bytes
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    digest: Digest = "sha256"
    # Those of further passwords, with the same salt and iterations.
    others: tuple[ScramKeys, ...] = field(default=(), repr=False)

    @classmethod
    def derive(cls, password: bytes, salt: bytes, iterations: int, digest: Digest = "sha256") -> ScramKeys:
        """From a prepared password. Takes as long as `iterations` says: tens of milliseconds for 100,000."""
        salted = hashlib.pbkdf2_hmac(digest, password, salt, iterations)
        client_key = hmac.digest(salted, b"Client Key", digest)
        server_key = hmac.digest(salted, b"Server Key", digest)
        return cls(iterations, salt, hashlib.new(digest, client_key).digest(), server_key, digest)

    def proves(self, proof: bytes, message: bytes) -> bool:
        """Whether `proof` was made for `message` by someone with the password (RFC 5802 §3, ClientProof)."""
        signature = hmac.digest(self.stored_key, message, self.digest)
        if len(proof) != len(signature):
            return False
        client_key = bytes(left ^ right for left, right in zip(proof, signature, strict=True))
        return hmac.compare_digest(hashlib.new(self.digest, client_key).digest(), self.stored_key)

    def proven(self, proof: bytes, message: bytes) -> ScramKeys | None:
        """The keys, these or others, of the password that `proof` was made with; each is tried, whichever it is."""
        found = [keys for keys in (self, *self.others) if keys.proves(proof, message)]
        return found[0] if found else None

    @property
    def verifier(self) -> bytes:
        """What two keys for one digest have in common where they are of one password."""
        return self.stored_key

    def signature(self, message: bytes) -> bytes:
        """What shows the client that we know its password's keys (RFC 5802 §3, ServerSignature)."""
        return hmac.digest(self.server_key, message, self.digest)


@dataclass(frozen=True, slots=True)
class CramKeys:
    """The states of HMAC-MD5 after its key (RFC 2104 §4). They do not show the password, but are enough to log in by CRAM-MD5."""

    inner: bytes = field(repr=False)  # `md5.STATE` octets
    outer: bytes = field(repr=False)
    others: tuple[CramKeys, ...] = field(default=(), repr=False)  # those of further passwords

    @classmethod
    def derive(cls, password: bytes) -> CramKeys:
        """From a prepared password."""
        short = (
            password if len(password) <= md5.BLOCK else hashlib.md5(password, usedforsecurity=False).digest()
        )
        key = short.ljust(md5.BLOCK, b"\0")
        inner, outer = (md5.compress(md5.START, bytes(octet ^ pad for octet in key)) for pad in (0x36, 0x5C))
        return cls(inner, outer)

    @property
    def digest(self) -> Digest:
        return "md5"

    @property
    def verifier(self) -> bytes:
        return self.inner + self.outer

    def proves(self, proof: bytes, challenge: bytes) -> bool:
        """Whether `proof` is the keyed digest of the challenge. Takes about 50 µs."""
        return hmac.compare_digest(md5.finish(self.outer, md5.finish(self.inner, challenge)), proof)

    def proven(self, proof: bytes, challenge: bytes) -> CramKeys | None:
        """The keys, these or others, of the password that `proof` was made with; each is tried, whichever it is."""
        found = [keys for keys in (self, *self.others) if keys.proves(proof, challenge)]
        return found[0] if found else None

    def padded(self, decoy: CramKeys) -> CramKeys:
        """With as many others as `decoy` has: to try a proof takes the same time then, however many passwords there are."""
        return replace(self, others=(*self.others, *decoy.others)[: len(decoy.others)])


Keys = ScramKeys | CramKeys


def include(known: Keys, keys: Keys) -> bool:
    """Whether `keys` are of the same password as `known`, or as others of them."""
    return known.digest == keys.digest and any(
        hmac.compare_digest(own.verifier, keys.verifier) for own in (known, *known.others)
    )
