# SPDX-License-Identifier: MIT
"""Where the passphrase of a ledger comes from: the system keyring, a variable, a terminal.

The keyring is asked by a program of its own: one that is locked can hang, and is then left alone.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

import click

from host.errors import HostError, WrongUse
from host.vault import SCRYPT_N, Lock, Vault, WrongPassphrase

_KEYRING_LIMIT_S = 5
VARIABLE = "NODE071_PASSPHRASE"
_SERVICE = "node071"
_LENGTH_LEAST = 8
_PLAIN = "--plain-keys starts a ledger that only file permissions protect"


def unlock(lock: Lock, keyring_limit_s: float = _KEYRING_LIMIT_S) -> Vault:
    """The vault of a lock, by the first passphrase that fits.

    WrongPassphrase: the last that there was does not. WrongUse: there is none.
    """
    wrong = None
    for source, passphrase in _passphrases(lock, keyring_limit_s):
        try:
            return Vault.unlocked(lock, passphrase)
        except WrongPassphrase:
            wrong = WrongPassphrase(f"the passphrase from {source} is wrong", "try the right one")
    raise wrong or _nowhere()


def choose(scrypt_n: int = SCRYPT_N, otherwise: str = _PLAIN) -> Vault:
    """A new vault: its passphrase from the variable, or asked for twice, then kept in the keyring.

    WrongUse: there is neither; it says what to do `otherwise`.
    """
    passphrase = os.environ.get(VARIABLE)
    if passphrase:
        return Vault.new(check(passphrase), scrypt_n)
    if not _terminal():
        raise _nowhere(otherwise)
    click.echo(
        "The ledger keeps the keys of your nodes, behind a passphrase of your choice.\n"
        "Write it down: without it the keys are lost, and so are backups.",
        err=True,
    )
    passphrase = _ask("New passphrase", twice=True)
    vault = Vault.new(check(passphrase), scrypt_n)
    if vault.lock is not None:
        _keyring("set", vault.lock, passphrase)
    return vault


def change(new: str | None, scrypt_n: int = SCRYPT_N) -> tuple[Vault, str]:
    """A vault that takes the place of another, and its passphrase: `new`, or asked for twice.

    WrongUse: there is neither.
    """
    if new is None and not _terminal():
        raise WrongUse("no new passphrase", "give --new @FILE, or - for standard input")
    given = _ask("New passphrase", twice=True) if new is None else new
    return Vault.new(check(given), scrypt_n), given


def remember(old: Lock | None, vault: Vault, passphrase: str) -> None:
    """Tell the keyring the new passphrase, as when a ledger is made; there the old one goes."""
    known = old is not None and bool(_keyring("get", old))
    if known and old is not None:
        _keyring("del", old)
    if vault.lock is not None and (known or _terminal()):
        _keyring("set", vault.lock, passphrase)


def check(passphrase: str) -> str:
    """The same, when it is long enough. HostError: it is not."""
    if len(passphrase) < _LENGTH_LEAST:
        cause = f"a passphrase of {len(passphrase)} characters"
        raise HostError(cause, f"{_LENGTH_LEAST} are the least; four words are better")
    return passphrase


def _passphrases(lock: Lock, keyring_limit_s: float) -> Iterator[tuple[str, str]]:
    """(where it is from, passphrase): each place in its turn.

    A terminal is asked only when the variable is not set.
    """
    if kept := _keyring("get", lock, limit_s=keyring_limit_s):
        yield "the system keyring", kept
    if given := os.environ.get(VARIABLE):
        yield VARIABLE, given
    elif _terminal():
        yield "the terminal", _ask("Passphrase of the ledger")


def _ask(question: str, twice: bool = False) -> str:
    answer = click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True)
    return str(answer)


def _terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _keyring(word: str, lock: Lock, passphrase: str = "", limit_s: float = _KEYRING_LIMIT_S) -> str:
    """What the keyring has for a lock, "" when it has nothing or does not answer in time."""
    command = [sys.executable, "-m", "keyring", word, _SERVICE, lock.salt.hex()]
    try:
        done = subprocess.run(
            command, input=passphrase, capture_output=True, text=True, timeout=limit_s
        )
    except (subprocess.TimeoutExpired, OSError):
        return ""
    return "" if done.returncode else done.stdout.removesuffix("\n")


def _nowhere(otherwise: str = _PLAIN) -> WrongUse:
    return WrongUse(
        f"a passphrase is needed: the system keyring has none, {VARIABLE} is not set, "
        "and there is no terminal to ask on",
        f"set {VARIABLE}; or {otherwise}",
    )
