# SPDX-License-Identifier: MIT
"""Names and places of nodes: one line each, as it stands in lists, on labels and in networks."""

import unicodedata

NAME_MOST = 100  # letters, in ChirpStack
PLACE_MOST = 200  # in an attribute of The Things Stack


def one_line(words: str, most: int) -> str:
    """The words with one space between them.

    ValueError: they are too long, or have what no line can have.
    """
    line = " ".join(words.split())
    if len(line) > most:
        raise ValueError(f"{len(line)} letters, {most} are the most")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in line):
        raise ValueError("it has a character that cannot be printed")
    return line
