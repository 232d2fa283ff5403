"""Volumes attached to a host by Cinder alone, without a server of Nova's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import PartialFailureError, ProviderError, ResourceState
from hoaban.openstack.blockstorage import VOLUME
from hoaban.openstack.cloud import VOLUME as SERVICE
from hoaban.openstack.patience import patiently, unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.schema import REGION, boolean, mapping, strings, text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_CONNECTOR = {
    "hostName": "host",
    "initiator": "initiator",
    "ipAddress": "ip",
    "multipath": "multipath",
    "osType": "os_type",
    "platform": "platform",
    "wwnn": "wwnns",
    "wwpns": "wwpns",
}
"""What a host says of itself, by the names of the API."""
_TOLD = ("data", "driverVolumeType", "mountPointBase")
_MODES = ("ro", "rw")


@dataclass(kw_only=True, eq=False)
class _VolumeAttach(Resource):
    """A volume that a host may connect to; its id is ``volume/attachment``."""

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        volume = inputs["volumeId"]
        connection = self._connect(call, inputs)
        body = {"host_name": inputs["hostName"], "mode": inputs.get("attachMode") or "rw"}
        if inputs.get("device"):
            body["mountpoint"] = inputs["device"]
        try:
            patiently(call, lambda: self._act(call, volume, "os-attach", body))
            found = self._await(call, volume, inputs["hostName"])
        except ProviderError as error:
            left = self._held(VOLUME.get(call, volume), inputs["hostName"])
            if left is None:
                raise
            raise PartialFailureError.of(
                error, self._state(call, volume, left, inputs, connection)
            ) from None
        return self._state(call, volume, found, inputs, connection)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        volume, _, attachment = id_.partition("/")
        found = VOLUME.look_up(call, volume) or {}
        for one in found.get("attachments") or []:
            if one.get("attachment_id") == attachment:
                prior = dict(state.outputs) if state else {}
                prior["hostName"] = one.get("host_name") or prior.get("hostName") or ""
                fresh = self._state(call, volume, one, prior, {})
                return self.seen(id_, fresh.outputs, state)
        return None

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self._held(VOLUME.get(call, inputs["volumeId"]), inputs["hostName"])
        if found is None:
            return None
        return self._state(call, inputs["volumeId"], found, inputs, self._connect(call, inputs))

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        volume, _, attachment = id_.partition("/")
        connector = {"connector": _connector(state.outputs)}
        with unless_gone():
            self._act(call, volume, "os-terminate_connection", connector)
            self._act(call, volume, "os-detach", {"attachment_id": attachment})

            def done(found: Json | None) -> bool:
                held = (found or {}).get("attachments") or []
                return all(one.get("attachment_id") != attachment for one in held)

            VOLUME.watch(call, volume, done, f"volume {volume} was not detached")
        VOLUME.changed(call)

    def _connect(self, call: Call, inputs: PropertyMap) -> Json:
        """How the host reaches the volume; asking again does no harm."""
        asked = {"connector": _connector(inputs)}
        answer = self._act(call, inputs["volumeId"], "os-initialize_connection", asked)
        return dict(answer.get("connection_info") or {})

    def _act(self, call: Call, volume: str, action: str, body: Json) -> Json:
        return call.json(SERVICE, "POST", f"/volumes/{volume}/action", {action: body})

    def _await(self, call: Call, volume: str, host: str) -> Json:
        def done(found: Json | None) -> bool:
            if found is None:
                raise ProviderError(f"volume {volume} is gone")
            return found["status"] == "in-use" and self._held(found, host) is not None

        found = VOLUME.watch(call, volume, done, f"volume {volume} was not attached to {host}")
        VOLUME.changed(call)
        return self._held(found, host) or {}

    def _held(self, found: Json | None, host: str) -> Json | None:
        held = (found or {}).get("attachments") or []
        return next((one for one in held if one.get("host_name") == host), None)

    def _state(
        self, call: Call, volume: str, held: Json, prior: PropertyMap, connection: Json
    ) -> ResourceState:
        names = {spec.name for spec in self.fields}
        outputs = {name: value for name, value in prior.items() if name in names}
        if connection:
            data = connection.get("data") or {}
            outputs |= {
                "data": {name: str(value) for name, value in data.items()},
                "driverVolumeType": connection.get("driver_volume_type") or "",
                "mountPointBase": connection.get("mount_point_base") or "",
            }
        outputs |= {"volumeId": volume, "region": call.region_name}
        return ResourceState(f"{volume}/{held.get('attachment_id', '')}", outputs)


def _connector(props: PropertyMap) -> Json:
    told = {api: props[name] for name, api in _CONNECTOR.items() if props.get(name) is not None}
    if "wwnns" in told:
        told["wwnns"] = [told["wwnns"]]
    return told


VOLUME_ATTACH = _VolumeAttach(
    token="openstack:blockstorage/volumeAttach:VolumeAttach",
    label="volume attachment to a host",
    alone=True,
    fields=(
        text("attachMode", replaces=True, choices=_MODES),
        text("device", replaces=True),
        text("hostName", required=True, replaces=True),
        text("initiator", replaces=True),
        text("ipAddress", replaces=True),
        boolean("multipath", replaces=True),
        text("osType", replaces=True),
        text("platform", replaces=True),
        text("volumeId", required=True, replaces=True),
        text("wwnn", replaces=True),
        strings("wwpns", replaces=True),
        mapping("data", output=True, computed=True, secret=True),
        text("driverVolumeType", output=True, computed=True),
        text("mountPointBase", output=True, computed=True),
        REGION,
    ),
)

RESOURCES: tuple[Resource, ...] = (VOLUME_ATTACH,)
