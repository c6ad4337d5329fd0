# SPDX-License-Identifier: MIT
"""host.lorawan against pamoja-lorawan, a codec that is not ours, in both roles of each exchange."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pamoja import lorawan as peer

from host.lorawan import DataFrame, JoinAccept, JoinRequest, MType, Session, open_join_accept, parse

few = settings(derandomize=True, max_examples=40, deadline=None)
keys = st.binary(min_size=16, max_size=16)
euis = st.binary(min_size=8, max_size=8)
nonces = st.integers(0, 0xFFFF)


@few
@given(app_key=keys, join_eui=euis, dev_eui=euis, dev_nonce=nonces)
def test_join_requests_both_ways(app_key, join_eui, dev_eui, dev_nonce):
    theirs = peer.device(dev_eui, join_eui, app_key).join_request(dev_nonce)
    ours = JoinRequest(join_eui, dev_eui, dev_nonce).build(app_key)
    assert ours == theirs
    read = peer.parse_join_request(ours, app_key)
    assert (read.app_eui, read.dev_eui, read.dev_nonce) == (join_eui, dev_eui, dev_nonce)
    request = parse(theirs)
    assert (request.join_eui, request.dev_eui, request.dev_nonce) == (join_eui, dev_eui, dev_nonce)
    assert request.mic_ok(app_key)


@few
@given(
    app_key=keys,
    dev_nonce=nonces,
    join_nonce=st.integers(0, 0xFFFFFF),
    net_id=st.integers(0, 0xFFFFFF),
    dev_addr=st.integers(0, 0xFFFFFFFF),
    rx=st.tuples(st.integers(0, 127), st.integers(1, 15)),
    cf_list=st.none() | st.binary(min_size=16, max_size=16),
)
def test_join_accepts_both_ways(app_key, dev_nonce, join_nonce, net_id, dev_addr, rx, cf_list):
    theirs = peer.grant(join_nonce, net_id, dev_addr, *rx, cf_list)
    ours = JoinAccept(join_nonce, net_id, dev_addr, *rx, cf_list or b"")
    phy = ours.build(app_key)
    assert phy == theirs.accept(app_key, dev_nonce)
    assert open_join_accept(phy, app_key) == ours
    device = peer.device(bytes(8), bytes(8), app_key)
    taken = device.accept_join(phy, dev_nonce)
    assert (taken.dev_addr, taken.net_id, taken.rx_delay) == (dev_addr, net_id, rx[1])
    # pamoja shows no keys: what the one session seals, the other has to open
    session = ours.session(app_key, dev_nonce)
    sealed = taken.session().encode_uplink(5, 9, b"from the device")
    assert session.open(sealed, 5).frm_payload == b"from the device"
    sealed = session.seal(DataFrame(MType.UNCONFIRMED_DOWN, dev_addr, 0, 6, b"", 9, b"back"))
    assert theirs.session(app_key, dev_nonce).decode(sealed, 6).payload == b"back"


@few
@given(
    nwk_skey=keys,
    app_skey=keys,
    dev_addr=st.integers(0, 0xFFFFFFFF),
    f_cnt=st.integers(0, 0xFFFFFFFF),
    f_opts=st.binary(max_size=15),
    f_port=st.integers(1, 223),
    payload=st.binary(min_size=1, max_size=200),
    bits=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_data_frames_both_ways(nwk_skey, app_skey, dev_addr, f_cnt, f_opts, f_port, payload, bits):
    confirmed, adr, ack, pending = bits
    session = Session(dev_addr, nwk_skey, app_skey)
    theirs = peer.session(dev_addr, nwk_skey, app_skey)
    f_ctrl = DataFrame.ADR * adr | DataFrame.ACK * ack
    m_type = MType.CONFIRMED_UP if confirmed else MType.UNCONFIRMED_UP
    up = session.seal(DataFrame(m_type, dev_addr, f_ctrl, f_cnt, f_opts, f_port, payload))
    assert up == theirs.encode_uplink(f_cnt, f_port, payload, confirmed, adr, ack, f_opts)
    f_ctrl |= DataFrame.F_PENDING * pending
    m_type = MType.CONFIRMED_DOWN if confirmed else MType.UNCONFIRMED_DOWN
    down = session.seal(DataFrame(m_type, dev_addr, f_ctrl, f_cnt, f_opts, f_port, payload))
    arguments = (f_cnt, f_port, payload, confirmed, adr, ack, pending, f_opts)
    assert down == theirs.encode_downlink(*arguments)
    for phy in (up, down):
        read, opened = theirs.decode(phy, f_cnt), session.open(phy, f_cnt)
        assert (read.payload, read.fopts, read.fport) == (payload, f_opts, f_port)
        assert (opened.frm_payload, opened.f_opts, opened.f_port) == (payload, f_opts, f_port)
        assert opened.confirmed == read.confirmed == confirmed
        assert opened.downlink == (read.direction == "Downlink")
