# SPDX-License-Identifier: MIT
"""What a board gets so that none of its numbers ever comes twice: it continues above them.

A network drops a join-request with an old DevNonce, and a frame with an old FCnt, without a word.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from host import provision
from host.boards import Board, Kit
from host.enrol import Enrolled
from host.errors import HostError
from host.ledger import Ledger
from host.node import Node
from host.state import State

_DEV_NONCES = 1 << 16
_SPARE = 256  # numbers that a blank board skips, and what it can have used since it was seen:
_NONCES_A_DAY = 40  # 24 joins at most after the first day, and the quicker ones of a few starts
_FRAMES_A_DAY = 1500  # one a minute, the shortest interval, and answers
_F_CNT_JUMP = 1 << 16  # frames carry the lower 16 bits: a network cannot follow any further
_F_CNT_LIMIT = 4  # of a session record: the first counter that is not reserved
_OF_THE_KEYS = ("config", "dev_nonce", "join_nonce", "joins", "session", "lost")
_CLOCK_ERROR = timedelta(days=1)
_NEW_KEYS = "make new keys: node071 provision --new-keys"


@dataclass(frozen=True)
class Numbers:
    """The first numbers that nobody used."""

    next_dev_nonce: int = 0
    next_f_cnt: int = 0  # of a node that never joins (ABP)


def prepare(
    ledger: Ledger, enrolled: Enrolled, state: State, board: Board, kit: Kit, live: bool = True
) -> State:
    """The state that a board gets, made of what it has; State() for one that is blank.

    The ledger knows its numbers before the board does. A board that was another node keeps
    nothing of it; one with older keys, or not `live` (an older copy of it, after which it may
    have run), keeps readings and settings. HostError: the numbers of these keys are used up.
    """
    with ledger.transaction():
        node, new = ledger.known(enrolled.node.dev_eui), State(state.files)
        config = state.load("config")
        config = config if isinstance(config, dict) else {}
        if config.get("dev_eui") != node.dev_eui:
            new.drop_all()
        elif config.get("kit") != kit.name:
            new.drop("settings")
        numbers = _numbers_of(state, node, config) if live else None
        if numbers is None:
            for name in _OF_THE_KEYS:
                new.drop(name)
            unused = enrolled.fresh_keys and node == enrolled.node  # not prepared before
            numbers = Numbers() if unused else _after_blank(node, ledger.now())
        _fill(new, node, board, kit, numbers)
        ledger.seen(node.dev_eui, numbers.next_dev_nonce, numbers.next_f_cnt)
        return new


def _fill(new: State, node: Node, board: Board, kit: Kit, numbers: Numbers) -> None:
    """Put the records of a node, with these numbers."""
    values = provision.config(board, kit, node.identity, node.region)
    if node.identity.session is None:
        new.save("dev_nonce", numbers.next_dev_nonce)
    else:
        values["f_cnt_up"] = numbers.next_f_cnt
        session = new.load("session")
        if session is not None:
            new.save("session", session | {_F_CNT_LIMIT: numbers.next_f_cnt})
    new.save("config", values)
    new.save("board", provision.about_board(board))


def _numbers_of(state: State, node: Node, config: dict[str, object]) -> Numbers | None:
    """What board and ledger say together, None: the board does not have these keys, or lost count.

    HostError: no DevNonce is left.
    """
    if not _has_keys(config, node):
        return None
    if node.identity.session is not None:
        session = state.load("session")
        if session is None:
            return None
        return Numbers(next_f_cnt=max(session[_F_CNT_LIMIT], node.next_f_cnt))
    nonce = state.load("dev_nonce")
    if nonce is None:
        return None
    return Numbers(_left(node, max(nonce, node.next_dev_nonce)))


def _has_keys(config: dict[str, object], node: Node) -> bool:
    identity, session = node.identity, node.identity.session
    kept = [config.get(each) for each in ("dev_eui", "join_eui")]
    if kept != [identity.dev_eui, identity.join_eui]:
        return False
    if session is None:
        return config.get("app_key") == identity.app_key
    return all(config.get(name) == value for name, value in asdict(session).items())


def _after_blank(node: Node, now: datetime) -> Numbers:
    """Above anything that a board can have used since the ledger saw it.

    HostError: no numbers are left, or the network could not follow.
    """
    if node.seen_at > now + _CLOCK_ERROR:
        cause = f"{node.name} was last seen on {node.seen_at:%Y-%m-%d}, which is still to come"
        raise HostError(cause, "set the clock of this computer")
    days = max((now - node.seen_at) // timedelta(days=1) + 1, 1)
    if node.identity.session is None:
        return Numbers(_left(node, node.next_dev_nonce + _SPARE + _NONCES_A_DAY * days))
    skipped = _SPARE + _FRAMES_A_DAY * days
    if skipped >= _F_CNT_JUMP:
        cause = f"{node.name} was not seen for {days} days: its network may not follow its counter"
        raise HostError(cause, _NEW_KEYS)
    return Numbers(next_f_cnt=node.next_f_cnt + skipped)


def _left(node: Node, next_dev_nonce: int) -> int:
    if next_dev_nonce >= _DEV_NONCES:
        raise HostError(f"all DevNonces of {node.name} are used", _NEW_KEYS)
    return next_dev_nonce
