# SPDX-License-Identifier: MIT
"""The errors that a user of the toolkit sees."""


class HostError(Exception):
    """What went wrong in one line, and in `next_step` what to do about it.

    `code` names it for programs, where one goes by it.
    """

    def __init__(self, message: str, next_step: str = "", code: str = ""):
        super().__init__(message)
        self.next_step, self.code = next_step, code


class WrongUse(HostError):
    """The command line itself asks for what there is not."""
