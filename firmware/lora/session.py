# SPDX-License-Identifier: MIT
"""What a LoRaWAN session remembers: keys, counters, and everything that MAC commands set.

It does no I/O. The node stores record() after every exchange that heard something, and whenever
it reserves counters.
"""

from micropython import const

# Their places are the keys of a record: append only. answers: commands for the next FOpts.
_FIELDS = (
    "dev_addr",
    "nwk_skey",
    "app_skey",
    "f_cnt_up",
    "f_cnt_limit",
    "f_cnt_down",
    "join_nonce",
    "data_rate",
    "tx_power",
    "nb_trans",
    "channels",
    "channel_mask",
    "rx1_dr_offset",
    "rx2_data_rate",
    "rx2_freq_hz",
    "rx1_delay_s",
    "max_duty_cycle",
    "adr_ack_cnt",
    "answers",
    "ack_pending",
    "max_eirp_dbm",
    "uplink_dwell",
    "downlink_dwell",
)
_MASK_BYTES = const(9)  # of 72 channels; CBOR's integers end at 64 bits


class Session:
    """A fresh session of a region, by OTAA or ABP; the caller sets what a join-accept brought.

    COUNTED: keys of a record that change with every uplink and that a stored one may lack.
    """

    COUNTED = (3, 17)  # f_cnt_up, adr_ack_cnt

    def __init__(self, region, dev_addr, nwk_skey, app_skey):
        self._region = region
        self.dev_addr, self.nwk_skey, self.app_skey = dev_addr, nwk_skey, app_skey
        self.f_cnt_up = 0  # the next one to use
        self.f_cnt_limit = 0
        self.f_cnt_down = -1  # the last one accepted
        self.join_nonce = -1
        self.data_rate = self.tx_power = 0
        self.nb_trans = 1
        self.channels = []  # what a dynamic plan has: (freq_hz, min_dr, max_dr, downlink_freq_hz)
        self.channel_mask = 0
        self.rx1_dr_offset = 0
        self.rx1_delay_s = 1
        self.max_duty_cycle = 0
        self.adr_ack_cnt = 0
        self.answers, self.ack_pending = b"", False
        self.rx2_freq_hz, self.rx2_data_rate = region.rx2
        self.max_eirp_dbm = region.max_eirp_dbm
        self.uplink_dwell, self.downlink_dwell = region.dwell or (0, 0)
        if not region.fixed:
            self.channels = [None] * region.channel_count
        self.enable_defaults()

    def enable_defaults(self):
        """Switch the region's default channels on, in a fixed plan all; the others stay."""
        if self._region.fixed:
            self.channel_mask = self.defined()
            return
        for index, (freq_hz, min_dr, max_dr) in enumerate(self._region.channels):
            if self.channels[index] is None:
                self.set_channel(index, freq_hz, min_dr, max_dr)
            self.channel_mask |= 1 << index

    def set_channel(self, index, freq_hz, min_dr, max_dr):
        """Define and switch on a channel of a dynamic plan; freq_hz 0 removes it."""
        if freq_hz:
            self.channels[index] = (freq_hz, min_dr, max_dr, freq_hz)
            self.channel_mask |= 1 << index
        else:
            self.channels[index] = None
            self.channel_mask &= ~(1 << index)

    def channel(self, index):
        """Return (freq_hz, min_dr, max_dr, downlink_freq_hz), None for one that does not exist."""
        if index >= self._region.channel_count:
            return None
        fixed = self._region.fixed
        return fixed.channel(self._region, index) if fixed else self.channels[index]

    def defined(self):
        """Return the mask of the channels that exist."""
        if self._region.fixed:
            return (1 << self._region.channel_count) - 1
        mask = 0
        for index, each in enumerate(self.channels):
            if each:
                mask |= 1 << index
        return mask

    def usable(self, data_rate, mask=None):
        """Return the channels that have a data rate, [] when the dwell time forbids it."""
        if mask is None:
            mask = self.channel_mask
        if not self.max_mac_payload(data_rate):
            return []
        found = []
        for index in range(self._region.channel_count):
            if mask >> index & 1:
                each = self.channel(index)
                if each and each[1] <= data_rate <= each[2]:
                    found.append(each)
        return found

    def keep_usable(self):
        """Leave no data rate without a channel: step down, or up, or to the default channels.

        A dwell time forbids the lowest data rates, a removed channel may have been the only one.
        """
        if self.usable(self.data_rate):
            return
        below = list(range(self.data_rate - 1, -1, -1))
        for data_rate in below + list(range(self.data_rate + 1, 16)):
            if self.usable(data_rate):
                self.data_rate = data_rate
                return
        self.enable_defaults()
        self.keep_usable()

    def max_mac_payload(self, data_rate):
        """Return M of an uplink in bytes, 0 for a data rate that is not to be used."""
        rows = self._region.max_mac_payload
        row = rows[self.uplink_dwell if len(rows) > 1 else 0]
        return row[data_rate] if data_rate < len(row) else 0

    def rx1_data_rate(self, uplink_data_rate):
        """Return the data rate of RX1 after an uplink."""
        lowest = self._region.dwell_dr if self.downlink_dwell else 0
        return max(self._region.rx1_data_rates[uplink_data_rate][self.rx1_dr_offset], lowest)

    def reserve(self, block=64):
        """Raise f_cnt_limit to block counters ahead and return it.

        The caller stores record() BEFORE the next START: f_cnt_up never reaches a limit that was
        not stored, START refuses, so that a power cut can only skip numbers.
        """
        self.f_cnt_limit = min(self.f_cnt_up + block, 1 << 32)
        return self.f_cnt_limit

    def record(self):
        """Return all of it as a dict with small integer keys, for CBOR."""
        record = {key: getattr(self, name) for key, name in enumerate(_FIELDS)}
        record[_FIELDS.index("channels")] = [each and list(each) for each in self.channels]
        record[_FIELDS.index("channel_mask")] = self.channel_mask.to_bytes(_MASK_BYTES, "little")
        return record

    @staticmethod
    def restore(region, record):
        """Return the session of a record, f_cnt_up moved on to the limit.

        Counters below it may be used. Memory that keeps f_cnt_up itself over sleep may put it back.
        """
        session = Session(region, 0, b"", b"")
        for key, name in enumerate(_FIELDS):
            if key in record:
                setattr(session, name, record[key])
        session.channels = [each and tuple(each) for each in session.channels]
        session.channel_mask = int.from_bytes(record[_FIELDS.index("channel_mask")], "little")
        session.f_cnt_up = session.f_cnt_limit
        return session
