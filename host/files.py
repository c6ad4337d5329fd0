# SPDX-License-Identifier: MIT
"""Finds what the toolkit comes with: firmware, boards.toml, kits.toml, in a wheel or a checkout."""

import importlib.util
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from host.errors import HostError
from host.positions import positions

_HERE = Path(__file__).parent


@cache
def root() -> Path:
    """The directory that holds firmware/ and the tables. HostError: the installation is broken."""
    for place in (_HERE / "data", _HERE.parent):
        if (place / "firmware" / "main.py").is_file():
            return place
    raise HostError("the firmware files are missing", "install node071 again")


def firmware_files(directory: Path | None = None) -> dict[str, Path]:
    """The Python files of the firmware by their path on the board, such as "lora/mac.py".

    HostError: `directory`, somebody's own firmware, has no main.py.
    """
    folder = directory or root() / "firmware"
    if not (folder / "main.py").is_file():
        raise HostError(f"{folder} has no main.py", "name the directory that holds main.py")
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.py"))}


@cache
def readings() -> ModuleType:
    """The tables of firmware/readings.py: pure data, loaded by path."""
    path = root() / "firmware" / "readings.py"
    spec = importlib.util.spec_from_file_location("node071_readings", path)
    if spec is None or spec.loader is None:
        raise HostError(f"{path.name} cannot be loaded", "install node071 again")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. HostError: it is not there, or not TOML, with the line."""
    try:
        data = path.read_bytes()
        return tomllib.loads(data.decode("utf-8-sig"))  # editors put a mark before the text
    except FileNotFoundError as error:
        raise HostError(f"{path} does not exist", "check the path") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise HostError(f"{path.name}, line {line}: not UTF-8", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        cause, _, where = str(error).removesuffix(")").partition(" (at ")
        if not where.startswith("line "):  # but at the end of the document
            where = "line " + str(data.count(b"\n") + 1)
        raise HostError(f"{path.name}, {where}: {cause}", "correct that line") from error


def line_of(path: Path, *where: str | int) -> int:
    """The line of a table, a key or an item: line_of(path, "node", 1, "kit"), items from 0.

    What is not there has the line of the innermost table that is.
    """
    lines = positions(path.read_text(encoding="utf-8-sig"))
    return next(lines[where[:end]] for end in range(len(where), -1, -1) if where[:end] in lines)
