# SPDX-License-Identifier: MIT
"""Registers nodes in ChirpStack over its gRPC API, and asks it when it heard them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import urlsplit

import grpc
from chirpstack_api import api, common
from google.protobuf.json_format import ParseDict

from host import codec, export, files
from host.decode import TOTALS
from host.errors import HostError, WrongUse
from host.node import Node

CREATED, KEY_ADDED, KEY_REPLACED, CHANGED, UNCHANGED = (
    "created", "key added", "key replaced", "changed", "as it was",
)  # fmt: skip
_LIMIT_S = 15  # for one answer
_PAGE = 500  # devices in one answer
_UPLINK_INTERVAL_S = 3600  # after which ChirpStack calls a device inactive
_NEW_TOKEN = "make one in ChirpStack under API keys, of the tenant whose application this is"


class Server:
    """One ChirpStack, over gRPC. A context manager; no repr has the token."""

    def __init__(self, url: str, token: str):
        """`url` as http://HOST:8080, or https. WrongUse: it is no such thing, or no token."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 8080)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError
        except ValueError:
            raise WrongUse(f"'{url}' is no address", "give it as http://HOST:8080") from None
        if not token.isascii() or not token.isprintable() or not token or " " in token:
            raise WrongUse("this is no API token", _NEW_TOKEN)
        self.url, self._token = url, token
        place = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        if parts.scheme == "https":
            credentials = grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(f"{place}:{port}", credentials)
        else:  # a proxy has no way to a network of one's own
            options = (("grpc.enable_http_proxy", 0),)
            self._channel = grpc.insecure_channel(f"{place}:{port}", options)
        self.devices = api.DeviceServiceStub(self._channel)
        self.profiles = api.DeviceProfileServiceStub(self._channel)
        self.applications = api.ApplicationServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def ask(self, method: Any, request: Any, about: str, secret: str = "") -> Any:
        """One call. HostError: it did not succeed; `about` says what it was about."""
        with self._failures(about, secret):
            metadata = (("authorization", f"Bearer {self._token}"),)
            return method(request, timeout=_LIMIT_S, metadata=metadata)

    def find(self, method: Any, request: Any, about: str) -> Any:
        """As ask, but None when there is no such thing."""
        try:
            return self.ask(method, request, about)
        except _Missing:
            return None

    @contextmanager
    def _failures(self, about: str, secret: str) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            code, said = error.code(), " ".join(str(error.details()).split())
            for each in filter(None, (self._token, secret)):
                said = said.replace(each, "...")
            if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                cause = f"ChirpStack at {self.url} does not answer"
                raise HostError(cause, "does it run, and is it this port? 8080 as a rule") from None
            if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
                raise HostError(f"ChirpStack refuses the token for {about}", _NEW_TOKEN) from None
            if code == grpc.StatusCode.NOT_FOUND:
                raise _Missing(f"ChirpStack has no {about}", "look it up in its console") from None
            if code == grpc.StatusCode.ALREADY_EXISTS:
                cause = f"ChirpStack has {about} already, in another application"
                raise HostError(cause, "delete it there first") from None
            raise HostError(f"ChirpStack refuses {about}: {said}") from None


class _Missing(HostError):
    """There is no such thing in ChirpStack."""


class Registrar:
    """Brings nodes into one application, as they are in the ledger. Run again it goes on.

    Without a device profile of the caller's it finds or makes one for each region, with the codec.
    """

    def __init__(
        self,
        server: Server,
        application_id: str,
        device_profile_id: str | None = None,
        dry_run: bool = False,
    ):
        self._server, self._application_id, self._dry_run = server, application_id, dry_run
        self._given_profile_id = device_profile_id
        self._profile_ids: dict[str, str] = {}  # by region

    def register(self, nodes: Sequence[Node]) -> Iterator[tuple[Node, str]]:
        """Yield each node with what was done, when it is done; a dry run only reads.

        HostError: something went wrong; what was yielded stays.
        """
        there = _listed(self._server, self._application_id)
        for node in nodes:
            profile_id = self._profile_id(node.region)
            if node.dev_eui not in there:
                self._create(node, profile_id)
                yield node, CREATED
            else:
                changed = self._change(node)
                key = self._key(node)
                yield node, key or (CHANGED if changed else UNCHANGED)

    def _create(self, node: Node, profile_id: str) -> None:
        if self._dry_run:
            return
        device = ParseDict(export.device(node), api.Device())
        device.application_id, device.device_profile_id = self._application_id, profile_id
        devices = self._server.devices
        request = api.CreateDeviceRequest(device=device)
        self._server.ask(devices.Create, request, _about(node))
        self._add_key(node)

    def _change(self, node: Node) -> bool:
        """Name and JoinEUI as they are in the ledger; the rest stays as it is there."""
        devices, wanted = self._server.devices, ParseDict(export.device(node), api.Device())
        request = api.GetDeviceRequest(dev_eui=wanted.dev_eui)
        device = self._server.ask(devices.Get, request, _about(node)).device
        if (device.name, device.join_eui) == (wanted.name, wanted.join_eui):
            return False
        device.name, device.join_eui = wanted.name, wanted.join_eui
        if not self._dry_run:
            self._server.ask(devices.Update, api.UpdateDeviceRequest(device=device), _about(node))
        return True

    def _key(self, node: Node) -> str | None:
        """What there was to do to its key."""
        devices, dev_eui = self._server.devices, node.dev_eui.hex()
        request = api.GetDeviceKeysRequest(dev_eui=dev_eui)
        found = self._server.find(devices.GetKeys, request, f"key of {_about(node)}")
        if found is None:
            if not self._dry_run:
                self._add_key(node)
            return KEY_ADDED
        if found.device_keys.nwk_key.lower() == node.identity.app_key.hex():
            return None
        if not self._dry_run:
            # With new keys a node counts its joins from 0. First this: cut off here, the key still
            # differs, and the next run does both.
            nonces = api.FlushDevNoncesRequest(dev_eui=dev_eui)
            self._server.ask(devices.FlushDevNonces, nonces, _about(node))
            keys = api.UpdateDeviceKeysRequest(device_keys=_keys(node))
            self._ask_with_key(devices.UpdateKeys, keys, node)
        return KEY_REPLACED

    def _add_key(self, node: Node) -> None:
        request = api.CreateDeviceKeysRequest(device_keys=_keys(node))
        self._ask_with_key(self._server.devices.CreateKeys, request, node)

    def _ask_with_key(self, method: Any, request: Any, node: Node) -> None:
        key = node.identity.app_key.hex()
        self._server.ask(method, request, f"the key of {_about(node)}", key)

    def _profile_id(self, region: str) -> str:
        if self._given_profile_id:
            return self._given_profile_id
        if region not in self._profile_ids:
            self._profile_ids[region] = self._find_profile(region)
        return self._profile_ids[region]

    def _find_profile(self, region: str) -> str:
        """The id of our device profile for a region, made or with its codec renewed; dry: ""."""
        name, profiles = f"Node071 {region}", self._server.profiles
        get = api.GetApplicationRequest(id=self._application_id)
        tenant_id = self._server.ask(
            self._server.applications.Get, get, f"application {self._application_id}"
        ).application.tenant_id
        search = api.ListDeviceProfilesRequest(limit=_PAGE, search=name, tenant_id=tenant_id)
        listed = self._server.ask(profiles.List, search, "device profiles").result
        about = f"device profile '{name}'"
        for each in listed:
            if each.name == name:
                self._renew_codec(each.id, about)
                return str(each.id)
        if self._dry_run:
            return ""
        request = api.CreateDeviceProfileRequest(device_profile=_profile(name, region, tenant_id))
        return str(self._server.ask(profiles.Create, request, about).id)

    def _renew_codec(self, profile_id: str, about: str) -> None:
        profiles, script = self._server.profiles, codec.javascript()
        get = api.GetDeviceProfileRequest(id=profile_id)
        profile = self._server.ask(profiles.Get, get, about).device_profile
        if profile.payload_codec_script != script and not self._dry_run:
            profile.payload_codec_runtime = api.CodecRuntime.JS
            profile.payload_codec_script = script
            request = api.UpdateDeviceProfileRequest(device_profile=profile)
            self._server.ask(profiles.Update, request, about)


def last_heard(server: Server, application_id: str) -> dict[bytes, datetime | None]:
    """When each device of an application was heard last, by DevEUI; None: never."""
    return _listed(server, application_id)


def _listed(server: Server, application_id: str) -> dict[bytes, datetime | None]:
    found: dict[bytes, datetime | None] = {}
    while True:
        request = api.ListDevicesRequest(
            limit=_PAGE, offset=len(found), application_id=application_id
        )
        listed = server.ask(server.devices.List, request, f"application {application_id}")
        for each in listed.result:
            heard = each.last_seen_at.ToDatetime(UTC) if each.HasField("last_seen_at") else None
            found[bytes.fromhex(each.dev_eui)] = heard
        if len(listed.result) < _PAGE:
            return found


def _about(node: Node) -> str:
    return f"'{node.name}' ({node.dev_eui.hex()})"


def _keys(node: Node) -> Any:
    """For LoRaWAN 1.0.x the AppKey goes into nwk_key (device.proto)."""
    return api.DeviceKeys(dev_eui=node.dev_eui.hex(), nwk_key=node.identity.app_key.hex())


def _profile(name: str, region: str, tenant_id: str) -> Any:
    """A device profile for Class A nodes of 1.0.4."""
    plan = region.removesuffix("-1").replace("-", "_")  # AS923-1 is AS923 there
    try:
        region_number = common.Region.Value(plan)
    except ValueError:
        raise HostError(f"ChirpStack has no region {region}", "give --device-profile") from None
    return api.DeviceProfile(
        name=name,
        tenant_id=tenant_id,
        region=region_number,
        mac_version=common.MacVersion.LORAWAN_1_0_4,
        reg_params_revision=common.RegParamsRevision.RP002_1_0_3,
        adr_algorithm_id="default",
        supports_otaa=True,
        uplink_interval=_UPLINK_INTERVAL_S,
        flush_queue_on_activate=True,
        payload_codec_runtime=api.CodecRuntime.JS,
        payload_codec_script=codec.javascript(),
        measurements=_measurements(),
    )


def _measurements() -> dict[str, Any]:
    """What its dashboard draws: the newest reading, not those that come late beside it."""
    return {
        name: api.Measurement(
            name=f"{name}, {unit}" if unit else name,
            kind=api.COUNTER if name in TOTALS else api.GAUGE,
        )
        for key, name, unit, *_ in files.readings().QUANTITIES
        if key > 0
    }
