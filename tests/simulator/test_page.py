# SPDX-License-Identifier: MIT
"""docs/simulator.md: each figure of its tables is that of the code, and no current is left out."""

import ast
import importlib
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import simulator
from host.figures import Range
from simulator import currents

PAGE = (Path(__file__).parents[2] / "docs/simulator.md").read_text(encoding="utf-8")
SHIMS = Path(simulator.__file__).with_name("shims")
NUMBER = re.compile(r"(?<![\w.^/])-?\d[\d,]*(?:\.\d+)?(?![\w/])")
CONSTANT = re.compile(r"((?:[a-z_0-9]+\.)*[a-z_0-9]+)\.(_?[A-Z].*)")


def rows():
    """(figure, constants) of each row of a table that says where in the code it is."""
    found = []
    for line in PAGE.splitlines():
        _, figure, named, *_ = [each.strip() for each in line.strip("|").split(" | ")] + [""] * 3
        if line.startswith("| ") and named.startswith("`"):
            found.append(pytest.param(figure, named.strip("`").split(", "), id=named.strip("`")))
    return found


def namespace(module):
    """The constants of a module; a shim loads under MicroPython only, so it is read."""
    if not module.startswith("shims."):
        return vars(importlib.import_module(f"simulator.{module}"))
    source = (SHIMS / f"{module.removeprefix('shims.')}.py").read_text()
    found = {}
    for each in ast.parse(source).body:
        if isinstance(each, ast.Assign):
            target = each.targets[0]
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            try:
                value = ast.literal_eval(each.value)
            except ValueError:
                continue  # not a plain number
            values = value if isinstance(target, ast.Tuple) else [value]
            found |= {name.id: one for name, one in zip(names, values, strict=True)}
    return found


def flat(value):
    """The numbers in it, in order; a range is one of them where there is no doubt."""
    if isinstance(value, Range) and value.low == value.high:
        return [value.low]
    if is_dataclass(value):
        return [one for each in fields(value) for one in flat(getattr(value, each.name))]
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, str):
        return [float(each) for each in re.findall(r"\d+", value)]
    if isinstance(value, int | float):
        return [value]
    return [one for each in value for one in flat(each)]


@pytest.mark.parametrize(("figure", "constants"), rows())
def test_a_figure_of_the_page_is_that_of_the_code(figure, constants):
    written = [each.replace(",", "") for each in NUMBER.findall(figure)]
    found = []
    for constant in constants:
        module, expression = CONSTANT.fullmatch(constant).groups()
        found += flat(eval(expression, dict(namespace(module))))
    assert len(written) == len(found), (written, found)
    for text, value in zip(written, found, strict=True):
        assert round(value, len(text.partition(".")[2])) == float(text), constants


def test_the_page_has_every_current():
    named = {each.id for each in rows()}
    assert len(named) > 90
    wanted = {f'currents.RADIO_MA["{state}"]' for state in currents.RADIO_MA}
    for driver, states in currents.SENSORS_MA.items():
        drawing = states.keys() - {"off"}
        wanted |= {f'currents.SENSORS_MA["{driver}"]["{state}"]' for state in drawing}
    assert wanted <= named
