# SPDX-License-Identifier: MIT
"""One session as the network server keeps it: counters, what it asked, what to say next."""

from collections.abc import Sequence
from dataclasses import replace

from host.lorawan import DataFrame, LorawanError, MType, Session, next_counter
from host.maccommands import MacCommand
from simulator.adr import Adr
from simulator.device import Acknowledged, Rate
from simulator.outbox import Block, Message, Outbox, cut

_FHDR = 7  # bytes without FOpts
FHDR_AND_PORT = _FHDR + 1
_F_OPTS_MAX = 15
_MAX_F_CNT = 0xFFFFFFFF
# repeated until a downlink comes (5.4, 5.7, 5.8, 5.9)
_STICKY = {"RXParamSetupAns", "RXTimingSetupAns", "TXParamSetupAns", "DlChannelAns"}


class CounterSeen(LorawanError):
    """A frame whose MIC is right and whose counter was there before: a replay or a repetition."""

    def __init__(self, f_cnt: int):
        super().__init__(f"counter {f_cnt} seen")
        self.f_cnt = f_cnt


class Link:
    """A session with its counters; `number` is the JoinNonce that it came from."""

    def __init__(
        self, session: Session, number: int, state: Acknowledged, adr: Adr, outbox: Outbox
    ):
        self.session, self.number, self.state, self.adr = session, number, state, adr
        self._outbox = outbox
        self.f_cnt_up = self.f_cnt_down = -1  # the last ones
        self.last_phy = b""
        self.held = 0  # bytes of payload that the last reply could not carry, even alone
        self._asked: list[Block] = []  # in the last downlink
        self._awaited: Message | None = None  # confirmed: the next uplink has its ACK
        self._sticky: set[str] = set()  # answers of the last uplink that a downlink ends

    def count(self, phy: bytes, frame: DataFrame) -> int:
        """Return the whole counter of a new uplink. CounterSeen; LorawanError: a wrong MIC."""
        f_cnt = next_counter(self.f_cnt_up, frame.f_cnt)
        if f_cnt <= _MAX_F_CNT and self.session.mic_ok(phy, frame, f_cnt):
            return f_cnt
        for seen in range(f_cnt - 0x10000, -1, -0x10000):
            if self.session.mic_ok(phy, frame, seen):
                raise CounterSeen(seen)
        raise LorawanError("the MIC is wrong")

    def hear(
        self, uplink: DataFrame, answers: Sequence[MacCommand], data_rate: int, snr_db: float
    ) -> bool:
        """Take a new uplink; what it answers counts from its own windows on.

        True: it acknowledges a confirmed downlink.
        """
        acked = self._take_ack(uplink)
        if uplink.f_ctrl & DataFrame.ADR_ACK_REQ:
            self.state.plan.enable_defaults()
        self._take_answers(answers)
        if self.state.rate.data_rate != data_rate:  # it backed off, perhaps to full power
            self.state.rate = Rate(data_rate, 0, self.state.rate.nb_trans)
            self.adr.history.clear()
        self.adr.hear(uplink.f_cnt, snr_db)
        return acked

    def lost(self) -> None:
        """The last downlink did not arrive: the device repeats its uplink, or joined again."""
        self._repeat(self._asked)
        self._asked = []
        if self._awaited is not None:
            self._outbox.messages.appendleft(self._awaited)
            self._awaited = None

    def reply(
        self, uplink: DataFrame, answers: bytes, data_rate: int, longest: int
    ) -> DataFrame | None:
        """Return the downlink in the clear, None when there is nothing to say.

        It takes from the outbox what fits a MACPayload of `longest` bytes; `answers` to the
        device's own requests go first. `data_rate`: of the uplink.
        """
        if self.f_cnt_down >= _MAX_F_CNT:
            return None
        box = self._outbox
        message = box.messages[0] if box.messages else None
        alone = message is None or _fits(message, b"", longest)
        self.held = 0 if message is None or alone else len(message.payload)
        if message is not None and message.f_port == 0 and _fits(message, answers, longest):
            f_opts, blocks = b"", cut(message.payload)[0]
        else:
            blocks = self._choose(uplink, len(answers), data_rate, longest)
            f_opts = answers + b"".join(block.stream for block in blocks)
            if len(f_opts) > _F_OPTS_MAX:  # a long block of LinkADRReq
                message, f_opts = Message(0, f_opts), b""
            elif message is not None and not _fits(message, f_opts, longest):
                message = None
        must = uplink.confirmed or uplink.f_ctrl & DataFrame.ADR_ACK_REQ or self._sticky
        if not must and not f_opts and message is None:
            return None
        if box.messages and message is box.messages[0]:
            box.messages.popleft()
        for block in blocks:
            if box.blocks and block is box.blocks[0]:
                box.blocks.popleft()
        self._asked = blocks
        return self._frame(uplink, f_opts, message)

    def _choose(self, uplink: DataFrame, used: int, data_rate: int, longest: int) -> list[Block]:
        """The blocks that one downlink can carry and one uplink answer (5)."""
        blocks = list(self._outbox.blocks)
        adr = bool(uplink.f_ctrl & DataFrame.ADR)
        own = self.adr.request(adr)
        if own is not None and not any(_on_channels(block) for block in blocks):
            blocks.append(own)
        room = min(_F_OPTS_MAX, longest - _FHDR) - used
        if blocks and not used and len(blocks[0].stream) > _F_OPTS_MAX:
            room = longest - _FHDR - 1  # on FPort 0
        answer_room = self.state.answer_room(adr, data_rate)
        taken: list[Block] = []
        for block in blocks:
            room -= len(block.stream)
            answer_room -= block.answer_bytes()
            merges = taken and taken[-1].name == block.name == "LinkADRReq"
            # a sticky answer to the last request would pass for one to this
            if room < 0 or answer_room < 0 or merges or _answer(block) in self._sticky:
                break
            taken.append(block)
        return taken

    def _take_ack(self, uplink: DataFrame) -> bool:
        """A confirmed downlink without an ACK is sent again, as a new frame (4.3.1.3)."""
        message, self._awaited = self._awaited, None
        acked = bool(uplink.f_ctrl & DataFrame.ACK)
        if message is not None and not acked:
            self._outbox.messages.appendleft(message)
        return message is not None and acked

    def _take_answers(self, answers: Sequence[MacCommand]) -> None:
        """Match answers with what was asked, in order; what is unanswered is asked again."""
        rest, unanswered = list(answers), []
        for block in self._asked:
            name = _answer(block)
            own = [each for each in rest if each.name == name][: len(block.requests)]
            for each in own:
                rest.remove(each)
            if own:
                self._answered(block, own)
            else:
                unanswered.append(block)
        self._asked = []
        self._repeat(unanswered)
        self._sticky = {each.name for each in answers} & _STICKY

    def _answered(self, block: Block, answers: list[MacCommand]) -> None:
        before, first = self.state.rate, answers[0]
        if block.name == "LinkADRReq":  # all of a block say the same (5.2)
            every = {key: all(each.fields[key] for each in answers) for key in first.fields}
            first = replace(first, fields=every)
        taken = self.state.follow(block.requests, first)
        if block.name == "LinkADRReq":
            self.adr.answered(taken)
        if self.state.rate != before:
            self.adr.history.clear()

    def _repeat(self, blocks: list[Block]) -> None:
        for block in reversed(blocks):
            if block.tries > 1:
                self._outbox.blocks.appendleft(replace(block, tries=block.tries - 1))

    def _frame(self, uplink: DataFrame, f_opts: bytes, message: Message | None) -> DataFrame:
        self.f_cnt_down += 1
        f_ctrl = DataFrame.ADR if self.adr.on else 0
        f_ctrl |= DataFrame.ACK if uplink.confirmed else 0
        more = self._outbox.messages or self._outbox.blocks
        f_ctrl |= DataFrame.F_PENDING if more else 0
        confirmed = message is not None and message.confirmed
        self._awaited = message if confirmed else None
        return DataFrame(
            MType.CONFIRMED_DOWN if confirmed else MType.UNCONFIRMED_DOWN,
            self.session.dev_addr,
            f_ctrl,
            self.f_cnt_down,
            f_opts,
            None if message is None else message.f_port,
            b"" if message is None else message.payload,
        )


def _fits(message: Message, f_opts: bytes, longest: int) -> bool:
    """Whether both go into a frame; never in FOpts and on FPort 0 (4.3.1.6)."""
    if message.f_port == 0 and f_opts:
        return False
    return FHDR_AND_PORT + len(f_opts) + len(message.payload) <= longest


def _answer(block: Block) -> str:
    return block.name.removesuffix("Req") + "Ans"


def _on_channels(block: Block) -> bool:
    # as ChirpStack: a mask and a new channel do not go together
    return block.name in ("LinkADRReq", "NewChannelReq")
