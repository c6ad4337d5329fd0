# SPDX-License-Identifier: MIT
"""keeper: the session in flash before its counters are used, and written no more than needed."""

import ramdisk
from keeper import Keeper
from lora.region import find
from lora.session import Session
from network import APP_SKEY, DEV_ADDR, NWK_SKEY
from store import Store

EU868 = find("EU868")
OWN = {"dev_addr": DEV_ADDR, "nwk_skey": NWK_SKEY, "app_skey": APP_SKEY}


def _store():
    return Store(ramdisk.fresh(8) + "/state")


def _again():
    """What the next start finds."""
    return Keeper(Store("/ram/state")).load(EU868, {})


def test_a_block_of_counters_is_in_flash_before_the_first_of_them_is_used():
    keeper, session = Keeper(_store()), Session(EU868, DEV_ADDR, NWK_SKEY, APP_SKEY)
    keeper.reserve(session)
    assert (session.f_cnt_up, session.f_cnt_limit) == (0, 64)
    assert (_again().f_cnt_up, _again().f_cnt_limit) == (64, 64)
    session.f_cnt_up = 64
    keeper.reserve(session)
    assert _again().f_cnt_up == 128


def test_what_every_uplink_changes_writes_nothing():
    keeper, session = Keeper(_store()), Session(EU868, DEV_ADDR, NWK_SKEY, APP_SKEY)
    keeper.reserve(session)
    before = ramdisk.contents("/ram/state")
    session.f_cnt_up, session.adr_ack_cnt = 17, 17
    keeper.save(session)
    assert ramdisk.contents("/ram/state") == before
    session.f_cnt_down = 3
    keeper.save(session)
    assert ramdisk.contents("/ram/state") != before
    assert (_again().f_cnt_down, _again().adr_ack_cnt) == (3, 17)
    before = ramdisk.contents("/ram/state")
    keeper.save(session)
    assert ramdisk.contents("/ram/state") == before


def test_a_restart_knows_what_is_in_flash():
    store = _store()
    session = Session(EU868, DEV_ADDR, NWK_SKEY, APP_SKEY)
    Keeper(store).reserve(session)
    before = ramdisk.contents("/ram/state")
    keeper = Keeper(store)
    found = keeper.load(EU868, {})
    keeper.save(found)
    assert ramdisk.contents("/ram/state") == before
    assert (found.nwk_skey, found.dev_addr) == (NWK_SKEY, DEV_ADDR)


def test_without_a_record_there_is_a_session_only_for_who_never_joins():
    assert Keeper(_store()).load(EU868, {}) is None
    session = Keeper(_store()).load(EU868, OWN)
    assert (session.dev_addr, session.nwk_skey, session.app_skey) == (DEV_ADDR, NWK_SKEY, APP_SKEY)
    assert (session.data_rate, session.f_cnt_up, session.f_cnt_limit) == (0, 0, 0)
    moved = Keeper(_store()).load(EU868, OWN | {"f_cnt_up": 512})
    assert (moved.f_cnt_up, moved.f_cnt_limit) == (512, 512)
    store = _store()
    Keeper(store).reserve(moved)
    assert Keeper(store).load(EU868, OWN).f_cnt_up == 576  # flash counts, not the config
