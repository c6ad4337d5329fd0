# SPDX-License-Identifier: MIT
"""What the commands about nodes say, and do with the ledger as a whole."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from host import backups, passphrase
from host.errors import WrongUse, typed
from host.ledger import Ledger
from host.ledgers import default_path, for_practice, open_ledger
from host.node import Node
from host.vault import Lock, Vault

if TYPE_CHECKING:
    from host.batch import Outcome

_OTHERWISE = "give --passphrase @FILE; --plain-keys leaves the backup unencrypted"
_HEADS = ("name", "DevEUI", "board", "kit", "place", "state", "last heard")


def nodes(path: Path | None, plain_keys: bool) -> list[Node]:
    """The nodes of a ledger, retired ones too; without one there are none."""
    if not (path or default_path()).exists():
        return []
    with open_ledger(path, plain_keys) as ledger:
        return ledger.nodes(retired=True)


def table(rows: list[Node], path: Path | None = None, retired: int = 0) -> list[str]:
    """Lines for people, one a node of the ledger at a path; so many `retired` are left out."""
    if not rows and retired:
        return [f"no node is in use; node071 devices --retired has {retired} of before"]
    if not rows:
        lines = ["no nodes yet: node071 provision makes them"]
        if other := for_practice(path):
            lines.append(f"those of virtual boards: node071 devices --ledger {typed(other)}")
        return lines
    return _columns([_HEADS, *(_cells(node) for node in rows)])


def receipts(rows: "list[Outcome]") -> list[str]:
    """Lines for people, one for each node of a manifest: how far it has come."""
    cells: list[tuple[str, ...]] = [("name", "DevEUI", "state")]
    for row in rows:
        dev_eui = row.node.dev_eui.hex() if row.node else "-"
        state = row.node.state if row.node and row.written else "not written"
        cells.append((row.row.name, dev_eui, state))
    return _columns(cells)


def _columns(cells: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = (map(str.ljust, row, widths) for row in cells)
    return ["  ".join(row).rstrip() for row in padded]


def _cells(node: Node) -> tuple[str, ...]:
    state = "retired" if node.retired_at else node.state
    heard = f"{node.heard_at:%Y-%m-%d %H:%M}" if node.heard_at else "-"
    place = node.place or "-"
    return (node.name, node.dev_eui.hex(), node.board, node.kit, place, state, heard)


def about(ledger: Ledger, which: str, keys: bool) -> dict[str, Any]:
    """All that is known of a node; its keys only when asked for."""
    node = ledger.node(which)
    value = node.public()
    if keys:
        value |= _keys(node)
    history = ledger.history(node.dev_eui)
    rows = [
        {"at": each.at.isoformat(), "what": each.what, "detail": each.detail} for each in history
    ]
    return value | {"history": rows}


def _keys(node: Node) -> dict[str, str]:
    session = node.identity.session
    if session is None:
        return {"app_key": node.identity.app_key.hex()}
    return {
        "dev_addr": f"{session.dev_addr:08x}",
        "nwk_skey": session.nwk_skey.hex(),
        "app_skey": session.app_skey.hex(),
    }


def lines(value: dict[str, Any]) -> list[str]:
    """The same for people."""
    width = max(map(len, value))
    rows = [f"{name:{width}}  {_word(each)}" for name, each in value.items() if name != "history"]
    rows += ["", "history (UTC)"]
    for event in value["history"]:
        at = event["at"][:16].replace("T", " ")
        rows.append(f"  {at}  {event['what']}  {event['detail']}".rstrip())
    return rows


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value in (None, "") else str(value)


def backup(path: Path, ledger: Path | None, plain_keys: bool, words: str | None) -> int:
    """Back a ledger up; returns how many nodes it has. WrongUse: it has a passphrase already."""
    with open_ledger(ledger, create=False) as opened:
        vault = opened.vault
        if vault.lock is not None and (words or plain_keys):
            cause = "this ledger has a passphrase, and its backup has the same"
            raise WrongUse(cause, "leave --passphrase and --plain-keys out")
        if vault.lock is None and words:
            vault = Vault.new(passphrase.check(words))
        elif vault.lock is None and not plain_keys:
            vault = passphrase.choose(otherwise=_OTHERWISE)
        backups.backup(opened, path, vault)
        return len(opened.nodes(retired=True))


def restore(path: Path, ledger: Path | None, plain_keys: bool, words: str | None) -> backups.Merged:
    """Bring a backup into a ledger; one that is not there yet takes over its passphrase."""
    place = ledger or default_path()

    def unlock(lock: Lock) -> Vault:
        return Vault.unlocked(lock, words) if words else passphrase.unlock(lock)

    def target(vault: Vault) -> Ledger:
        def open_with(lock: Lock | None) -> Vault:
            if lock is None:
                return Vault() if plain_keys else vault
            return vault if lock == vault.lock else passphrase.unlock(lock)

        return Ledger.open(place, open_with)

    return backups.restore(path, unlock, target)
