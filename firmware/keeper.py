# SPDX-License-Identifier: MIT
"""Keeps the session in flash: what lasts of it, when it changes, and counters before their use."""

from lora.session import Session


def _lasting(record):
    """A session record without what every uplink changes: the reserved limit covers that."""
    return {key: value for key, value in record.items() if key not in Session.COUNTED}


class Keeper:
    """The session record of one store."""

    def __init__(self, store):
        self._store = store
        self._saved = None  # what lasts of the record in flash

    def load(self, region, config):
        """The session in flash, that of a node which never joins (ABP), or None."""
        record = self._store.load("session")
        if record is not None:
            self._saved = _lasting(record)
            return Session.restore(region, record)
        if "dev_addr" not in config:
            return None
        session = Session(region, config["dev_addr"], config["nwk_skey"], config["app_skey"])
        session.data_rate = region.join_data_rates[-1]  # slowly, as nobody has answered yet
        session.f_cnt_up = session.f_cnt_limit = config.get("f_cnt_up", 0)
        return session

    def reserve(self, session):
        """Have a block of uplink counters in flash before the first of them is used."""
        session.reserve()
        self.save(session)

    def save(self, session):
        """Write the record, unless nothing that lasts has changed."""
        record = session.record()
        lasting = _lasting(record)
        if lasting != self._saved:
            self._store.save("session", record)
            self._saved = lasting
