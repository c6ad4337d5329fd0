# SPDX-License-Identifier: MIT
"""What a node held before it was flashed, until it holds it again: readings, settings, counters.

No key is among it: identity and keys are in the ledger.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import cbor2

_SECRET = ("/state/config.", "/state/session.")


def keep(folder: Path, unique_id: bytes, files: dict[str, bytes]) -> None:
    """Keep the files of a board, whole or not at all, over what was kept of it before."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = {path: data for path, data in files.items() if not path.startswith(_SECRET)}
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:  # 0600
        file.write(cbor2.dumps(kept))
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(_path(folder, unique_id))


def kept(folder: Path, unique_id: bytes) -> dict[str, bytes] | None:
    """The files that were kept of a board, None when nothing is."""
    with suppress(OSError, cbor2.CBORDecodeError):
        found = cbor2.loads(_path(folder, unique_id).read_bytes())
        return found if isinstance(found, dict) else None
    return None


def forget(folder: Path, unique_id: bytes) -> None:
    """The board holds it again."""
    _path(folder, unique_id).unlink(missing_ok=True)


def _path(folder: Path, unique_id: bytes) -> Path:
    return folder / f"{unique_id.hex()}.cbor"
