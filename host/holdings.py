# SPDX-License-Identifier: MIT
"""What a node held before it was flashed, until it holds it again: readings, settings, counters.

No key is among it: identity and keys are in the ledger.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import cbor2

_SECRET = ("/state/config.", "/state/session.")


def keep(folder: Path, unique_id: bytes, files: dict[str, bytes]) -> None:
    """Keep the files of a board, whole or not at all, over what was kept of it before."""
    kept = {path: data for path, data in files.items() if not path.startswith(_SECRET)}
    _write(folder, unique_id, {"files": kept, "writing": False})


def begin(folder: Path, unique_id: bytes) -> None:
    """From here on the board is written over: until it is forgotten, what was kept is the truth."""
    _write(folder, unique_id, {"files": kept(folder, unique_id) or {}, "writing": True})


def call_off(folder: Path, unique_id: bytes) -> None:
    """It was not written over after all: the board itself is the truth."""
    _write(folder, unique_id, {"files": kept(folder, unique_id) or {}, "writing": False})


def kept(folder: Path, unique_id: bytes) -> dict[str, bytes] | None:
    """The files that were kept of a board, None when nothing is."""
    files: dict[str, bytes] | None = _read(folder, unique_id).get("files")
    return files


def interrupted(folder: Path, unique_id: bytes) -> dict[str, bytes] | None:
    """The same, of a board that was being written over: what it says of itself may be half."""
    return kept(folder, unique_id) if _read(folder, unique_id).get("writing") else None


def forget(folder: Path, unique_id: bytes) -> None:
    """The board holds it again."""
    _path(folder, unique_id).unlink(missing_ok=True)


def _read(folder: Path, unique_id: bytes) -> dict[str, Any]:
    with suppress(OSError, cbor2.CBORDecodeError):
        found = cbor2.loads(_path(folder, unique_id).read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def _write(folder: Path, unique_id: bytes, value: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:  # 0600
        file.write(cbor2.dumps(value))
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(_path(folder, unique_id))


def _path(folder: Path, unique_id: bytes) -> Path:
    return folder / f"{unique_id.hex()}.cbor"
