# SPDX-License-Identifier: MIT
"""Where EUIs and keys come from: a block of EUIs, a random source, or the secret of a site."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from host.errors import WrongUse

_KEY_BYTES = 16
_SECRET_BYTES_LEAST = 16
_LABEL = b"node071 AppKey 1.0 "  # before the DevEUI in HKDF's info
_EUI = "[0-9a-f]{16}"


@dataclass(frozen=True)
class EuiBlock:
    """EUIs in a row, the first and the last among them."""

    first: bytes
    last: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """From FIRST/COUNT or FIRST-LAST. WrongUse: it is neither, or it has no EUI."""
        words = text.strip().lower().replace(":", "")
        wrong = WrongUse(f"'{text}' is no block of EUIs", "write FIRST/COUNT or FIRST-LAST")
        if found := re.fullmatch(f"({_EUI})/([0-9]{{1,19}})", words):
            first = int(found[1], 16)
            last = first + int(found[2]) - 1
        elif found := re.fullmatch(f"({_EUI})-({_EUI})", words):
            first, last = int(found[1], 16), int(found[2], 16)
        else:
            raise wrong
        if not first <= last < 1 << 64:
            raise wrong
        return cls(first.to_bytes(8, "big"), last.to_bytes(8, "big"))

    @property
    def count(self) -> int:
        """How many there are."""
        return int.from_bytes(self.last, "big") - int.from_bytes(self.first, "big") + 1

    def __contains__(self, eui: bytes) -> bool:
        return self.first <= eui <= self.last

    def __iter__(self) -> Iterator[bytes]:
        first = int.from_bytes(self.first, "big")
        return ((first + each).to_bytes(8, "big") for each in range(self.count))


def random_app_key() -> bytes:
    """An AppKey that nobody can guess."""
    return secrets.token_bytes(_KEY_BYTES)


def app_key_from(site_secret: bytes, dev_eui: bytes) -> bytes:
    """The AppKey of a DevEUI at a site: HKDF-SHA256, RFC 5869. WrongUse: the secret is short.

    Whoever has the secret has the keys of all its nodes, also of those that are made later.
    """
    if len(site_secret) < _SECRET_BYTES_LEAST:
        raise WrongUse(
            f"a site secret of {len(site_secret)} bytes",
            f"it needs {_SECRET_BYTES_LEAST} or more, from a random source",
        )
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=_LABEL + dev_eui).derive(site_secret)
