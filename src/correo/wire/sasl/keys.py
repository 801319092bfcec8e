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

    def signature(self, message: bytes) -> bytes:
        """What shows the client that we know its password's keys (RFC 5802 §3, ServerSignature)."""
        return hmac.digest(self.server_key, message, self.digest)
