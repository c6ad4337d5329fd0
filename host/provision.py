# SPDX-License-Identifier: MIT
"""Makes a node's identity, keys and config, and puts them into its flash image."""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from host import image
from host.boards import Board, Kit, config_for
from host.lorawan import Session

_LOCAL_BIT = 0x02  # of the first byte of an EUI: administered locally, not assigned by the IEEE


@dataclass(frozen=True)
class Identity:
    """Who a node is on the network: EUIs and key in reading order."""

    name: str
    dev_eui: bytes  # 8 bytes
    join_eui: bytes  # 8 bytes
    app_key: bytes  # 16 bytes
    session: Session | None = None  # of a node that is personalised (ABP) and never joins

    def __repr__(self) -> str:
        """Without the key: this may end up in a log."""
        return f"Identity({self.name!r}, {self.dev_eui.hex()})"


def dev_eui_for(chip: str, unique_id: bytes) -> bytes:
    """The DevEUI of a board without an EUI of its own.

    ESP32: EUI-64 of its MAC address (6 bytes). RP2040: the id of its flash chip (8 bytes), marked
    as administered locally, as no IEEE block stands behind it. ValueError: an id of another length.
    """
    esp32 = chip.startswith("esp32")
    if len(unique_id) != (6 if esp32 else 8):
        raise ValueError(f"a unique id of {len(unique_id)} bytes")
    if esp32:
        return unique_id[:3] + b"\xff\xfe" + unique_id[3:6]
    return bytes((unique_id[0] & 0xFC | _LOCAL_BIT,)) + unique_id[1:8]


def new_identity(
    name: str, dev_eui: bytes, random_bytes: Callable[[int], bytes] = secrets.token_bytes
) -> Identity:
    """A fresh identity: JoinEUI all zeros, AppKey from a cryptographic random source."""
    return Identity(name, dev_eui, bytes(8), random_bytes(16))


def config(board: Board, kit: Kit, identity: Identity, region: str = "EU868") -> dict[str, Any]:
    """The config of a board that is to be this node."""
    values = config_for(
        board, kit, identity.name, identity.dev_eui, identity.join_eui, identity.app_key, region
    )
    if identity.session is not None:
        del values["app_key"]
        values |= asdict(identity.session)
    return values


def records(board: Board, kit: Kit, identity: Identity, region: str = "EU868") -> dict[str, bytes]:
    """The files that make a board this node: its config, and what it needs to know without one."""
    values = config(board, kit, identity, region)
    return {f"{image.STATE}/config.0": image.record(values), **board_records(board)}


def about_board(board: Board) -> dict[str, Any]:
    """What firmware without an identity needs to say so."""
    return {"led": vars(board.led)} if board.led else {}


def board_records(board: Board) -> dict[str, bytes]:
    """The file of it."""
    return {f"{image.STATE}/board.0": image.record(about_board(board))}


def flash_image(
    board: Board,
    kit: Kit,
    identity: Identity,
    firmware: Path | None = None,
    region: str = "EU868",
) -> bytes:
    """The whole LittleFS image of a provisioned board.

    `firmware` is somebody's changed firmware directory, None: the packaged one. HostError: a file
    does not compile, or all of it does not fit.
    """
    contents = image.firmware(firmware) | records(board, kit, identity, region)
    return image.build(contents, board.filesystem_kib * 1024 // image.BLOCK_SIZE)
