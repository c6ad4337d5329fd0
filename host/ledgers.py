# SPDX-License-Identifier: MIT
"""Opens the ledger that a command is about."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from host.errors import HostError, WrongUse, typed

if TYPE_CHECKING:  # what opens it is loaded when it is opened: the command line starts light
    from host.ledger import Ledger
    from host.vault import Lock, Vault

VARIABLE = "NODE071_LEDGER"
_PSEUDO_TERMINAL = re.compile(r"/dev/(pts/\d+|ttys[0-9a-f]+)")


def named() -> Path | None:
    """The ledger that the environment names."""
    path = os.environ.get(VARIABLE)
    return Path(path) if path else None


def default_path(practice: bool = False) -> Path:
    """Where the ledger of this user lies, and the one of nodes that are only practice."""
    from platformdirs import user_data_path

    name = "practice.ledger" if practice else "nodes.ledger"
    return user_data_path("node071", appauthor=False) / name


def for_practice(path: Path | None) -> Path | None:
    """The ledger of virtual boards, None: there is none, or it is the one at `path` itself."""
    place = default_path(practice=True)
    return place if place.exists() and place != (path or default_path()) else None


def for_boards(path: Path | None, ports: Sequence[str | None], drive: Path | None = None) -> Path:
    """The ledger for the boards at these ports, or at a drive: `path`, or else the user's own.

    Virtual boards, at pseudo-terminals and folders, have the one for practice, and that is said.
    """
    place = path or default_path()
    folder = drive is not None and drive.is_dir() and not os.path.ismount(drive)
    terminals = [_PSEUDO_TERMINAL.fullmatch(os.path.realpath(port)) for port in ports if port]
    if path is None and (folder or (terminals and all(terminals))):
        place = default_path(practice=True)
        click.echo(
            f"a virtual board: its keys go into {place}, apart from those of real nodes; devices, "
            f"label and export take it with --ledger, or all by {VARIABLE}",
            err=True,
        )
    return place


def open_ledger(path: Path | None = None, plain_keys: bool = False, create: bool = True) -> Ledger:
    """Open the ledger at a path, or the user's own, and find its passphrase.

    A new one keeps its keys in the clear if asked to, or as the one for practice.
    HostError: there is none and it is not to be made, or it cannot be opened. WrongUse: no
    passphrase anywhere.
    """
    from host import passphrase
    from host.ledger import Ledger
    from host.vault import Vault

    place = path or default_path()
    practice = place == default_path(practice=True)
    if not create and not place.exists():
        step = "it comes with the first node071 provision"
        if other := for_practice(place):
            step += f"; virtual boards have --ledger {typed(other)}"
        raise HostError(f"no ledger at {place}", step)

    def vault(lock: Lock | None) -> Vault:
        if lock is not None and plain_keys:
            raise WrongUse(f"{place.name} is encrypted", "leave --plain-keys out")
        if lock is not None:
            return passphrase.unlock(lock)
        return Vault() if plain_keys or practice else passphrase.choose()

    return Ledger.open(place, vault)


def change_passphrase(path: Path | None, new: str | None, plain: bool) -> int:
    """Lock a ledger with another passphrase, or with none; how many nodes it has.

    All or nothing, wherever it is cut off. HostError: there is no ledger, or it is to be plain
    where others can read it. WrongUse: no passphrase anywhere.
    """
    from host import passphrase, schema
    from host.vault import Vault

    place = path or default_path()
    with open_ledger(place, create=False) as ledger:
        old = ledger.vault.lock
        if plain and not schema.close_to_others(place):
            step = "keep it on a drive that knows owners, or keep the passphrase"
            raise HostError(f"others can read {place}", step)
        vault, given = (Vault(), "") if plain else passphrase.change(new)
        count = ledger.relock(vault)
        passphrase.remember(old, vault, given)
        return count


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """What a group was given holds for its commands too, whatever the environment says."""
    name = f"ledgers {param.name}"
    given = ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE
    ctx.meta[name] = value if given else ctx.meta.get(name, value)
    return ctx.meta[name]


ledger_option = click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    callback=_remember,
    envvar=VARIABLE,
    help=f"Another ledger than that of your user; {VARIABLE} too.",
)


def ledger_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that opens the ledger: `ledger` and `plain_keys`."""
    command = click.option(
        "--plain-keys",
        is_flag=True,
        callback=_remember,
        help="A new ledger keeps keys unencrypted, in a file that only you can read.",
    )(command)
    return ledger_option(command)
