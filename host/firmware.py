# SPDX-License-Identifier: MIT
"""What a board's firmware lacks: the files that differ, by their hashes, and those to remove."""

import hashlib
import json
from collections.abc import Mapping

MANIFEST = "/manifest.json"
_FIRST = ("/update.mpy", "/boot.py")  # with these a board finishes a cut change by itself
LAST = ("/main.py", MANIFEST)


def changes(
    on_board: Mapping[str, str], manifest: bytes | None, contents: Mapping[str, bytes]
) -> tuple[dict[str, bytes], list[str]]:
    """(files to write, in their order, paths to remove) that make a board's firmware `contents`.

    `on_board`: SHA-256 by path. `manifest`: the one on the board, for what it has and we no longer
    have; files that it does not name belong to somebody else and stay, unless they hide ours.
    """
    wanted = {f"/{name}": data for name, data in contents.items()}
    write = {
        path: wanted[path]
        for path in sorted(wanted, key=_rank)
        if on_board.get(path) != hashlib.sha256(wanted[path]).hexdigest()
    }
    hidden = {path.removesuffix(".mpy") + ".py" for path in wanted if path.endswith(".mpy")}
    old = {f"/{row['path']}" for row in _rows(manifest)}
    return write, sorted(path for path in (old | hidden) - set(wanted) if path in on_board)


def _rank(path: str) -> tuple[int, str]:
    if path in _FIRST:
        return _FIRST.index(path), path
    return (100 + LAST.index(path) if path in LAST else 50), path


def _rows(manifest: bytes | None) -> list[dict[str, str]]:
    """The rows of a manifest; one that cannot be read has none."""
    try:
        rows = json.loads(manifest or b"[]")
        return [row for row in rows if isinstance(row["path"], str)]
    except (ValueError, TypeError, KeyError):
        return []
