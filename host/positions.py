# SPDX-License-Identifier: MIT
"""On which line of a TOML file each table, key and item stands, as tomllib does not say."""

import re

Path = tuple[str | int, ...]  # ("node", 1, "kit"): names of tables and keys, items from 0

_TOKEN = re.compile(
    r"""
    (?P<space> [ \t\r]+ | \#[^\n]* )
    | (?P<text> \"{3} (?: \\. | [^\\] )*? \"{3,5} | '{3} .*? '{3,5}
              | " (?: \\. | [^"\\] )* " | '[^']*' )
    | (?P<mark> [\n\[\]{}=,.] )
    | (?P<bare> [^\s\[\]{}=,.\#"']+ )
    """,
    re.VERBOSE | re.DOTALL,
)


def positions(text: str) -> dict[Path, int]:
    """The line on which each path begins, () for the whole; `text` is what tomllib has taken."""
    walk = _Walk(text)
    walk.document()
    return walk.lines


class _Walk:
    """Goes through the tokens once and notes where paths begin."""

    def __init__(self, text: str):
        self.lines: dict[Path, int] = {(): 1}
        self._tokens: list[tuple[str, int]] = []
        self._at = 0
        self._arrays: dict[Path, int] = {}  # [[tables]] so far
        line = 1
        for token in _TOKEN.finditer(text):
            if token.lastgroup != "space":
                self._tokens.append((token[0], line))
            line += token[0].count("\n")
        self._tokens.append(("", line))

    def document(self) -> None:
        table: Path = ()
        while self._token:
            if self._token == "[":
                table = self._header()
            elif self._token == "\n":
                self._at += 1
            else:
                self._pair(table)

    @property
    def _token(self) -> str:
        return self._tokens[self._at][0]

    def _take(self, token: str) -> bool:
        """Pass over a token when it is the next."""
        found = self._token == token
        self._at += found
        return found

    def _note(self, path: Path) -> None:
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], self._tokens[self._at][1])

    def _header(self) -> Path:
        self._take("[")
        array = self._take("[")
        *outer, last = self._names()
        path: Path = ()
        for name in outer:
            path = self._newest((*path, name))
        path = (*path, last)
        if array:
            self._arrays[path] = self._arrays.get(path, 0) + 1
        path = self._newest(path)
        self._note(path)
        while self._take("]"):
            pass
        return path

    def _newest(self, path: Path) -> Path:
        return (*path, self._arrays[path] - 1) if path in self._arrays else path

    def _names(self) -> Path:
        names = [self._name()]
        while self._take("."):
            names.append(self._name())
        return tuple(names)

    def _name(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][0].strip("\"'")

    def _pair(self, table: Path) -> None:
        """One `key = value`."""
        begin = self._at
        path = table + self._names()
        end, self._at = self._at, begin
        self._note(path)
        self._at = end
        self._take("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._take("["):
            self._items(path, "]")
        elif self._take("{"):
            self._items(path, "}")
        else:
            while self._token not in ("", "\n", ",", "]", "}"):
                self._at += 1

    def _items(self, path: Path, closing: str) -> None:
        """The items of an array, or the pairs of an inline table, up to its end."""
        number = 0
        while self._token and not self._take(closing):
            if self._take("\n") or self._take(","):
                continue
            if closing == "}":
                self._pair(path)
            else:
                self._note((*path, number))
                self._value((*path, number))
                number += 1
