# SPDX-License-Identifier: MIT
"""The list of nodes that are to be: a CSV or TOML file, checked as a whole, mistakes by line."""

import csv
import io
import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from host import boards
from host.boards import Board, Kit
from host.errors import HostError, meant, typed
from host.ledger import Ledger
from host.names import NAME_MOST, PLACE_MOST, one_line
from host.node import STATES, Node
from host.positions import positions

_NEEDED = ("name", "board", "kit")
_KNOWN = (*_NEEDED, "dev_eui", "join_eui", "region", "place", "port")
_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
_NO_EUI = (bytes(8), b"\xff" * 8)  # of a device; a JoinEUI may be zeros
_EUI = "write 16 hexadecimal digits; in a spreadsheet make the column one of text first"
_SAVE = "save it as UTF-8; in a spreadsheet: save as CSV UTF-8"
_HOW = "columns: name, board, kit, and if wished " + ", ".join(_KNOWN[3:])


@dataclass(frozen=True)
class Mistake:
    """What is wrong on a line, and what to do about it."""

    line: int
    problem: str
    next_step: str


class Mistakes(HostError):
    """Why a manifest is not begun; `mistakes` has all of them, by line."""

    def __init__(self, path: Path, mistakes: Iterable[Mistake]):
        self.mistakes = sorted(mistakes, key=lambda each: each.line)
        lines = [f"{path.name}, line {each.line}: {each.problem}" for each in self.mistakes]
        steps = [each.next_step for each in self.mistakes]
        count = len(lines)
        cause = f"{count} mistakes, nothing was written: {'; '.join(lines)}"
        super().__init__(lines[0] if count == 1 else cause, steps[0] if count == 1 else "")


@dataclass(frozen=True)
class Row:
    """A node that is to be; `line` is where its file names it."""

    line: int
    name: str
    board: Board
    kit: Kit
    dev_eui: bytes | None = None
    join_eui: bytes | None = None
    region: str | None = None
    place: str | None = None
    port: str | None = None  # only a board that is plugged in there


def read(path: Path) -> list[Row]:
    """The rows of a manifest in their order. Mistakes: all that is wrong with it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Mistakes(path, [Mistake(line, "not UTF-8", _SAVE)]) from error
    mistakes: list[Mistake] = []
    of_kind = _toml if path.suffix.lower() == ".toml" else _csv
    cells = of_kind(text, mistakes)
    rows = [row for line, values in cells if (row := _row(line, values, mistakes)) is not None]
    if not rows and not mistakes:
        mistakes.append(Mistake(1, "no node is in it", _HOW))
    mistakes += _twice(rows)
    if mistakes:
        raise Mistakes(path, mistakes)
    return rows


def check_ledger(
    path: Path,
    rows: list[Row],
    ledger: Ledger,
    join_eui: bytes | None = None,
    region: str | None = None,
) -> None:
    """Mistakes: rows that say otherwise than the ledger does of a node of this name or DevEUI.

    JoinEUI and region are those of rows that have none.
    """
    nodes = ledger.nodes()
    names = {node.name: node for node in nodes}
    owners = {node.dev_eui: node for node in nodes}
    mistakes = []
    for row in rows:
        node, owner = names.get(row.name), owners.get(row.dev_eui or b"")
        if node is not None and (problem := _differs(_filled(row, join_eui, region), node)):
            step = f"give it another name, or first: node071 retire {typed(row.name)}"
            mistakes.append(Mistake(row.line, f"'{row.name}' is in the ledger {problem}", step))
        elif owner is not None and owner.name != row.name:
            problem = f"DevEUI {owner.dev_eui.hex()} belongs to '{owner.name}' in the ledger"
            step = f"correct it, or first: node071 retire {typed(owner.name)}"
            mistakes.append(Mistake(row.line, problem, step))
    if mistakes:
        raise Mistakes(path, mistakes)


def is_written(node: Node | None) -> bool:
    """The ledger has seen it on its board."""
    return node is not None and node.state != STATES[0]


def _filled(row: Row, join_eui: bytes | None, region: str | None) -> Row:
    own = join_eui if row.join_eui is None else row.join_eui
    return replace(row, join_eui=own, region=row.region or region)


def _differs(row: Row, node: Node) -> str:
    if row.dev_eui not in (None, node.dev_eui):
        return f"with DevEUI {node.dev_eui.hex()}"
    if not is_written(node):  # it gets what the row says
        return ""
    if (row.board.name, row.kit.name) != (node.board, node.kit):
        return f"as {node.kit} on {node.board}"
    if row.region not in (None, node.region):
        return f"for region {node.region}"
    if row.join_eui not in (None, node.identity.join_eui):
        return f"with JoinEUI {node.identity.join_eui.hex()}"
    return ""


def _csv(text: str, mistakes: list[Mistake]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, cells) of each row; between them a comma or, as spreadsheets write it, ; or a tab."""
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [each.strip().lower() for each in next(reader, [])]
        while columns and not columns[-1]:  # a spreadsheet keeps those that were emptied
            columns.pop()
        for name in dict.fromkeys(columns):
            if name not in _KNOWN or columns.count(name) > 1:
                mistakes.append(Mistake(1, f"unknown or double column '{name}'", _HOW))
        for name in _NEEDED:
            if name not in columns:
                mistakes.append(Mistake(1, f"the column '{name}' is missing", _HOW))
        if mistakes:
            return
        while True:
            line = reader.line_num + 1  # a cell may go over several lines
            cells = next(reader, None)
            if cells is None:
                return
            if any(each.strip() for each in cells[len(columns) :]):
                step = f'put a text with {_DELIMITERS[delimiter]} into "quotes"'
                mistakes.append(Mistake(line, f"more than {len(columns)} cells", step))
            elif any(each.strip() for each in cells):
                yield line, dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        mistakes.append(Mistake(reader.line_num, f"no CSV: {error}", "correct that line"))


def _toml(text: str, mistakes: list[Mistake]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, values) of each [[node]]."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = getattr(error, "lineno", 0) or _line_in(str(error))  # an attribute from 3.14 on
        mistakes.append(Mistake(line, str(error), "correct that line"))
        return
    lines, step = positions(text), "write [[node]] and under it name, board, kit"
    for name in tables:
        if name != "node":
            mistakes.append(Mistake(lines[(name,)], f"unknown key '{name}'", step))
    nodes = tables.get("node", [])
    if not isinstance(nodes, list):
        nodes = [nodes]
        mistakes.append(Mistake(lines[("node",)], "'node' is no list", step))
        return
    for number, values in enumerate(nodes):
        line = lines.get(("node", number), 1)
        if not isinstance(values, dict):
            mistakes.append(Mistake(line, "this is no table", step))
            continue
        for key in values:
            if key not in _KNOWN:
                at = lines.get(("node", number, key), line)
                mistakes.append(Mistake(at, f"unknown key '{key}'", _HOW))
        yield line, {key: value for key, value in values.items() if key in _KNOWN}


def _line_in(said: str) -> int:
    """The line that tomllib's message ends with: "... (at line 3, column 7)"."""
    number = said.rpartition("at line ")[2].partition(",")[0]
    return int(number) if number.isdigit() else 1


def _row(line: int, cells: dict[str, Any], mistakes: list[Mistake]) -> Row | None:
    """A row of its cells, None: something is wrong with it, which is now among the mistakes."""
    before, values = len(mistakes), {}

    def wrong(problem: str, step: str) -> None:
        mistakes.append(Mistake(line, problem, step))

    for name, cell in cells.items():
        if not isinstance(cell, str):
            wrong(f"'{name}' is no text", 'put it into "quotes"')
        elif cell.strip():
            try:
                values[name] = one_line(cell, PLACE_MOST if name == "place" else NAME_MOST)
            except ValueError as error:
                wrong(f"'{name}': {error}", "write it on one line, and shorter")
    for name in _NEEDED:
        if isinstance(cell := cells.get(name, ""), str) and not cell.strip():
            wrong(f"'{name}' is missing", "each node has a name, a board and a kit")
    board = boards.boards().get(values.get("board", ""))
    kit = boards.kits().get(values.get("kit", ""))
    tables: dict[str, Collection[str]]
    tables = {"board": boards.boards(), "kit": boards.kits(), "region": boards.REGIONS}
    for name, known in tables.items():
        if name in values and values[name] not in known:
            step = "" if name == "region" else f"node071 {name}s lists them"
            wrong(f"unknown {name} '{values[name]}'", meant(values[name], known, step))
    if board is not None and kit is not None and (problem := boards.refusal(board, kit)):
        wrong(problem, "see node071 boards for others")
    euis = {}
    for name in ("dev_eui", "join_eui"):
        if name in values:
            euis[name] = eui = _eui(values.pop(name))
            if eui is None or (name == "dev_eui" and eui in _NO_EUI):
                wrong(f"'{name}' is no EUI", _EUI)
    if len(mistakes) > before or board is None or kit is None:
        return None
    others = {name: values.get(name) for name in ("region", "place", "port")}
    return Row(line, values["name"], board, kit, **euis, **others)  # type: ignore[arg-type]


def _eui(text: str) -> bytes | None:
    """Its 8 bytes, None: it is none."""
    try:
        eui = bytes.fromhex(text.replace(":", "").replace("-", ""))
    except ValueError:
        return None
    return eui if len(eui) == 8 else None


def _twice(rows: list[Row]) -> Iterator[Mistake]:
    """Names and DevEUIs that another row has already."""
    first: dict[str | bytes, int] = {}
    for row in rows:
        for what, value in (("name", row.name), ("DevEUI", row.dev_eui)):
            if value is not None and first.setdefault(value, row.line) != row.line:
                problem = f"the {what} of line {first[value]} once more"
                yield Mistake(row.line, problem, "each node has its own")
