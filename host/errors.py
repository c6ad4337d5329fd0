# SPDX-License-Identifier: MIT
"""The errors that a user of the toolkit sees."""

import os
import shlex
from collections.abc import Iterable
from difflib import get_close_matches


class HostError(Exception):
    """What went wrong in one line, and in `next_step` what to do about it.

    `code` names it for programs, where one goes by it.
    """

    def __init__(self, message: str, next_step: str = "", code: str = ""):
        super().__init__(message)
        self.next_step, self.code = next_step, code


class WrongUse(HostError):
    """The command line itself asks for what there is not."""


def meant(name: str, known: Iterable[str], step: str = "") -> str:
    """The next step after an unknown name: one that is near it, if any, then `step` or them all."""
    names = list(known)
    step = step or f"known: {', '.join(names)}"
    near = get_close_matches(name, names, 1)
    return f"did you mean {near[0]}? {step}" if near else step


def typed(word: object) -> str:
    """A path or a name as one types it into a command line, whatever is in it."""
    if os.name == "posix":
        return shlex.quote(str(word))
    from subprocess import list2cmdline

    return list2cmdline([str(word)])
