# SPDX-License-Identifier: MIT
"""Who a board is: the node that it was, or a new one; the ledger knows before the board does."""

from dataclasses import dataclass, replace
from typing import Any

from host import keys, provision
from host.errors import HostError, WrongUse, typed
from host.keys import EuiBlock
from host.ledger import Ledger
from host.lorawan import Session
from host.node import Node
from host.provision import Identity
from host.state import State


@dataclass(frozen=True)
class Wish:
    """What an identity is to be; None: as it was, or as the board itself makes it."""

    name: str | None = None
    dev_eui: bytes | None = None
    block: EuiBlock | None = None  # where a new DevEUI comes from
    join_eui: bytes | None = None
    app_key: bytes | None = None
    site_secret: bytes | None = None  # the AppKey comes from it and the DevEUI
    session: Session | None = None  # of a node that never joins (ABP)
    new_keys: bool = False

    @property
    def random(self) -> bool:
        """Its keys are made here: nobody can have used them."""
        return self.app_key is None and self.site_secret is None and self.session is None


@dataclass(frozen=True)
class Enrolled:
    """A node in the ledger; fresh keys were made just now, by chance; it may have been retired."""

    node: Node
    fresh_keys: bool
    retired: bool = False


def enrol(
    ledger: Ledger,
    board: str,
    kit: str,
    chip: str,
    unique_id: bytes,
    state: State,
    wish: Wish = Wish(),
    region: str | None = None,
    place: str | None = None,
) -> Enrolled:
    """The node that a board is to be. Called again, after whatever went wrong, it says the same.

    `state` is what the board has now: a board that the ledger does not know brings its identity
    along. HostError: name or DevEUI belongs to another board. WrongUse: wishes that exclude others.
    """
    _check(wish)
    given = {"unique_id": unique_id or None, "region": region, "place": place}
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    fields |= {"board": board, "kit": kit}
    with ledger.transaction():
        known = _known(ledger, chip, unique_id, wish) or _adopted(ledger, state, fields, wish)
        if known is None:
            dev_eui = wish.dev_eui or _dev_eui(ledger, chip, unique_id, wish)
            name = wish.name or _free_name(ledger, kit)
            join_eui = bytes(8) if wish.join_eui is None else wish.join_eui
            identity = Identity(name, dev_eui, join_eui, _app_key(wish, dev_eui), wish.session)
            return Enrolled(ledger.add(Node(identity, **fields)), wish.random)
        identity, fresh = _wished(known.identity, wish), wish.new_keys and wish.random
        if wish.name is None and known.retired_at is not None:
            identity = replace(identity, name=_free_name(ledger, kit, known.name))
        node = ledger.change(known.dev_eui, identity, fresh, **fields)
        return Enrolled(node, fresh, known.retired_at is not None)


def _check(wish: Wish) -> None:
    for one, other, both in (
        ("--dev-eui", "--eui-block", wish.dev_eui and wish.block),
        ("--app-key", "--site-secret", wish.app_key and wish.site_secret),
        ("--new-keys", "--site-secret", wish.new_keys and wish.site_secret),
    ):
        if both:
            raise WrongUse(f"{one} and {other} exclude each other", "leave one out")
    if wish.dev_eui in (bytes(8), b"\xff" * 8):
        raise WrongUse(f"{wish.dev_eui.hex()} is no DevEUI", "give another --dev-eui")
    if wish.app_key is not None and not any(wish.app_key):
        raise WrongUse("an AppKey of zeros protects nothing", "leave --app-key out to get one")


def _known(ledger: Ledger, chip: str, unique_id: bytes, wish: Wish) -> Node | None:
    """The node in the ledger that this board is to be, None: there is none yet."""
    was = ledger.find(unique_id)
    if wish.dev_eui is not None:
        asked = ledger.by_dev_eui(wish.dev_eui)
        if asked and asked.retired_at is None and asked.unique_id not in (b"", unique_id):
            raise HostError(
                f"DevEUI {asked.dev_eui.hex()} belongs to '{asked.name}', which is another board",
                f"if that board is gone: node071 retire {typed(asked.name)}",
            )
        _leave(ledger, was, stays=was is not None and was.dev_eui == wish.dev_eui)
        return asked
    if was is not None and wish.block is not None and was.dev_eui not in wish.block:
        _leave(ledger, was, stays=False)
        return None
    return was


def _leave(ledger: Ledger, was: Node | None, stays: bool) -> None:
    """A board that becomes another node is no longer the one that it was."""
    if was is not None and not stays and was.retired_at is None:
        ledger.retire(was.dev_eui)
        ledger.note(was.dev_eui, "replaced", "its board got another DevEUI")


def _adopted(ledger: Ledger, state: State, fields: dict[str, Any], wish: Wish) -> Node | None:
    """The node that a board says it is, now in the ledger; None: it says nothing that fits."""
    identity = identity_of(state)
    if identity is None or wish.dev_eui not in (None, identity.dev_eui):
        return None
    if wish.block is not None and identity.dev_eui not in wish.block:
        return None
    if ledger.by_dev_eui(identity.dev_eui) is not None:
        return None
    identity = replace(identity, name=_free_name(ledger, fields["kit"], identity.name))
    node = ledger.add(Node(identity, **fields))
    ledger.note(node.dev_eui, "adopted", "the board knew who it is")
    return ledger.advance(node.dev_eui, "written")


def identity_of(state: State) -> Identity | None:
    """Who a board says it is, None: its config is missing, or not one of ours."""
    match state.load("config"):
        case {"name": str(name), "dev_eui": bytes(dev_eui), "join_eui": bytes(join_eui), **rest}:
            identity = Identity(name, dev_eui, join_eui, bytes(16))
        case _:
            return None
    if (len(dev_eui), len(join_eui)) != (8, 8):
        return None
    match rest:
        case {"app_key": bytes(key)} if len(key) == 16 and any(key):
            return replace(identity, app_key=key)
        case {"dev_addr": int(dev_addr), "nwk_skey": bytes(nwk_skey), "app_skey": bytes(app_skey)}:
            return replace(identity, session=Session(dev_addr, nwk_skey, app_skey))
        case _:
            return None


def _dev_eui(ledger: Ledger, chip: str, unique_id: bytes, wish: Wish) -> bytes:
    if wish.block is not None:
        return ledger.take_eui(wish.block)
    try:
        return provision.dev_eui_for(chip, unique_id)
    except ValueError as error:
        cause = f"this board has no EUI of its own: {error}"
        raise HostError(cause, "give --dev-eui or --eui-block") from None


def _app_key(wish: Wish, dev_eui: bytes) -> bytes:
    if wish.site_secret is not None:
        return keys.app_key_from(wish.site_secret, dev_eui)
    return wish.app_key or keys.random_app_key()


def _wished(old: Identity, wish: Wish) -> Identity:
    """An identity with what is wished, and for the rest as it was."""
    new = replace(old, name=wish.name or old.name)
    if wish.join_eui is not None:
        new = replace(new, join_eui=wish.join_eui)
    if wish.session is not None:
        return replace(new, session=wish.session)
    if wish.new_keys and wish.random and old.session is not None:
        cause = f"'{old.name}' never joins: its keys come from its network"
        raise WrongUse(cause, "give --app-key to have it join, or its new session")
    if wish.new_keys or not wish.random:
        new = replace(new, session=None, app_key=_app_key(wish, old.dev_eui))
    return new


def _free_name(ledger: Ledger, kit: str, wanted: str = "") -> str:
    """The name that is wanted, or classroom-1, classroom-2 ..., which nobody ever had."""
    taken = {node.name for node in ledger.nodes(retired=True)}
    if wanted and all(node.name != wanted for node in ledger.nodes()):
        return wanted
    return next(name for n in range(1, len(taken) + 2) if (name := f"{kit}-{n}") not in taken)
