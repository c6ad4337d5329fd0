# SPDX-License-Identifier: MIT
"""Finds what the toolkit comes with: firmware, boards.toml, kits.toml, in a wheel or a checkout."""

import importlib.util
import re
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from host.errors import HostError

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
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as error:
        raise HostError(f"{path} does not exist", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HostError(f"{path.name}: {error}", "correct that line") from error


def line_of(path: Path, table: str, key: str, occurrence: int = 0) -> int:
    """The line on which a key of a table stands; the table's own line when the key is missing.

    tomllib keeps no positions, so this scans. `occurrence` counts [[tables]] of one name.
    """
    found, current, count = 1, "", -1
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        header = re.match(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}", line)
        if header:
            current = header[1].replace('"', "")
            count += current == table
            if current == table and count == occurrence:
                found = number
        elif (current == table and (count == occurrence or not table)) and key:
            first = re.escape(key.split(".")[0])
            if re.match(rf'\s*"?{first}"?\s*[.=]', line):
                return number
    return found
