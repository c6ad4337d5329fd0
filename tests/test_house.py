# SPDX-License-Identifier: MIT
"""The rules of the house, checked on its files; and each rule on a file that breaks it."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import mutants
import pytest

ROOT = Path(__file__).parent.parent
TREES = ("firmware", "host", "simulator", "tests", "docs")
FLOATS = ()  # firmware files of sensors that send IEEE floats
# These load a module by its name or path.
LOADERS = (
    "host/files.py",
    "firmware/passing.py",
    "firmware/sensors.py",
    "firmware/lora/region.py",
)
PURE = {"const", "namedtuple", "bytes", "range", "tuple", "group", "fixed.masks"}
ENTRIES = ("firmware/main.py", "firmware/boot.py")  # what MicroPython runs at a start
MAX_LINES = 400

# Of MicroPython, what both chip families have: no asyncio, no math, no names such as utime.
MICROPYTHON = {
    *("binascii", "collections", "cryptolib", "errno", "gc", "hashlib", "io", "json", "machine"),
    *("micropython", "onewire", "os", "random", "struct", "sys", "time", "vfs"),
}
PROGRAMS = {
    "esptool",
    "keyring",
    "mpremote",
    "micropython_unix",
}  # run, never imported
# Named unlike their packages.
MODULES = {"pyserial": "serial", "littlefs_python": "littlefs", "pillow": "PIL"}
MODULES |= {"grpcio": "grpc", "protobuf": "google", "pyvroom": "vroom"}
STDLIB = set(sys.stdlib_module_names)


@cache
def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def stem(path, depth):
    """The first part of the name under which a board imports a file."""
    return path.split("/")[depth].removesuffix(".py")


PYTHON = sorted(
    path.relative_to(ROOT).as_posix()
    for tree in TREES
    for path in ROOT.joinpath(tree).rglob("*.py")
)
FIRMWARE = [path for path in PYTHON if path.startswith("firmware/")]


def dependencies():
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    rows = project["dependencies"] + extras["chirpstack"] + extras["report"] + extras["round"]
    names = {re.match(r"[\w-]+", row)[0].replace("-", "_") for row in rows}
    return {MODULES.get(name, name) for name in names} - PROGRAMS


# What the files of a folder may import; the longest match counts.
MAY_IMPORT = {
    "firmware/": MICROPYTHON | {stem(path, 1) for path in FIRMWARE},
    "firmware/hardware.py": MICROPYTHON | {"lora", "drivers", "esp32"},  # where families differ
    "host/": STDLIB | dependencies() | {"host"},
    "host/onboard/": MICROPYTHON,  # runs on a board
    "simulator/": STDLIB | dependencies() | {"host", "simulator"},
    "simulator/chips/": STDLIB | {"simulator"},  # constants of their own
    "simulator/shims/": MICROPYTHON
    | {"builtins", "uos", "utime"}  # what they stand in front of
    | {stem(path, 2) for path in PYTHON if "/shims/" in path},
}


# The rules: each yields (line, complaint) for one file.


def one_header(path, text, tree):
    """An SPDX line comes first, then a docstring."""
    if not text.startswith("# SPDX-License-Identifier: MIT\n"):
        yield 1, "no SPDX line"
    if not ast.get_docstring(tree):
        yield 2, "no docstring"


def no_bare_except(path, text, tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield node.lineno, "bare except"


def no_program_imported(path, text, tree):
    for node, name in imports(tree):
        if name in PROGRAMS:
            yield node.lineno, f"imports {name}, which runs as a program"


def arrows_one_way(path, text, tree):
    """A folder imports what it may; host/desk.py may start the simulator, inside a function."""
    folder = max((each for each in MAY_IMPORT if path.startswith(each)), key=len)
    lazy = {id(each) for node in functions(tree) for each in ast.walk(node)}
    for node, name in imports(tree):
        at_desk = path == "host/desk.py" and name == "simulator" and id(node) in lazy
        if name not in MAY_IMPORT[folder] and not at_desk:
            yield node.lineno, f"imports {name or 'a neighbour by a dot'}"
    for node in ast.walk(tree):
        name = getattr(node, "attr", getattr(node, "id", ""))
        loads = name in ("spec_from_file_location", "import_module", "__import__", "runpy")
        if loads and path not in LOADERS:
            yield node.lineno, f"loads a module with {name}"


def firmware_only_runs(path, text, tree):
    for node, name in imports(tree):
        if name in MAY_IMPORT["firmware/"] - STDLIB:
            yield node.lineno, f"imports {name} of the firmware"


def no_float(path, text, tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"the float {node.value}"
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "a division that gives a float"
        if isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "float"


def no_async(path, text, tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield node.lineno, "asyncio"


def no_ladder(path, text, tree):
    """The same file runs on a board and in the simulator, and does not ask where it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and "ImportError" in ast.dump(node):
            yield node.lineno, "an import that may fail"
    for number, line in enumerate(text.splitlines(), 1):
        if "simulat" in line.lower():
            yield number, "knows of the simulator"


def no_call_at_import(path, text, tree):
    """At import a file makes constants; hardware is touched by functions only."""
    if path in ENTRIES:
        return
    for node in outside_functions(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name not in PURE | named_tuples():
                yield node.lineno, f"calls {name} at import"


def private_constants(path, text, tree):
    """Constants in neighbouring lines are one block, public when another file uses one of it."""
    block, last = [], -1
    for node in [*tree.body, None]:
        names = constants(node)
        if not names or node.lineno > last + 1:
            if block and not any(each in used_elsewhere(path) for each in block):
                yield last, f"no other file uses {', '.join(block)}: begin with an underscore"
            block = []
        if names:
            block += [each for each in names if not each.startswith("_")]
            last = node.end_lineno


def constants_vanish(path, text, tree):
    """Only NAME = const(...) is put in at compile time; else each is an entry on the heap."""
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        name, value = node.targets[0], node.value
        whole = isinstance(name, ast.Name)
        if not whole and "const(" in ast.unparse(value):
            yield node.lineno, "a row of constants: give each a line"
        number = isinstance(getattr(value, "value", None), int)
        if whole and name.id.startswith("_") and number:
            yield node.lineno, f"{name.id} wants const()"


def short(path, text, tree):
    if (lines := len(text.splitlines())) > MAX_LINES:
        yield lines, f"{lines} lines, {MAX_LINES} at most"


def no_package(path, text, tree):
    if Path(path).name == "__init__.py":
        yield 1, "tests/host would shadow host"


# What the rules ask of a tree.


def imports(tree):
    """Yield (node, first part of the module's name), "" for a relative import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, each.name.split(".")[0]) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, "" if node.level else node.module.split(".")[0]


def functions(tree):
    return [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]


def outside_functions(node):
    """Yield what runs at import: all but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            children = [*child.decorator_list, child.args]
        else:
            children = [] if isinstance(child, ast.Lambda) else [child]
        for each in children:
            yield each
            yield from outside_functions(each)


def constants(node):
    """The names that one statement binds by const()."""
    if not isinstance(node, ast.Assign) or "const(" not in ast.unparse(node.value):
        return []
    return [each.id for each in ast.walk(node.targets[0]) if isinstance(each, ast.Name)]


@cache
def named_tuples():
    """The types of the firmware that a call only fills."""
    assigned = re.compile(r"^(\w+) = namedtuple\(", re.M)
    return {name for path in FIRMWARE for name in assigned.findall(text_of(path))}


@cache
def uses(path):
    """The names that a file takes from others."""
    found = set()
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found.update(each.name for each in node.names)
    return found


def used_elsewhere(path):
    near = [each for each in PYTHON if each.startswith(("firmware/", "tests/firmware/"))]
    return set().union(*(uses(each) for each in near if each != path))


# Where each rule holds, and the smallest file that breaks it.

CPYTHON = ("tests/host/", "tests/simulator/", "tests/judges/", "tests/wheel/", "tests/conftest")
CODE = ("firmware/", "host/", "simulator/")
BOARD = ("firmware/",)
RULES = [
    (one_header, TREES, "host/x.py", '"""A docstring."""\n'),
    (one_header, TREES, "host/x.py", "# SPDX-License-Identifier: MIT\nimport os\n"),
    (no_bare_except, TREES, "host/x.py", "try:\n    pass\nexcept:\n    pass\n"),
    (no_program_imported, TREES, "tests/x.py", "def f():\n    from esptool import main\n"),
    (arrows_one_way, CODE, "firmware/x.py", "import asyncio\n"),
    (arrows_one_way, CODE, "firmware/x.py", "import utime\n"),
    (arrows_one_way, CODE, "firmware/lora/x.py", "from host import files\n"),
    (arrows_one_way, CODE, "firmware/lora/x.py", "from . import crypto\n"),
    (arrows_one_way, CODE, "host/x.py", "def f():\n    from simulator.run import Run\n"),
    (arrows_one_way, CODE, "host/desk.py", "from simulator.run import Run\n"),
    (arrows_one_way, CODE, "host/x.py", "import readings\n"),
    (arrows_one_way, CODE, "host/x.py", "import pandas\n"),
    (arrows_one_way, CODE, "host/x.py", "importlib.import_module('firmware.cbor')\n"),
    (arrows_one_way, CODE, "simulator/x.py", "from lora import crypto\n"),
    (arrows_one_way, CODE, "simulator/chips/x.py", "from host import lorawan\n"),
    (arrows_one_way, CODE, "simulator/shims/x.py", "from simulator import clock\n"),
    (firmware_only_runs, CPYTHON, "tests/host/x.py", "import cbor\n"),
    (no_float, BOARD, "firmware/x.py", "x = 0.5\n"),
    (no_float, BOARD, "firmware/x.py", "x = 1 / 2\n"),
    (no_float, BOARD, "firmware/x.py", "x /= 2\n"),
    (no_float, BOARD, "firmware/x.py", "x = float(y)\n"),
    (no_async, BOARD, "firmware/x.py", "async def f():\n    pass\n"),
    (no_ladder, BOARD, "firmware/x.py", "try:\n    import vfs\nexcept ImportError:\n    vfs = 0\n"),
    (no_ladder, BOARD, "firmware/x.py", "if simulated:\n    pass\n"),
    (no_call_at_import, BOARD, "firmware/x.py", "led = machine.Pin(25)\n"),
    (no_call_at_import, BOARD, "firmware/x.py", "class A:\n    led = Pin(25)\n"),
    (no_call_at_import, BOARD, "firmware/x.py", "def f(led=Pin(25)):\n    pass\n"),
    (constants_vanish, BOARD, "firmware/x.py", "_A, _B = const(1), const(2)\n"),
    (constants_vanish, BOARD, "firmware/x.py", "_A = 1\n"),
    (private_constants, BOARD, "firmware/x.py", "ALONE = const(1)\n\n_OTHER = const(2)\n"),
    (short, CODE, "host/x.py", "\n" * 401),
    (no_package, ("tests/",), "tests/host/__init__.py", ""),
]


@pytest.mark.parametrize(
    ("rule", "trees"),
    {rule: trees for rule, trees, _, _ in RULES}.items(),
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_the_house_keeps(rule, trees):
    found = []
    for path in PYTHON:
        if path.startswith(trees) and not (rule is no_float and path in FLOATS):
            text = text_of(path)
            found += [f"{path}:{at}: {why}" for at, why in rule(path, text, ast.parse(text))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("rule", "trees", "path", "text"), RULES)
def test_a_rule_bites(rule, trees, path, text):
    assert path.startswith(trees)
    assert list(rule(path, text, ast.parse(text)))


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda each: each.file)
def test_a_mutant_has_one_place_and_tests(mutant):
    assert text_of(f"firmware/{mutant.file}").count(mutant.old) == 1, mutant.old
    assert mutant.old != mutant.new and all(
        ROOT.joinpath(each).is_file() for each in mutant.tests.split()
    )


def test_the_command_line_starts_light():
    heavy = {"numpy", "scipy", "pandas", "matplotlib", "simulator", *PROGRAMS}
    code = "import sys, host.cli; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not heavy & set(done.stdout.split())
