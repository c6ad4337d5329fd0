# SPDX-License-Identifier: MIT
"""host.vault and host.keys against hashlib and hmac: what seals, what locks, what derives."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from host.errors import HostError, WrongUse
from host.keys import EuiBlock, app_key_from
from host.vault import Lock, Vault, WrongPassphrase

N = 16  # a quick scrypt
PASSPHRASE = "correct horse"
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
EUI = bytes.fromhex("70b3d57ed0000001")


def test_a_lock_opens_with_its_passphrase_only():
    vault = Vault.new(PASSPHRASE, N)
    again = Vault.unlocked(Lock.from_dict(vault.lock.as_dict()), PASSPHRASE)
    assert again.open(vault.seal(KEY, EUI), EUI) == KEY
    for wrong in ("", "correct", "correct horse ", "Correct horse"):
        with pytest.raises(WrongPassphrase):
            vault.lock.unlock(wrong)


def test_the_lock_is_scrypt_and_aes_gcm():
    lock = Lock.make(PASSPHRASE, b"k" * 32, N)
    stretched = hashlib.scrypt(PASSPHRASE.encode(), salt=lock.salt, n=N, r=8, p=1, dklen=32)
    opened = AESGCM(stretched).decrypt(lock.locked_key[:12], lock.locked_key[12:], b"node071 lock")
    assert opened == b"k" * 32 and len(lock.salt) == 16


def test_a_guess_is_dear_unless_a_test_asks_otherwise():
    assert Vault.new(PASSPHRASE).lock.scrypt_n >= 1 << 17


def test_what_is_sealed_does_not_show_and_is_never_the_same():
    vault = Vault.new(PASSPHRASE, N)
    one, two = vault.seal(KEY, EUI), vault.seal(KEY, EUI)
    assert one != two and KEY not in one and len(one) == 1 + 12 + 16 + 16


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "clear"])
def test_what_was_changed_or_moved_is_refused(sealed):
    vault = Vault.new(PASSPHRASE, N) if sealed else Vault()
    good = vault.seal(KEY, EUI)
    assert vault.open(good, EUI) == KEY
    other = (Vault() if sealed else Vault.new(PASSPHRASE, N)).seal(KEY, EUI)
    for bad in (other, b"", good[:1] + b"x" if sealed else b"\x02" + KEY):
        with pytest.raises(HostError, match="changed"):
            vault.open(bad, EUI)
    if sealed:
        for at in range(len(good)):
            with pytest.raises(HostError, match="changed"):
                vault.open(good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :], EUI)
        with pytest.raises(HostError, match="changed"):
            vault.open(good, EUI[::-1])


@pytest.mark.parametrize(
    "change",
    [{"scrypt_n": 1 << 21}, {"scrypt_n": 0}, {"scrypt_n": 3}, {"salt": "xy"}, {"salt": None}],
)
def test_a_lock_that_cannot_be_ours_is_refused(change):
    with pytest.raises(ValueError):
        Lock.from_dict(Lock.make(PASSPHRASE, b"k" * 32, N).as_dict() | change)


def test_an_app_key_from_a_site_secret_is_hkdf():
    secret = bytes(range(32))
    prk = hmac.digest(bytes(32), secret, "sha256")  # RFC 5869 2.2, no salt
    info = b"node071 AppKey 1.0 " + EUI
    assert app_key_from(secret, EUI) == hmac.digest(prk, info + b"\x01", "sha256")[:16]
    assert app_key_from(secret, EUI) != app_key_from(secret, EUI[::-1])
    with pytest.raises(WrongUse, match="15 bytes"):
        app_key_from(bytes(15), EUI)


@pytest.mark.parametrize(
    ("text", "first", "last", "count"),
    [
        ("70B3D57ED0000000/256", "70b3d57ed0000000", "70b3d57ed00000ff", 256),
        ("70b3d57ed00000fe-70b3d57ed0000101", "70b3d57ed00000fe", "70b3d57ed0000101", 4),
        ("70:B3:D5:7E:D0:00:00:00/1", "70b3d57ed0000000", "70b3d57ed0000000", 1),
        ("ffffffffffffffff/1", "ffffffffffffffff", "ffffffffffffffff", 1),
    ],
)
def test_a_block_of_euis(text, first, last, count):
    block = EuiBlock.parse(text)
    euis = list(block)
    assert (euis[0].hex(), euis[-1].hex(), len(euis), block.count) == (first, last, count, count)
    assert all(eui in block for eui in euis) and bytes(8) not in block


@pytest.mark.parametrize(
    "text",
    [
        *("", "70b3d57ed0000000", "70b3d57ed0000000/0", "70b3d57ed0000000/-1", "70b3d57ed000000/4"),
        *("70b3d57ed0000001-70b3d57ed0000000", "ffffffffffffffff/2", "70b3d57ed000000g/4"),
    ],
)
def test_what_is_no_block_is_wrong_use(text):
    with pytest.raises(WrongUse, match="no block of EUIs"):
        EuiBlock.parse(text)
