# SPDX-License-Identifier: MIT
"""What waits for a device: application payloads, and MAC commands in blocks."""

from collections import deque
from dataclasses import dataclass, field

from host import maccommands
from host.maccommands import MacCommand

MAC_TRIES = 3  # downlinks that ask for the same while no answer comes


@dataclass(frozen=True)
class Message:
    """An application downlink; FPort 0 carries MAC commands as they are."""

    f_port: int
    payload: bytes
    confirmed: bool = False


@dataclass(frozen=True)
class Block:
    """Requests that travel and are answered together: one, or LinkADRReq in a row (5.2)."""

    requests: tuple[MacCommand, ...]
    stream: bytes
    tries: int = 1  # downlinks that may carry it

    @property
    def name(self) -> str:
        return self.requests[0].name

    def answer_bytes(self) -> int:
        """Bytes that the answers take."""
        return len(self.requests) * maccommands.answer_bytes(self.requests[0])


@dataclass
class Outbox:
    """The queues of one device, over all its sessions."""

    messages: deque[Message] = field(default_factory=deque)
    blocks: deque[Block] = field(default_factory=deque)


def cut(stream: bytes, tries: int = 1) -> tuple[list[Block], str | None]:
    """Cut a stream of requests into blocks; and why it stopped early, as maccommands.parse."""
    requests, problem = maccommands.parse(stream, downlink=True)
    found: list[Block] = []
    for request in requests:
        own = stream[: maccommands.size(request)]
        stream = stream[len(own) :]
        if request.name == "LinkADRReq" and found and found[-1].name == "LinkADRReq":
            before = found.pop()
            found.append(Block((*before.requests, request), before.stream + own, tries))
        else:
            found.append(Block((request,), own, tries))
    return found, problem
