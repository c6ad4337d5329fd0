# SPDX-License-Identifier: MIT
"""MicroPython for a board: a file of one's own, the one in the cache, or the one that is published.

Nobody publishes hashes of these files. So their structure is checked, the SHA-256 is shown, the
ledger keeps it at first use, and another file of the same name is refused.
"""

import hashlib
import re
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from host import esp32, uf2
from host.boards import Board
from host.errors import HostError, WrongUse
from host.ledger import Ledger

SITE = "https://micropython.org"
_VERSION = re.compile(r"v?(\d+\.\d+(?:\.\d+)?)")
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Image:
    """A MicroPython for a board, its structure checked."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        """In hex, as other programs print it."""
        return hashlib.sha256(self.data).hexdigest()


def folder() -> Path:
    """Where files wait that were downloaded, or put there by hand."""
    return user_cache_path("node071") / "micropython"


def suffix(board: Board) -> str:
    """How the files for a board end."""
    return ".uf2" if board.chip.startswith("rp2040") else ".bin"


def get(
    board: Board, wish: str, ledger: Ledger, cache: Path | None = None, site: str = SITE
) -> Image:
    """The image that is meant by a FILE or a VERSION. HostError: none, damaged, or another one."""
    path, cache = Path(wish), cache or folder()
    if version := _VERSION.fullmatch(wish):
        path = _find(board, version[1], cache) or _download(board, version[1], cache, site)
    elif not path.is_file():
        raise WrongUse(
            f"--micropython {wish} is no file and no version", "give a FILE, or for example 1.28.0"
        )
    image = Image(path.name, path.read_bytes())
    check(board, image)
    kept = ledger.first_use(image.name, image.sha256)
    if kept != image.sha256:
        raise HostError(
            f"{image.name} is not the file that was used first: SHA-256 {image.sha256[:16]}..., "
            f"not {kept[:16]}...",
            "download it again; if you built it yourself, give it another name",
        )
    return image


def check(board: Board, image: Image) -> None:
    """HostError: it is not whole, or not for this board's chip."""
    if board.uf2_family is not None:
        uf2.check(image.data, board.uf2_family)
    else:
        esp32.check(image.data)


def _find(board: Board, version: str, cache: Path) -> Path | None:
    """The file of a version in the cache, the youngest one."""
    found = cache.glob(f"{board.micropython}-????????-v{version}{suffix(board)}")
    return max(found, default=None)


def _download(board: Board, version: str, cache: Path, site: str) -> Path:
    """Fetch a version into the cache. HostError: not published, or offline: what to put where."""
    page = f"{site}/download/{board.micropython}/"
    pattern = rf"{board.micropython}-\d{{8}}-v{re.escape(version)}{re.escape(suffix(board))}"
    try:
        names = re.findall(rf'/resources/firmware/({pattern})"', _fetch(page).decode())
        if not names:
            raise HostError(
                f"there is no MicroPython {version} for {board.micropython}", f"{page} lists them"
            )
        data = _fetch(f"{site}/resources/firmware/{max(names)}")
    except OSError as error:
        cache.mkdir(parents=True, exist_ok=True)  # it is to be there when a file is put into it
        raise HostError(
            f"MicroPython {version} for {board.micropython} is not on this computer, and {site} "
            "cannot be reached",
            f"get {board.micropython}-DATE-v{version}{suffix(board)} from {page} with another "
            f"computer and put it into {cache}",
        ) from error
    check(board, Image(max(names), data))
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache, delete=False) as file:
        file.write(data)
    return Path(file.name).replace(cache / max(names))


def _fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:
        data: bytes = answer.read()
    return data
