# SPDX-License-Identifier: MIT
"""The ADR of ChirpStack (chirpstack/src/adr/default.rs): from what was heard to a LinkADRReq."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from host import maccommands
from simulator.device import Acknowledged, Rate
from simulator.outbox import Block, cut
from simulator.plan import sub_band_masks
from simulator.regions import Region

REQUIRED_SNR_DB = {7: -7.5, 8: -10.0, 9: -12.5, 10: -15.0, 11: -17.5, 12: -20.0}
HISTORY = 20  # uplinks
_MARGIN_DB = 10.0  # ChirpStack's installation_margin
_STEP_DB = 3.0
# NbTrans by loss, a row up to each limit in %, and by the present NbTrans of 1 to 3
_NB_TRANS = ((5, (1, 1, 2)), (10, (1, 2, 3)), (30, (2, 3, 3)), (inf, (3, 3, 3)))
_REFUSALS_MAX = 3  # in a row (ChirpStack's max_mac_command_error_count)


@dataclass
class Heard:
    """One uplink of the history, with the best SNR of its copies."""

    f_cnt: int
    snr_db: float
    tx_power: int


class Adr:
    """The LinkADRReq of one session. `on`: data rate, power and repetitions are the network's.

    In a fixed plan it also keeps the device to the channels that the gateways hear.
    """

    def __init__(self, region: Region, state: Acknowledged, on: bool):
        self._region, self._state, self.on = region, state, on
        self.history: deque[Heard] = deque(maxlen=HISTORY)
        self._refusals = 0

    def hear(self, f_cnt: int, snr_db: float) -> None:
        """Note an uplink."""
        self.history.append(Heard(f_cnt, snr_db, self._state.rate.tx_power))

    def copy(self, snr_db: float) -> None:
        """Note a further copy of the last uplink: it counts from the next request on."""
        if self.history:
            self.history[-1].snr_db = max(self.history[-1].snr_db, snr_db)

    def answered(self, taken: bool) -> None:
        """A LinkADRReq was answered; too many refusals end it."""
        self._refusals = 0 if taken else self._refusals + 1

    def request(self, allowed: bool) -> Block | None:
        """What to ask for now, None when all is well; `allowed`: the device has its ADR bit set."""
        present = want = self._state.rate
        if self.on and allowed and self.history:
            sf, _ = self._region.uplink_rates[present.data_rate]
            limits = self._region.adr_data_rate, self._state.max_tx_power
            want = wanted(self.history, present, sf, *limits)
        plan, masks = self._state.plan, []
        if self._region.fixed and not plan.enabled <= set(self._region.sub_band):
            masks = sub_band_masks(self._region.sub_band)
        if self._refusals > _REFUSALS_MAX or (want == present and not masks):
            return None
        stream = b""
        for control, mask in masks or [plan.mask()]:
            stream += maccommands.build(
                "LinkADRReq",
                data_rate=want.data_rate,
                tx_power=want.tx_power,
                ch_mask=mask,
                ch_mask_cntl=control,
                nb_trans=want.nb_trans,
            )
        (block,), _ = cut(stream)
        return block


def wanted(
    history: Sequence[Heard], present: Rate, sf: int, max_data_rate: int, max_tx_power: int
) -> Rate:
    """What a device should use that sends at `sf` now. `history`: the last 20 uplinks at most."""
    nb_trans = _nb_trans(present.nb_trans, _loss_pct(history))
    data_rate, tx_power = min(present.data_rate, max_data_rate), present.tx_power
    best_db = max(each.snr_db for each in history)
    steps = int((best_db - REQUIRED_SNR_DB[sf] - _MARGIN_DB) / _STEP_DB)
    same_power = sum(each.tx_power == present.tx_power for each in history)
    if steps < 0 and same_power == HISTORY:  # power goes up only on good evidence
        tx_power = max(tx_power + steps, 0)
    for _ in range(steps):
        if data_rate < max_data_rate:
            data_rate += 1
        elif tx_power < max_tx_power:
            tx_power += 1
    return Rate(data_rate, tx_power, nb_trans)


def _loss_pct(history: Sequence[Heard]) -> float:
    """Uplinks missing between those of a full history."""
    if len(history) < HISTORY:
        return 0.0
    return 100 * (history[-1].f_cnt - history[0].f_cnt + 1 - HISTORY) / HISTORY


def _nb_trans(present: int, loss_pct: float) -> int:
    row = next(row for limit, row in _NB_TRANS if loss_pct < limit)
    return row[min(max(present, 1), 3) - 1]
