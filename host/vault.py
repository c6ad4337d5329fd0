# SPDX-License-Identifier: MIT
"""Keeps keys: sealed with AES-GCM under a passphrase, or in the clear in a file of one's own.

A data key seals; the passphrase, stretched by scrypt, only locks the data key. Whether that opens
tells a right passphrase from a wrong one.
"""

import os
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from host.errors import HostError

SCRYPT_N = 1 << 17  # with r = 8: 128 MiB and about half a second for each guess
_SCRYPT_N_MOST = 1 << 20  # of a file that somebody else wrote
_KEY_BYTES, _NONCE_BYTES, _SALT_BYTES = 32, 12, 16
_CLEAR, _SEALED = b"\x00", b"\x01"  # the first byte of what a vault gives out
_LOCK = b"node071 lock"


class WrongPassphrase(HostError):
    """The passphrase does not open the lock."""


@dataclass(frozen=True)
class Lock:
    """A data key, locked with a passphrase: nothing in it is secret."""

    salt: bytes
    scrypt_n: int
    locked_key: bytes

    @classmethod
    def make(cls, passphrase: str, key: bytes, scrypt_n: int = SCRYPT_N) -> "Lock":
        """Lock a data key."""
        salt = os.urandom(_SALT_BYTES)
        return cls(salt, scrypt_n, _seal(_stretched(passphrase, salt, scrypt_n), key, _LOCK))

    def unlock(self, passphrase: str) -> bytes:
        """The data key. WrongPassphrase: it is not the one of this lock."""
        try:
            key = _stretched(passphrase, self.salt, self.scrypt_n)
            return _open(key, self.locked_key, _LOCK)
        except InvalidTag:
            raise WrongPassphrase("the passphrase is wrong", "try the right one") from None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        hexes = {"salt": self.salt.hex(), "locked_key": self.locked_key.hex()}
        return {"scrypt_n": self.scrypt_n, **hexes}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Lock":
        """From what as_dict gave. ValueError: it is not one, or asks for too much memory."""
        try:
            n = int(values["scrypt_n"])
            lock = cls(bytes.fromhex(values["salt"]), n, bytes.fromhex(values["locked_key"]))
        except (KeyError, TypeError) as error:
            raise ValueError("not a lock") from error
        if not 2 <= n <= _SCRYPT_N_MOST or n & (n - 1):
            raise ValueError(f"scrypt N is {n}")
        return lock


class Vault:
    """Seals and opens; without a lock everything stays in the clear."""

    def __init__(self, lock: Lock | None = None, key: bytes = b""):
        self.lock, self._key = lock, key

    @classmethod
    def new(cls, passphrase: str, scrypt_n: int = SCRYPT_N) -> "Vault":
        """A vault with a data key of its own."""
        key = os.urandom(_KEY_BYTES)
        return cls(Lock.make(passphrase, key, scrypt_n), key)

    @classmethod
    def unlocked(cls, lock: Lock | None, passphrase: str) -> "Vault":
        """The vault behind a lock. WrongPassphrase."""
        return cls(lock, lock.unlock(passphrase)) if lock else cls()

    def seal(self, value: bytes, about: bytes) -> bytes:
        """Bytes that open only together with the same `about`, so that rows cannot be swapped."""
        return _SEALED + _seal(self._key, value, about) if self.lock else _CLEAR + value

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """What was sealed. HostError: it was changed, or it belongs elsewhere."""
        if sealed[:1] == _CLEAR and not self.lock:
            return sealed[1:]
        try:
            if self.lock is None or sealed[:1] != _SEALED:
                raise InvalidTag
            return _open(self._key, sealed[1:], about)
        except InvalidTag:
            raise HostError(
                "what was sealed has been changed", "restore a backup: node071 restore FILE"
            ) from None


def _stretched(passphrase: str, salt: bytes, scrypt_n: int) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=scrypt_n, r=8, p=1).derive(passphrase.encode())


def _seal(key: bytes, value: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, value, about)


def _open(key: bytes, sealed: bytes, about: bytes) -> bytes:
    if len(sealed) < _NONCE_BYTES + 16:
        raise InvalidTag
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
