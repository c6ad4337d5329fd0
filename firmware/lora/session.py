# SPDX-License-Identifier: MIT
"""What a LoRaWAN session remembers: keys, counters, and everything that MAC commands set.

It does no I/O. The node stores record() after every exchange that heard something, and whenever
it reserves counters.
"""

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
)


class Session:
    """A fresh session of a region, by OTAA or ABP; the caller sets what a join-accept brought.

    COUNTED: keys of a record that change with every uplink and that a stored one may lack.
    """

    COUNTED = (3, 17)  # f_cnt_up, adr_ack_cnt

    def __init__(self, region, dev_addr, nwk_skey, app_skey):
        self.dev_addr, self.nwk_skey, self.app_skey = dev_addr, nwk_skey, app_skey
        self.f_cnt_up = 0  # the next one to use
        self.f_cnt_limit = 0
        self.f_cnt_down = -1  # the last one accepted
        self.join_nonce = -1
        self.data_rate = self.tx_power = 0
        self.nb_trans = 1
        self.channels, self.channel_mask = [], 0
        self.rx1_dr_offset = 0
        self.rx1_delay_s = 1
        self.max_duty_cycle = 0
        self.adr_ack_cnt = 0
        self.answers, self.ack_pending = b"", False
        self.rx2_freq_hz = self.rx2_data_rate = 0
        if region is not None:
            self.rx2_freq_hz, self.rx2_data_rate = region.rx2
            self.channels = [None] * region.channel_count
            self.enable_defaults(region)

    def enable_defaults(self, region):
        """Switch the region's default channels on; the others stay as they are."""
        for index, (freq_hz, min_dr, max_dr) in enumerate(region.channels):
            if self.channels[index] is None:
                self.set_channel(index, freq_hz, min_dr, max_dr)
            self.channel_mask |= 1 << index

    def set_channel(self, index, freq_hz, min_dr, max_dr):
        """Define and switch on a channel; freq_hz 0 removes it."""
        if freq_hz:
            self.channels[index] = (freq_hz, min_dr, max_dr, freq_hz)
            self.channel_mask |= 1 << index
        else:
            self.channels[index] = None
            self.channel_mask &= ~(1 << index)

    def defined(self):
        """Return the mask of the channels that exist."""
        mask = 0
        for index, channel in enumerate(self.channels):
            if channel:
                mask |= 1 << index
        return mask

    def usable(self, data_rate, mask=None):
        """Return the channels (freq_hz, min_dr, max_dr, downlink_freq_hz) that have a data rate."""
        if mask is None:
            mask = self.channel_mask
        return [
            channel
            for index, channel in enumerate(self.channels)
            if channel and mask >> index & 1 and channel[1] <= data_rate <= channel[2]
        ]

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
        record[_FIELDS.index("channels")] = [channel and list(channel) for channel in self.channels]
        return record

    @staticmethod
    def restore(record):
        """Return the session of a record, f_cnt_up moved on to the limit.

        Counters below it may be used. Memory that keeps f_cnt_up itself over sleep may put it back.
        """
        session = Session(None, 0, b"", b"")
        for key, name in enumerate(_FIELDS):
            if key in record:
                setattr(session, name, record[key])
        session.channels = [channel and tuple(channel) for channel in session.channels]
        session.f_cnt_up = session.f_cnt_limit
        return session
