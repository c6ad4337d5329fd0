# SPDX-License-Identifier: MIT
"""What the documents name is there: links, files, tests, targets, commands; no private place."""

import os
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from host.cli import cli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]
TREES = ("firmware", "host", "simulator", "tests", "docs", ".ci")
PRIVATE = re.compile(
    r"(?<![\w.~$*])/(home|root|Users|work|mnt)/\w|[A-Z]:\\Users|"
    r"\bpypi\.org|pythonhosted\.org|npmjs\.(org|com)|\bcrates\.io|proxy\.golang\.org|"
    r"repo1?\.maven|deb\.debian\.org"
)
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(text):
    """The names of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def broken_links(page, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            continue
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            yield target


def missing_files(page, text):
    """Paths in code, from the root or from tests/ on, and tests as `file::function`."""
    made = re.findall(r"^File `([^`]+)`:$", text, re.M)  # by whoever follows the page
    for span in re.findall(r"`([\w./-]+/[\w./-]*)`", text):
        places = (ROOT / span, ROOT / "tests" / span)
        test = Path(span).name.startswith("test_")  # a test is named with its function
        known = span in made or span.split("/")[0] not in TREES
        if not known and not test and not any(map(Path.exists, places)):
            yield span
    for path, function in re.findall(r"`([\w/]+\.py)::(\w+)`", text):
        file = ROOT / "tests" / path
        if not file.exists() or f"def {function}(" not in file.read_text():
            yield f"{path}::{function}"


def unknown_commands(page, text):
    targets = re.findall(r"^([a-z]+):", ROOT.joinpath("Makefile").read_text(), re.M)
    for name in re.findall(r"(?:`|^ {4})make ([a-z]+)", text, re.M):
        if name not in targets:
            yield f"make {name}"
    for line in re.findall(r"(?:`|^ {4}|/)node071 ([a-z][^`\n#]*)", text, re.M):
        name, *words = line.split()
        command = cli.commands.get(name)
        command = getattr(command, "commands", {}).get(words[0] if words else "", command)
        known = {each for option in getattr(command, "params", []) for each in option.opts}
        for word in [name, *words]:
            if (word == name and name not in cli.commands) or (
                word[:2] == "--" and word not in known
            ):
                yield f"node071 {line}: {word}"


@pages
@pytest.mark.parametrize("rule", [broken_links, missing_files, unknown_commands])
def test_what_a_page_names_is_there(page, rule):
    assert list(rule(page, page.read_text())) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (broken_links, "[a](docs/none.md)"),
        (broken_links, "![a](none.svg)"),
        (broken_links, "[a](docs/frames.md#none)"),
        (broken_links, "[a](#none)"),
        (missing_files, "`firmware/none.py`"),
        (missing_files, "`firmware/test_none.py::test_none`"),
        (missing_files, "`firmware/test_cbor.py::test_none`"),
        (unknown_commands, "`make none`"),
        (unknown_commands, "    make none"),
        (unknown_commands, "`node071 none`"),
        (unknown_commands, "    .venv/bin/node071 none day"),
        (unknown_commands, "    .venv/bin/node071 decode --none a1"),
        (unknown_commands, "`node071 kits show classroom --none x`"),
    ],
)
def test_what_is_missing_is_found(rule, text):
    assert list(rule(ROOT / "README.md", text))


def ours():
    """Yield the files of the checkout that git would take; a checkout need not have git."""
    ignored = [line.rstrip("/") for line in ROOT.joinpath(".gitignore").read_text().split()]
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for tree in TREES:
        for folder, folders, names in os.walk(ROOT / tree):
            folders[:] = [each for each in folders if not any(fnmatch(each, p) for p in ignored)]
            yield from (Path(folder, name) for name in names)


def test_no_file_names_a_place_of_one_machine_or_a_registry():
    found, seen = [], 0
    for path in ours():
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            seen += 1
            if place := PRIVATE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {place[0]}")
    assert seen > 10000
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "place", ["/{}/me/x", "cd /{}/x", "C:\\{}\\me", "https://{}.org/simple", "files.{}hosted.org"]
)
def test_a_private_place_is_found(place):
    words = ("home", "Users", "pypi", "python")
    assert any(PRIVATE.search(place.format(word)) for word in words)


def test_a_path_of_the_checkout_is_not_private():
    texts = [".venv/bin/python", "/ram/state"]
    texts += [text.format("work") for text in ("tests/{}/x", "~/{}/x")] + [
        "docs/{}/x".format("home")
    ]
    for text in texts:
        assert not PRIVATE.search(text)
