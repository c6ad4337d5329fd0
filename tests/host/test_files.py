# SPDX-License-Identifier: MIT
"""host.files: the lines on which things stand, TOML that is none, and the files of a firmware."""

import tomllib
from pathlib import Path

import pytest

from host import files
from host.errors import HostError
from host.positions import positions

ROOT = Path(__file__).parents[2]
HARD = '''# kit = "in a comment"
start = 2026-11-23T07:00:00+01:00
text = """
kit = "in a text"
[node]
"""
a."b.c".d = 1 # dotted

[[node]]
name = "one" # with ] and [
kit = 'it'
places = [ # a list over several lines
    1, 2,
    3,
]

[node.radio]
pins = { sck = 5, more = { cs = [7,
    8] } }

[[node]] # the second
'name' = "two"
x = -1.5e3

  [[node.part]]
  a = [{ b = 1 }, { b = 2 },
       { b = 3 }]
[[node.part]]
a = []

[world."class room"]
kind = "classroom"
[[node]]
name = "three"
'''


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "my.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def every_path(value, path=()):
    """Yield the path of each table, key and item that tomllib finds."""
    yield path
    if isinstance(value, dict | list):
        rows = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in rows:
            yield from every_path(inner, (*path, key))


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ((), 1),
        (("start",), 2),
        (("text",), 3),
        (("a", "b.c", "d"), 7),
        (("node",), 9),
        (("node", 0), 9),
        (("node", 0, "name"), 10),
        (("node", 0, "kit"), 11),
        (("node", 0, "places"), 12),
        (("node", 0, "places", 1), 13),
        (("node", 0, "places", 2), 14),
        (("node", 0, "radio"), 17),
        (("node", 0, "radio", "pins", "sck"), 18),
        (("node", 0, "radio", "pins", "more", "cs", 1), 19),
        (("node", 1), 21),
        (("node", 1, "name"), 22),
        (("node", 1, "part", 0), 25),
        (("node", 1, "part", 0, "a", 1, "b"), 26),
        (("node", 1, "part", 0, "a", 2, "b"), 27),
        (("node", 1, "part", 1, "a"), 29),
        (("world", "class room", "kind"), 32),
        (("node", 2, "name"), 34),
    ],
)
def test_the_line_of_what_is_there(toml, where, line):
    assert files.line_of(toml(HARD), *where) == line


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("nothing",), 1),
        (("node", 1, "kit"), 21),
        (("node", 0, "radio", "pins", "miso"), 18),
        (("node", 1, "part", 1, "b"), 28),
        (("world", "other"), 31),
    ],
)
def test_what_is_missing_has_the_line_of_its_table(toml, where, line):
    assert files.line_of(toml(HARD), *where) == line


@pytest.mark.parametrize(
    "text", [HARD, *(path.read_text() for path in ROOT.glob("*.toml"))], ids=lambda each: each[:20]
)
def test_no_path_is_lost_and_none_invented(text):
    assert set(positions(text)) == set(every_path(tomllib.loads(text)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb = = 2\n", "my.toml, line 2, column 5: Invalid value"),
        ("[a]\nb = 1\nb = 2\n", "my.toml, line 3, column 6: Cannot overwrite a value"),
        ("a = 1\nb = [\n", "my.toml, line 3: Invalid value"),
        (b"a = 1\nb = '\xe9'\n", "my.toml, line 2: not UTF-8"),
    ],
)
def test_what_is_no_toml_has_a_line(toml, text, said):
    with pytest.raises(HostError) as error:
        files.load_toml(toml(text))
    assert str(error.value) == said and error.value.next_step


def test_a_mark_that_an_editor_puts_before_the_text_is_none_of_it(toml):
    path = toml("\ufeffa = 1\nb = 2\n")
    assert files.load_toml(path) == {"a": 1, "b": 2}
    assert files.line_of(path, "a") == 1 and files.line_of(path, "b") == 2


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(HostError, match=r"none\.toml does not exist"):
        files.load_toml(tmp_path / "none.toml")


def test_the_files_of_a_firmware(tmp_path):
    for name in ("main.py", "node.py", "lora/mac.py", "lora/mac.mpy", "notes.txt"):
        tmp_path.joinpath(name).parent.mkdir(exist_ok=True)
        tmp_path.joinpath(name).write_text("")
    found = files.firmware_files(tmp_path)
    assert list(found) == ["lora/mac.py", "main.py", "node.py"]
    assert found["lora/mac.py"] == tmp_path / "lora" / "mac.py"
    tmp_path.joinpath("main.py").unlink()
    with pytest.raises(HostError, match=r"has no main\.py"):
        files.firmware_files(tmp_path)


def test_the_firmware_that_comes_along():
    names = set(files.firmware_files())
    assert {"main.py", "boot.py", "lora/sx127x.py", "drivers/scd4x.py"} < names
    assert all(name.endswith(".py") and not name.startswith("/") for name in names)
