"""What a server keeps of a password for SCRAM (RFC 5802 §3)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Literal

Digest = Literal["sha1", "sha256"]  # as hashlib calls them


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

    def include(self, keys: ScramKeys) -> bool:
        """Whether `keys` are of the same password as these, or as others of them."""
        return any(hmac.compare_digest(own.stored_key, keys.stored_key) for own in (self, *self.others))

    def signature(self, message: bytes) -> bytes:
        """What shows the client that we know its password's keys (RFC 5802 §3, ServerSignature)."""
        return hmac.digest(self.server_key, message, self.digest)
