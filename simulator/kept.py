# SPDX-License-Identifier: MIT
"""The flash of a node that goes on in another run: what it keeps stays, its firmware is new."""

import json
from pathlib import Path

from host import image
from host.errors import HostError
from simulator.flash_chip import files_of

_MANIFEST = "manifest.json"


def renewed(flash: Path, firmware: Path | None) -> bytes:
    """The image of a flash with the firmware as it is now. HostError: it cannot be read."""
    data = flash.read_bytes()
    found = files_of(data)
    if _MANIFEST not in found:
        step = "delete it, and register the node anew"
        raise HostError(f"{flash} holds no node that can go on", step)
    old = {row["path"] for row in json.loads(found[_MANIFEST])} | {_MANIFEST}
    own = {path: content for path, content in found.items() if path not in old}
    return image.build(image.firmware(firmware) | own, len(data) // image.BLOCK_SIZE)
