# SPDX-License-Identifier: MIT
"""A node as the ledger keeps it, and the row that holds it."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import cbor2

from host.lorawan import Session
from host.provision import Identity
from host.vault import Vault

STATES = ("new", "written", "registered", "heard")  # a receipt: only the next ones come
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Event(NamedTuple):
    """A line of a node's history, which only grows."""

    at: datetime
    what: str
    detail: str


@dataclass(frozen=True)
class Node:
    """A row: who it is, what it is made of, and the first numbers that it had not used when seen.

    `identity` holds its keys, and its repr does not. Times are UTC; the ledger sets them.
    """

    identity: Identity
    board: str
    kit: str
    region: str = "EU868"
    place: str = ""
    unique_id: bytes = b""  # the MAC address of an ESP32, the flash id of an RP2040
    next_dev_nonce: int = 0
    next_f_cnt: int = 0  # of a node that never joins (ABP)
    state: str = STATES[0]
    seen_at: datetime = _NEVER
    keys_at: datetime = _NEVER
    changed_at: datetime = _NEVER
    heard_at: datetime | None = None
    retired_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.identity.name

    @property
    def dev_eui(self) -> bytes:
        return self.identity.dev_eui

    def public(self) -> dict[str, Any]:
        """What everybody may see, for --json: no key."""
        return {
            "name": self.name,
            "dev_eui": self.dev_eui.hex(),
            "join_eui": self.identity.join_eui.hex(),
            "board": self.board,
            "kit": self.kit,
            "region": self.region,
            "place": self.place,
            "unique_id": self.unique_id.hex(),
            "state": self.state,
            "retired": self.retired_at is not None,
            "next_dev_nonce": self.next_dev_nonce,
            "next_f_cnt": self.next_f_cnt,
            "seen_at": text(self.seen_at),
            "heard_at": text(self.heard_at),
        }


def pack_keys(identity: Identity) -> bytes:
    """The keys of an identity, to be sealed; equal for equal keys."""
    session = asdict(identity.session) if identity.session else None
    return cbor2.dumps({"app_key": identity.app_key, "session": session}, canonical=True)


def to_row(node: Node, vault: Vault) -> dict[str, Any]:
    """The columns of a node."""
    identity = node.identity
    return {
        "dev_eui": node.dev_eui.hex(),
        "name": node.name,
        "join_eui": identity.join_eui.hex(),
        "sealed_keys": vault.seal(pack_keys(identity), node.dev_eui),
        **{each: getattr(node, each) for each in _AS_IT_IS},
        "unique_id": node.unique_id.hex(),
        **{each: text(getattr(node, each)) for each in _TIMES},
    }


def from_row(row: dict[str, Any], vault: Vault) -> Node:
    """The node of a row. HostError: its keys were changed by another hand."""
    dev_eui = bytes.fromhex(row["dev_eui"])
    keys = cbor2.loads(vault.open(row["sealed_keys"], dev_eui))
    session = Session(**keys["session"]) if keys["session"] else None
    join_eui = bytes.fromhex(row["join_eui"])
    identity = Identity(row["name"], dev_eui, join_eui, keys["app_key"], session)
    others = {each: row[each] for each in _AS_IT_IS}
    others |= {each: row[each] and datetime.fromisoformat(row[each]) for each in _TIMES}
    return Node(identity, unique_id=bytes.fromhex(row["unique_id"]), **others)


def text(at: datetime | None) -> str | None:
    """A time as the ledger keeps it: sorted as text it is sorted by time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds") if at else None


_AS_IT_IS = ("board", "kit", "region", "place", "next_dev_nonce", "next_f_cnt", "state")
_TIMES = ("seen_at", "keys_at", "changed_at", "heard_at", "retired_at")
