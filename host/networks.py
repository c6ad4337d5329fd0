# SPDX-License-Identifier: MIT
"""Nodes of the ledger on their way to a network: as files, or registered in ChirpStack."""

import os
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from host import export
from host.errors import HostError, WrongUse
from host.ledger import Ledger
from host.ledgers import open_ledger
from host.node import Node

if TYPE_CHECKING:
    from host.chirpstack import Server

URL, APPLICATION, TOKEN = (
    "NODE071_CHIRPSTACK_URL", "NODE071_CHIRPSTACK_APPLICATION", "NODE071_CHIRPSTACK_TOKEN",
)  # fmt: skip
FORMATS: dict[str, Callable[[list[Node]], str]] = {
    "tts.csv": export.tts_csv,
    "tts.json": export.tts_json,
    "chirpstack.csv": export.chirpstack_csv,
    "chirpstack.json": export.chirpstack_json,
}


def chosen(ledger: Ledger, names: Sequence[str]) -> list[Node]:
    """The nodes of these names, or all that are in use. HostError: there are none."""
    named = {node.dev_eui: node for node in map(ledger.node, names)}  # once, by name or DevEUI
    found = list(named.values()) if names else ledger.nodes()
    if not found:
        raise HostError("no node is in use", "make one: node071 provision")
    return found


def nodes(names: Sequence[str], path: Path | None, plain_keys: bool) -> list[Node]:
    """As chosen, from the ledger at a path."""
    with open_ledger(path, plain_keys, create=False) as ledger:
        return chosen(ledger, names)


def write(
    found: list[Node], kind: str, out: Path | None, named: bool = False
) -> tuple[Path, list[str]]:
    """Write nodes in one of FORMATS: the file, and what one should know of it.

    HostError: one that was `named` never joins (ABP).
    """
    rows = export.joining(found, named)
    stem = rows[0].name if len(rows) == 1 else "nodes"
    path = out or Path(f"{export.file_stem(stem)}-{kind}")
    export.write(path, FORMATS[kind](rows))
    return path, export.notes(found, path)


def server(url: str | None, token: str | None) -> "Server":
    """ChirpStack; what is not given comes from the environment. WrongUse: it is nowhere."""
    if find_spec("chirpstack_api") is None:
        step = "pip install chirpstack-api, or: pipx inject node071 chirpstack-api"
        raise HostError("the package chirpstack-api is missing", step)
    from host.chirpstack import Server

    address, key = url or os.environ.get(URL), token or os.environ.get(TOKEN)
    if not address:
        raise WrongUse("no address of ChirpStack", f"give --url http://HOST:8080, or set {URL}")
    if not key:
        raise WrongUse("no API token", f"give --token @FILE, or set {TOKEN}")
    return Server(address, key)


def application(given: str | None) -> str:
    """The id of the application in ChirpStack. WrongUse: it is nowhere."""
    if found := given or os.environ.get(APPLICATION):
        return found
    step = f"give --application ID, or set {APPLICATION}; it stands in the address of its page"
    raise WrongUse("no application of ChirpStack", step)


def register(
    ledger: Ledger,
    found: list[Node],
    target: "Server",
    application_id: str,
    device_profile_id: str | None,
    dry_run: bool,
    named: bool = False,
) -> Iterator[tuple[Node, str]]:
    """Register nodes and keep a receipt of each: yields it with what was done.

    HostError: one of them failed; those before it are registered. Or one that was `named` never
    joins (ABP).
    """
    from host.chirpstack import Registrar

    rows = export.joining(found, named)
    registrar, done = Registrar(target, application_id, device_profile_id, dry_run), 0
    try:
        for node, what in registrar.register(rows):
            if not dry_run:
                ledger.advance(node.dev_eui, "registered", f"{target.url}: {what}")
            done += 1
            yield node, what
    except HostError as error:
        cause = f"{error} (node {done + 1} of {len(rows)})"
        step = "; ".join(filter(None, (error.next_step, "run it again: it goes on from there")))
        raise HostError(cause, step) from error


def check(ledger: Ledger, target: "Server", application_id: str) -> list[str]:
    """Note when the network heard each node last. Returns the names of those that it lacks."""
    from host.chirpstack import last_heard

    heard, missing = last_heard(target, application_id), []
    with ledger.transaction():
        for node in ledger.nodes():
            if node.dev_eui not in heard:
                missing.append(node.name)
            elif (at := heard[node.dev_eui]) is not None:
                ledger.heard(node.dev_eui, at)
    return missing
