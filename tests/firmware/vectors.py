# SPDX-License-Identifier: MIT
"""The published vectors, one row at a time: `for row in rows("aes_cmac", "aes_cmac")`."""

import json

directory = "."  # set by run.py


def rows(file, name):
    """Yield the rows of one list of tests/vectors/FILE.json; a lone object is one row."""
    with open(f"{directory}/{file}.{name}.jsonl") as lines:
        for line in lines:
            yield json.loads(line)


def refuses(error, function, *arguments):
    """Tell whether the call raises the error."""
    try:
        function(*arguments)
    except error:
        return True
    return False
