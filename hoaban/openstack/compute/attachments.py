"""Volumes and network cards that are attached to a server after it was made."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ProviderError, ResourceState
from hoaban.openstack import addresses, blockstorage, errors
from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.patience import patiently, unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.schema import REGION, block, boolean, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_MULTIATTACH = "2.60"
_TAGGED = "2.49"
_PAUSE = 1.0


@dataclass(kw_only=True, eq=False)
class _Attachment(Resource):
    """Something of a server's, with the id ``server/thing``."""

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        id_ = self.id_of(inputs)
        if id_ is None:
            return None
        found = self.read(call, id_, None)
        if found is None:
            return None
        asked = {name: value for name, value in inputs.items() if not name.startswith("__")}
        return ResourceState(found.id, {**asked, **found.outputs})

    @abstractmethod
    def id_of(self, inputs: PropertyMap) -> str | None:
        """The id that the inputs lead to, if they do."""


# --- volumes -----------------------------------------------------------------------------------


@dataclass(kw_only=True, eq=False)
class _VolumeAttach(_Attachment):
    def id_of(self, inputs: PropertyMap) -> str | None:
        return f"{inputs['instanceId']}/{inputs['volumeId']}"

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        server, volume = inputs["instanceId"], inputs["volumeId"]
        body = {"volumeId": volume}
        if inputs.get("device"):
            body["device"] = inputs["device"]
        version = _TAGGED if inputs.get("tag") else None
        if inputs.get("tag"):
            body["tag"] = inputs["tag"]
        if inputs.get("multiattach"):
            version = _MULTIATTACH
        path = f"/servers/{server}/os-volume_attachments"
        how = {"microversion": version} if version else {}
        try:
            made = patiently(
                call,
                lambda: call.json(SERVICE, "POST", path, {"volumeAttachment": body}, **how),
            )["volumeAttachment"]
        except CloudError as error:
            if error.status not in (None, errors.BAD_REQUEST, errors.CONFLICT):
                raise
            try:
                there = call.find(SERVICE, f"{path}/{volume}")  # an interrupted run's, perhaps
            except ProviderError:
                raise error from None
            if there is None:
                raise
            made = there["volumeAttachment"]
        if not (inputs.get("vendorOptions") or {}).get("ignoreVolumeConfirmation"):
            made = {**made, **self._await(call, server, volume)}
        blockstorage.VOLUME.changed(call)
        return self._state(call, server, volume, made.get("device") or "", inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        """From the list of volumes where it can be, which one request brings for all."""
        server, _, volume = id_.partition("/")
        found = blockstorage.VOLUME.look_up(call, volume)
        held = next(
            (a for a in (found or {}).get("attachments", []) if a["server_id"] == server), None
        )
        if held is None:
            return None
        prior = state.outputs if state else {}
        device = prior.get("device") or held.get("device") or ""
        fresh = self._state(call, server, volume, device, prior)
        return self.seen(id_, fresh.outputs, state)

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        """Nothing of an attachment can change; the device is a wish that Nova need not follow."""
        kept = {name: news[name] for name in ("vendorOptions",) if name in news}
        return ResourceState(id_, {**state.outputs, **kept})

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        server, _, volume = id_.partition("/")
        path = f"/servers/{server}/os-volume_attachments/{volume}"
        with unless_gone():
            patiently(call, lambda: call.json(SERVICE, "DELETE", path))
            self._await_gone(call, server, volume)
        blockstorage.VOLUME.changed(call)

    def _await(self, call: Call, server: str, volume: str) -> Json:
        def done(found: Json | None) -> bool:
            if found is None:
                raise ProviderError(f"volume {volume} is gone")
            if found["status"].startswith("error"):
                raise CloudError(
                    f"volume {volume} went into the state {found['status']}",
                    mend="see the logs of the compute and the block-storage service",
                )
            held = any(item["server_id"] == server for item in found["attachments"])
            if found["status"] == "available" and not held:
                self._see_whether_given_up(call, server, volume)
            return found["status"] == "in-use" and held

        late = f"volume {volume} was not attached to server {server}"
        found = blockstorage.VOLUME.watch(call, volume, done, late) or {}
        held = [item for item in found.get("attachments", []) if item["server_id"] == server]
        return {"device": held[0].get("device") or ""} if held else {}

    def _see_whether_given_up(self, call: Call, server: str, volume: str) -> None:
        """Nova takes its record of an attachment away when it could not be made."""
        path = f"/servers/{server}/os-volume_attachments/{volume}"
        if call.find(SERVICE, path) is None:
            raise CloudError(
                f"the cloud could not attach volume {volume} to server {server}",
                mend="see the log of the compute service on the server's host",
            )

    def _await_gone(self, call: Call, server: str, volume: str) -> None:
        def done(found: Json | None) -> bool:
            if found is None:
                return True
            if found["status"] == "error_detaching":
                raise CloudError(
                    f"volume {volume} could not be detached from server {server}",
                    mend="see the log of the compute service on the server's host",
                )
            return all(item["server_id"] != server for item in found["attachments"])

        late = f"volume {volume} was not detached from server {server}"
        blockstorage.VOLUME.watch(call, volume, done, late)

    def _state(
        self, call: Call, server: str, volume: str, device: str, prior: PropertyMap
    ) -> ResourceState:
        outputs: PropertyMap = {
            name: prior[name] for name in ("multiattach", "tag", "vendorOptions") if name in prior
        }
        outputs |= {
            "instanceId": server,
            "volumeId": volume,
            "device": device,
            "region": call.region_name,
        }
        return ResourceState(f"{server}/{volume}", outputs)


VOLUME_ATTACH = _VolumeAttach(
    token="openstack:compute/volumeAttach:VolumeAttach",
    label="volume attachment",
    alone=True,
    fields=(
        text("instanceId", required=True, replaces=True),
        text("volumeId", required=True, replaces=True),
        text("device", computed=True),
        boolean("multiattach", replaces=True),
        text("tag", replaces=True),
        block("vendorOptions", boolean("ignoreVolumeConfirmation"), replaces=True),
        REGION,
    ),
)


# --- network cards -----------------------------------------------------------------------------


@dataclass(kw_only=True, eq=False)
class _InterfaceAttach(_Attachment):
    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        if inputs.get("portId") is None and inputs.get("networkId") is None:
            return [CheckFailure("portId", "one of portId and networkId is required")]
        if inputs.get("fixedIp") and inputs.get("networkId") is None:
            return [CheckFailure("fixedIp", "fixedIp needs networkId")]
        return addresses.check_address("fixedIp", inputs.get("fixedIp"))

    def id_of(self, inputs: PropertyMap) -> str | None:
        port = inputs.get("portId")
        return f"{inputs['instanceId']}/{port}" if port else None

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        server = inputs["instanceId"]
        body: Json = {}
        if inputs.get("portId"):
            body["port_id"] = inputs["portId"]
        else:
            body["net_id"] = inputs["networkId"]
            if inputs.get("fixedIp"):
                body["fixed_ips"] = [{"ip_address": inputs["fixedIp"]}]
        path, asked = f"/servers/{server}/os-interface", {"interfaceAttachment": body}
        answer = patiently(call, lambda: call.json(SERVICE, "POST", path, asked))
        return self._state(call, server, answer["interfaceAttachment"])

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        server, _, port = id_.partition("/")
        found = call.find(SERVICE, f"/servers/{server}/os-interface/{port}")
        if found is None:
            return None
        fresh = self._state(call, server, found["interfaceAttachment"])
        return self.seen(id_, fresh.outputs, state)

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        server, _, port = id_.partition("/")
        path = f"/servers/{server}/os-interface/{port}"
        with unless_gone():
            patiently(call, lambda: call.json(SERVICE, "DELETE", path))
            while call.find(SERVICE, path) is not None:
                if time.monotonic() >= call.deadline:
                    raise call.timed_out(f"port {port} was not detached from server {server}")
                call.cloud.pause(_PAUSE)

    def _state(self, call: Call, server: str, found: Json) -> ResourceState:
        fixed = found.get("fixed_ips") or [{}]
        outputs = {
            "instanceId": server,
            "portId": found["port_id"],
            "networkId": found["net_id"],
            "fixedIp": fixed[0].get("ip_address", ""),
            "region": call.region_name,
        }
        return ResourceState(f"{server}/{found['port_id']}", outputs)


INTERFACE_ATTACH = _InterfaceAttach(
    token="openstack:compute/interfaceAttach:InterfaceAttach",
    label="network card",
    alone=True,
    fields=(
        text("instanceId", required=True, replaces=True),
        text("portId", computed=True, replaces=True, conflicts=("networkId",)),
        text("networkId", computed=True, replaces=True),
        text("fixedIp", computed=True, replaces=True, same=addresses.address),
        REGION,
    ),
)
