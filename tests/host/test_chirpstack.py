# SPDX-License-Identifier: MIT
"""Registering in ChirpStack, against a server of its own stubs that answers as its source does."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import grpc
import pytest
from chirpstack_api import api, common
from click.testing import CliRunner
from google.protobuf.empty_pb2 import Empty

from host import chirpstack, codec, networks
from host.chirpstack import Registrar, Server
from host.cli import cli
from host.errors import HostError, WrongUse
from host.ledgers import open_ledger
from host.node import Node
from host.provision import Identity

TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.node071"
APPLICATION, OTHER = (str(uuid.UUID(int=number)) for number in (1, 2))
TENANT, PROFILE = (str(uuid.UUID(int=number)) for number in (3, 4))
APP_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
# of a first run: devices; application, profiles, ours; then a device and its key, three times
CALLS = ["List", "Get", "List", "Create", *["Create", "CreateKeys"] * 3]
READS = {"List", "Get", "GetKeys"}
SEEN_AT = datetime(2026, 11, 23, 6, 0, 43, 300000, UTC)


class ChirpStack:
    """What is in a ChirpStack, its calls, and one call that fails: before its work, or after."""

    def __init__(self):
        self.devices, self.keys, self.nonces, self.profiles = {}, {}, {}, {}
        self.seen, self.calls, self.fails = {}, [], None

    def answer(self, name, work):
        def handle(request, context):
            if (("authorization", f"Bearer {TOKEN}")) not in context.invocation_metadata():
                context.abort(grpc.StatusCode.UNAUTHENTICATED, f"validation failed: {TOKEN}")
            number = len(self.calls)
            self.calls.append(name)
            if self.fails in ((number, "before"), (name, "before")):
                context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            try:
                answer = work(request)
            except Refusal as refusal:
                context.abort(*refusal.args)
            if self.fails in ((number, "after"), (name, "after")):
                context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            return answer

        return handle

    def servicer(self, base, methods):
        return type(
            "Servicer",
            (base,),
            {name: staticmethod(self.answer(name, work)) for name, work in methods.items()},
        )()

    def writes(self):
        return [name for name in self.calls if name not in READS]

    def device(self, dev_eui):
        return known(self.devices, dev_eui)

    def create(self, request):
        device = request.device
        uuid_of(device.application_id)
        if device.dev_eui in self.devices:
            refuse("ALREADY_EXISTS", device.dev_eui)
        known(self.profiles, uuid_of(device.device_profile_id))
        self.devices[device.dev_eui] = device
        return Empty()

    def get(self, request):
        return api.GetDeviceResponse(device=self.device(request.dev_eui))

    def update(self, request):
        self.device(request.device.dev_eui)
        self.devices[request.device.dev_eui] = request.device
        return Empty()

    def list(self, request):
        uuid_of(request.application_id)
        rows = [
            device
            for device in sorted(self.devices.values(), key=lambda each: each.name)
            if device.application_id == request.application_id
        ]
        items = [api.DeviceListItem(dev_eui=each.dev_eui, name=each.name) for each in rows]
        for item in items:
            if item.dev_eui in self.seen:
                item.last_seen_at.FromDatetime(self.seen[item.dev_eui])
        page = items[request.offset : request.offset + request.limit]
        return api.ListDevicesResponse(total_count=len(items), result=page)

    def create_keys(self, request):
        keys = request.device_keys
        self.device(keys.dev_eui)
        if keys.dev_eui in self.keys:
            refuse("ALREADY_EXISTS", keys.dev_eui)
        self.keys[keys.dev_eui] = aes_key(keys)
        self.nonces[keys.dev_eui] = 0
        return Empty()

    def get_keys(self, request):
        keys = known(self.keys, request.dev_eui)
        found = api.DeviceKeys(dev_eui=request.dev_eui, nwk_key=keys, app_key="0" * 32)
        return api.GetDeviceKeysResponse(device_keys=found)

    def update_keys(self, request):
        keys = request.device_keys
        known(self.keys, keys.dev_eui)
        self.keys[keys.dev_eui] = aes_key(keys)  # its DevNonces stay
        return Empty()

    def flush(self, request):
        known(self.keys, request.dev_eui)
        self.nonces[request.dev_eui] = 0
        return Empty()

    def get_application(self, request):
        if request.id != APPLICATION:
            refuse("NOT_FOUND", request.id)
        found = api.Application(id=APPLICATION, tenant_id=TENANT)
        return api.GetApplicationResponse(application=found)

    def create_profile(self, request):
        profile_id = str(uuid.UUID(int=100 + len(self.profiles)))
        request.device_profile.id = profile_id
        self.profiles[profile_id] = request.device_profile
        return api.CreateDeviceProfileResponse(id=profile_id)

    def list_profiles(self, request):
        rows = [
            api.DeviceProfileListItem(id=each.id, name=each.name)
            for each in self.profiles.values()
            if request.search.lower() in each.name.lower() and each.tenant_id == request.tenant_id
        ]
        return api.ListDeviceProfilesResponse(result=rows[: request.limit])

    def get_profile(self, request):
        return api.GetDeviceProfileResponse(device_profile=known(self.profiles, request.id))

    def update_profile(self, request):
        self.profiles[request.device_profile.id] = request.device_profile
        return Empty()


class Refusal(Exception):
    """(status code, details)."""


def refuse(code, details):
    raise Refusal(grpc.StatusCode[code], details)


def known(rows, name):
    return (
        rows[name] if name in rows else refuse("NOT_FOUND", f"Object does not exist (id: {name})")
    )


def uuid_of(text):
    try:
        return str(uuid.UUID(text))
    except ValueError:
        refuse("INVALID_ARGUMENT", "invalid length: expected length 32 for simple format")


def aes_key(keys):
    """As it is for a device of LoRaWAN 1.0.x: in nwk_key, 16 bytes."""
    if len(bytes.fromhex(keys.nwk_key)) != 16 or keys.app_key:
        refuse("INTERNAL", f"Invalid key: {keys.nwk_key}")
    return keys.nwk_key


@contextmanager
def serving(state):
    server = grpc.server(ThreadPoolExecutor(2), options=(("grpc.so_reuseport", 0),))
    api.add_DeviceServiceServicer_to_server(
        state.servicer(
            api.DeviceServiceServicer,
            {
                "Create": state.create,
                "Get": state.get,
                "Update": state.update,
                "List": state.list,
                "CreateKeys": state.create_keys,
                "GetKeys": state.get_keys,
                "UpdateKeys": state.update_keys,
                "FlushDevNonces": state.flush,
            },
        ),
        server,
    )
    api.add_ApplicationServiceServicer_to_server(
        state.servicer(api.ApplicationServiceServicer, {"Get": state.get_application}), server
    )
    profiles = {
        "Create": state.create_profile,
        "List": state.list_profiles,
        "Get": state.get_profile,
        "Update": state.update_profile,
    }
    api.add_DeviceProfileServiceServicer_to_server(
        state.servicer(api.DeviceProfileServiceServicer, profiles), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@pytest.fixture
def state():
    return ChirpStack()


@pytest.fixture
def url(state):
    with serving(state) as address:
        yield address


def node(number, name=None, **fields):
    dev_eui = bytes.fromhex("70b3d57ed000") + number.to_bytes(2, "big")
    name = name or f"classroom-{number}"
    identity = Identity(name, dev_eui, bytes(8), number.to_bytes(1, "big") + APP_KEY[1:])
    return Node(identity, "rpi-pico-rfm95", "classroom", **fields)


NODES = [node(number) for number in (1, 2, 3)]


def register(url, nodes=NODES, profile=None, dry_run=False):
    with Server(url, TOKEN) as server:
        registrar = Registrar(server, APPLICATION, profile, dry_run)
        return [(each.name, what) for each, what in registrar.register(nodes)]


def registered(state, nodes=NODES):
    """The devices and keys in ChirpStack are those of the nodes, and there is one profile."""
    (profile_id,) = state.profiles
    assert state.keys == {each.dev_eui.hex(): each.identity.app_key.hex() for each in nodes}
    assert list(state.devices) == [each.dev_eui.hex() for each in nodes]
    for each in nodes:
        assert state.devices[each.dev_eui.hex()] == api.Device(
            dev_eui=each.dev_eui.hex(),
            join_eui="0" * 16,
            name=each.name,
            description="Node071 classroom on rpi-pico-rfm95",
            application_id=APPLICATION,
            device_profile_id=profile_id,
            tags={"board": "rpi-pico-rfm95", "kit": "classroom"},
        )
    return True


def test_device_key_and_profile_come_into_being(state, url):
    assert register(url) == [(each.name, "created") for each in NODES]
    assert registered(state) and state.calls == CALLS
    (profile,) = state.profiles.values()
    measured = {name: (each.name, each.kind) for name, each in profile.measurements.items()}
    assert measured["co2"] == ("co2, ppm", api.GAUGE)
    assert measured["count_back"] == ("count_back", api.COUNTER)
    assert set(measured) & {"age", "faults", "older"} == set() and len(measured) == 13
    profile.ClearField("measurements")
    assert profile == api.DeviceProfile(
        id=profile.id,
        name="Node071 EU868",
        tenant_id=TENANT,
        region=common.EU868,
        mac_version=common.LORAWAN_1_0_4,
        reg_params_revision=common.RP002_1_0_3,
        adr_algorithm_id="default",
        supports_otaa=True,
        uplink_interval=3600,
        flush_queue_on_activate=True,
        payload_codec_runtime=api.JS,
        payload_codec_script=codec.javascript(),
    )


def test_a_second_run_writes_nothing(state, url):
    register(url)
    state.calls.clear()
    assert register(url) == [(each.name, "as it was") for each in NODES]
    assert registered(state) and state.writes() == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_run_that_fails_anywhere_is_completed_by_the_next(state, url, number, when):
    """The network goes away before a call has done its work, or when only its answer is lost."""
    state.fails = number, when
    with pytest.raises(HostError, match=r"ChirpStack at http://127\.0\.0\.1:\d+ does not answer"):
        register(url)
    assert len(state.calls) == number + 1
    state.fails = None
    assert [name for name, _ in register(url)] == [each.name for each in NODES]
    assert registered(state)


def test_a_device_that_lacks_its_key_gets_it(state, url):
    register(url)
    del state.keys[NODES[1].dev_eui.hex()]
    assert register(url)[1] == ("classroom-2", "key added")
    assert state.keys[NODES[1].dev_eui.hex()] == NODES[1].identity.app_key.hex()


@pytest.mark.parametrize("call", ["FlushDevNonces", "UpdateKeys", None])
@pytest.mark.parametrize("when", ["before", "after"])
def test_new_keys_replace_the_old_and_begin_with_nonce_0(state, url, call, when):
    register(url)
    dev_eui = NODES[0].dev_eui.hex()
    state.nonces[dev_eui] = 77
    renewed = replace(NODES[0], identity=replace(NODES[0].identity, app_key=APP_KEY[::-1]))
    if call is not None:
        state.fails = call, when
        with pytest.raises(HostError, match="does not answer"):
            register(url, [renewed])
        state.fails = None
    assert register(url, [renewed])[0][1] in ("key replaced", "as it was")
    assert state.keys[dev_eui] == APP_KEY[::-1].hex() and state.nonces[dev_eui] == 0


def test_a_node_with_another_name_is_renamed_and_the_rest_stays(state, url):
    register(url)
    state.devices[NODES[0].dev_eui.hex()].description = "written by hand"
    state.devices[NODES[0].dev_eui.hex()].tags["colour"] = "blue"
    assert register(url, [node(1, "by the door")]) == [("by the door", "changed")]
    device = state.devices[NODES[0].dev_eui.hex()]
    assert (device.name, device.description) == ("by the door", "written by hand")
    assert device.tags["colour"] == "blue"


def test_a_dry_run_says_the_same_and_writes_nothing(state, url):
    dry = register(url, dry_run=True)
    assert state.writes() == [] and not state.devices and not state.profiles
    assert dry == register(url)
    state.keys[NODES[0].dev_eui.hex()] = "0" * 32
    del state.keys[NODES[1].dev_eui.hex()]
    renamed = [NODES[0], NODES[1], node(3, "by the door")]
    (profile,) = state.profiles.values()
    profile.payload_codec_script = "old"
    state.calls.clear()
    dry = register(url, renamed, dry_run=True)
    assert state.writes() == [] and profile.payload_codec_script == "old"
    assert [what for _, what in dry] == ["key replaced", "key added", "changed"]
    assert dry == register(url, renamed)


def test_an_old_codec_is_renewed(state, url):
    register(url)
    (profile,) = state.profiles.values()
    profile.payload_codec_script, profile.uplink_interval = "old", 600
    register(url)
    (profile,) = state.profiles.values()
    assert (profile.payload_codec_script, profile.uplink_interval) == (codec.javascript(), 600)


def test_a_profile_of_a_like_name_is_another(state, url):
    like = api.DeviceProfile(id=PROFILE, tenant_id=TENANT, name="node071 eu868, tried")
    state.profiles[PROFILE] = like
    register(url)
    assert len(state.profiles) == 2 and not like.payload_codec_script
    assert PROFILE not in {each.device_profile_id for each in state.devices.values()}


def test_a_profile_of_ones_own_is_left_alone(state, url):
    state.profiles[PROFILE] = api.DeviceProfile(id=PROFILE, tenant_id=TENANT, name="Node071 EU868")
    register(url, profile=PROFILE)
    assert list(state.profiles) == [PROFILE] and not state.profiles[PROFILE].payload_codec_script
    assert {each.device_profile_id for each in state.devices.values()} == {PROFILE}


def test_each_region_has_its_profile(state, url):
    register(url, [node(1), node(2, region="AS923-1"), node(3, region="AS923-2"), node(4)])
    found = {each.name: each.region for each in state.profiles.values()}
    assert found == {
        "Node071 EU868": common.EU868,
        "Node071 AS923-1": common.AS923,
        "Node071 AS923-2": common.AS923_2,
    }


def test_a_device_of_another_application_is_named(state, url):
    register(url)
    dev_eui = NODES[1].dev_eui.hex()
    state.devices[dev_eui].application_id = OTHER
    with pytest.raises(HostError) as error:
        register(url)
    assert str(error.value) == (
        f"ChirpStack has 'classroom-2' ({dev_eui}) already, in another application"
    )


def test_more_devices_than_a_page_has(state, url):
    register(url)
    profile_id = next(iter(state.profiles))
    for number in range(1200):
        dev_eui = f"00000000{number:08x}"
        state.devices[dev_eui] = api.Device(
            dev_eui=dev_eui, name=f"a{number}", application_id=APPLICATION,
            device_profile_id=profile_id,
        )  # fmt: skip
    state.calls.clear()
    assert [what for _, what in register(url)] == ["as it was"] * 3
    assert state.calls.count("List") == 3 + 1  # of devices, and of profiles
    with Server(url, TOKEN) as server:
        assert len(chirpstack.last_heard(server, APPLICATION)) == 1203


def test_when_a_node_was_heard(state, url):
    register(url)
    state.seen[NODES[1].dev_eui.hex()] = SEEN_AT
    with Server(url, TOKEN) as server:
        heard = chirpstack.last_heard(server, APPLICATION)
    assert heard == {NODES[0].dev_eui: None, NODES[1].dev_eui: SEEN_AT, NODES[2].dev_eui: None}


def test_a_token_that_is_refused_is_never_shown(url):
    with pytest.raises(HostError) as error, Server(url, f"{TOKEN}x") as server:
        chirpstack.last_heard(server, APPLICATION)
    assert str(error.value).startswith("ChirpStack refuses the token for application")
    assert "API keys" in error.value.next_step
    assert TOKEN not in f"{error.value} {error.value.next_step} {server!r}"


def test_what_is_refused_is_said_without_the_key(state, url):
    bad = replace(NODES[0], identity=replace(NODES[0].identity, app_key=bytes(15)))
    with pytest.raises(HostError) as error:
        register(url, [bad])
    assert "the key of 'classroom-1'" in str(error.value) and "Invalid key: ..." in str(error.value)
    with pytest.raises(HostError, match="invalid length"), Server(url, TOKEN) as server:
        chirpstack.last_heard(server, "no uuid")


def test_nobody_there():
    with serving(ChirpStack()) as url:
        pass
    with pytest.raises(HostError, match="does not answer") as error:
        register(url)
    assert "8080" in error.value.next_step


@pytest.mark.parametrize(
    "address", ["localhost:8080", "ftp://localhost", "http://", "", "http://h:99999", "http://[::1"]
)
def test_what_is_no_address(address):
    with pytest.raises(WrongUse, match="is no address"):
        Server(address, TOKEN)


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "nodes.ledger"
    with open_ledger(path, plain_keys=True) as opened:
        for each in NODES:
            opened.add(each)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return path


def run(*words, **environment):
    words = [str(word) for word in words]
    return CliRunner().invoke(cli, words, prog_name="node071", env=environment)


def states(ledger):
    with open_ledger(ledger, create=False) as opened:
        return [each.state for each in opened.nodes()]


def test_the_command_registers_and_keeps_receipts(state, url, ledger, tmp_path):
    words = ("export", "chirpstack", "--ledger", ledger, "--url", url, "--application", APPLICATION)
    words += ("--token", f"@{tmp_path / 'token'}")
    dry = run(*words, "--dry-run")
    assert dry.exit_code == 0 and "nothing was changed" in dry.stderr
    assert states(ledger) == ["new"] * 3 and not state.devices
    state.fails = len(state.calls) + 7, "before"  # the second node's device is there, no key
    cut = run(*words)
    assert cut.exit_code == 1 and cut.stdout.count("created") == 1
    assert "does not answer (node 2 of 3); " in cut.stderr
    assert "run it again: it goes on from there" in cut.stderr
    assert states(ledger) == ["registered", "new", "new"]
    state.fails = None
    done = run(*words, "--json")
    assert [row["done"] for row in json.loads(done.stdout)["nodes"]] == [
        "as it was",
        "key added",
        "created",
    ]
    assert registered(state) and states(ledger) == ["registered"] * 3
    said = dry.output + cut.output + done.output
    assert TOKEN not in said
    assert not any(each.identity.app_key.hex() in said for each in NODES)


def test_the_environment_says_where(state, url, ledger):
    words = ("export", "chirpstack", "classroom-2", "--ledger", ledger)
    where = {networks.URL: url, networks.APPLICATION: APPLICATION, networks.TOKEN: TOKEN}
    done = run(*words, **where)
    assert done.exit_code == 0 and done.stdout.split() == [
        "classroom-2", NODES[1].dev_eui.hex(), "created",
    ]  # fmt: skip
    assert list(state.devices) == [NODES[1].dev_eui.hex()]


def test_a_check_notes_who_was_heard(state, url, ledger):
    register(url, NODES[:2])
    state.seen[NODES[1].dev_eui.hex()] = SEEN_AT
    where = {networks.URL: url, networks.APPLICATION: APPLICATION, networks.TOKEN: TOKEN}
    done = run("devices", "--check", "--ledger", ledger, **where)
    assert done.exit_code == 0, done.output
    assert [line.split()[-2:] for line in done.stdout.splitlines()[1:]] == [
        ["new", "-"],
        ["2026-11-23", "06:00"],
        ["new", "-"],
    ]
    assert done.stderr == "note: not in that application: classroom-3\n"
    assert states(ledger) == ["new", "heard", "new"]
    with open_ledger(ledger, create=False) as opened:
        assert opened.node("classroom-2").heard_at == SEEN_AT
