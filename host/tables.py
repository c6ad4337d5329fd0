# SPDX-License-Identifier: MIT
"""Checks the tables of a TOML file against dataclasses; a complaint names the file and the line."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from host import files
from host.errors import HostError, meant

_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: 'a text in "quotes"',
    list: "a list [ ... ]",
    dict: "a table",
    datetime: "a date and time, such as 2026-11-23T07:00:00+01:00",
}


class Table:
    """The values of one file, and where in it they stand: paths as in files.line_of."""

    def __init__(self, path: Path):
        self.path = path

    def fail(self, where: tuple[str | int, ...], problem: str, step: str) -> HostError:
        """The complaint about what stands at `where`."""
        line = files.line_of(self.path, *where)
        tables = [each for each in where if isinstance(each, str)][:-1]
        head = f"[{'.'.join(tables)}] " if tables else ""
        return HostError(f"{self.path.name}, line {line}: {head}{problem}", step)

    def refers(self, where: tuple[str | int, ...], name: str, known: Collection[str]) -> None:
        """HostError: the name that stands at `where` is none of those known."""
        if name not in known:
            raise self.fail(where, f"unknown {where[-1]} '{name}'", meant(name, known))

    def make(self, kind: type, where: tuple[str | int, ...], values: Any, **given: Any) -> Any:
        """A dataclass of the values, `given` besides; its annotations say what each may be.

        Annotated[int, 1, 9] is a number from 1 to 9. HostError: the first mistake.
        """
        known = {each.name: each for each in fields(kind) if each.name not in given}
        required = [
            name
            for name, each in known.items()
            if each.default is MISSING and each.default_factory is MISSING
        ]
        kinds = {name: each.type for name, each in known.items()}
        return kind(**given, **self.taken(where, values, kinds, required))

    def taken(
        self,
        where: tuple[str | int, ...],
        values: Any,
        kinds: Mapping[str, Any],
        required: Iterable[str],
    ) -> dict[str, Any]:
        """The values of one table, each of its kind. HostError: the first mistake."""
        if not isinstance(values, dict):
            raise self.fail(where, f"'{_name(where)}' is not a table", _as_table(where))
        for name in values:
            if name not in kinds:
                step = meant(name, kinds, f"known here: {', '.join(kinds)}")
                raise self.fail((*where, name), f"unknown key '{name}'", step)
        for name in required:
            if name not in values:
                raise self.fail((*where, name), f"'{name}' is missing", f"add {name} = ...")
        return {
            name: self.checked((*where, name), value, kinds[name]) for name, value in values.items()
        }

    def checked(self, where: tuple[str | int, ...], value: Any, kind: Any) -> Any:
        """The value, when it is of a kind and within its range; tables become dataclasses."""
        if kind is Any:
            return value
        if get_origin(kind) in (Union, UnionType):  # with None, which TOML does not have
            kind = get_args(kind)[0]
        if get_origin(kind) is Annotated:
            kind, low, high = get_args(kind)
            self.checked(where, value, kind)
            if not low <= value <= high:
                problem = f"'{_name(where)}' is {value}, it has to be {low} to {high}"
                raise self.fail(where, problem, "correct it")
            return value
        if isinstance(kind, type) and is_dataclass(kind):
            return self.make(kind, where, value)
        plain, inner = get_origin(kind) or kind, get_args(kind)
        if not _fits(value, plain):
            rows = plain is list and inner and is_dataclass(inner[0])
            step = _as_table((*where, 0)) if rows else "correct it"
            raise self.fail(where, f"'{_name(where)}' is not {_WORDS[plain]}", step)
        if plain is dict and inner:
            return {
                name: self.checked((*where, name), each, inner[1]) for name, each in value.items()
            }
        if plain is list and inner:
            return [self.checked((*where, at), each, inner[0]) for at, each in enumerate(value)]
        return value


def _fits(value: Any, kind: type) -> bool:
    if kind is float:
        return type(value) is int or (type(value) is float and isfinite(value))
    return type(value) is kind


def _name(where: tuple[str | int, ...]) -> str:
    return next((each for each in reversed(where) if isinstance(each, str)), "")


def _as_table(where: tuple[str | int, ...]) -> str:
    name = _name(where)
    return (
        f"write [[{name}]] and its keys"
        if isinstance(where[-1], int)
        else f"write {name} = {{ ... }}"
    )
