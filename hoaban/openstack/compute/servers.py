"""Servers (``Instance``): made, changed in place as far as Nova can, watched all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, DiffKind, ResourceState
from hoaban.errors import Location
from hoaban.openstack import errors
from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.compute import changes as server_changes
from hoaban.openstack.compute import networks, request
from hoaban.openstack.compute.fields import FIELDS, digest
from hoaban.openstack.compute.flavors import flavors
from hoaban.openstack.errors import CloudError
from hoaban.openstack.images import IMAGE
from hoaban.openstack.watch import Watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.provider import ProviderError
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.diff import Changes
    from hoaban.openstack.schema import Field

Json = dict[str, Any]

ERROR = "error"
BUILD = "build"
_READ = "2.42"  # the last in which a server names its flavor by id, and has tags
_NO_IMAGE = "Attempt to boot from volume - no image supplied"
_REQUEST = "request_id"
_STANDING = frozenset(
    {"active", ERROR, "paused", "rescue", "shelved", "shelved_offloaded", "shutoff", "suspended"}
)
"""States in which a server stays until somebody does something."""
_DETAILS = 5  # last lines of a fault's details that are shown


@dataclass(kw_only=True, eq=False)
class _Instance(Watched):
    """A server. In state, ``userData`` is the SHA-1 of what was given (as the official does)."""

    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        failures = []
        if inputs.get("flavorId") is None and inputs.get("flavorName") is None:
            failures.append(CheckFailure("flavorId", "one of flavorId, flavorName is required"))
        if (
            request.needs_image(inputs)
            and inputs.get("imageId") is None
            and inputs.get("imageName") is None
        ):
            why = "one of imageId, imageName and a bootable block device is required"
            failures.append(CheckFailure("imageId", why))
        for index, item in enumerate(inputs.get("networks") or []):
            if isinstance(item, dict) and not {"port", "uuid", "name"} & item.keys():
                why = "one of port, uuid and name is required"
                failures.append(CheckFailure(f"networks[{index}]", why))
        return failures

    def amend(self, changes: Changes, state: ResourceState, news: PropertyMap) -> None:
        power = str(state.outputs.get("powerState", "")).lower()
        if power == ERROR:
            changes["powerState"] = DiffKind.UPDATE_REPLACE
        elif power == BUILD:  # cards and groups are not told yet
            for path in [p for p in changes if p.startswith(("networks", "securityGroups"))]:
                del changes[path]
        elif power == "migrating":
            changes.pop("powerState", None)
        for name in ("flavorId", "flavorName"):
            if name in changes and not state.outputs.get(name):
                changes[name] = DiffKind.UPDATE_REPLACE  # its flavor is gone: no resize from it

    def passing(self, name: str, outputs: PropertyMap) -> bool:
        """What Nova is doing at the moment is nobody's wish for how the server shall be."""
        return name == "powerState" and outputs.get(name) not in _STANDING

    def clashes(self, changes: Changes) -> bool:
        """A port that is kept belongs to the old server until that is gone."""
        return not any(path.startswith("networks") for path in changes)

    # --- making --------------------------------------------------------------------------------

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        return request.body(call, inputs)

    def post(self, call: Call, body: Json) -> Json:
        message: Json = {"server": body}
        version = body.pop(request.VERSION)
        if hints := body.pop(request.HINTS, None):
            message["os:scheduler_hints"] = hints
        answer = call.request(SERVICE, "POST", "/servers", message, microversion=version)
        made = answer.json()["server"]
        return {**body, **made, "status": "BUILD", _REQUEST: errors.request_id_of(answer)}

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        found = self.await_status(call, made["id"], ("ACTIVE",))
        wanted = str(inputs.get("powerState", "active")).lower()
        if wanted != "active":
            found = server_changes.power(call, self, found, wanted)
        return found

    def partly(
        self, call: Call, error: ProviderError, made: Json, inputs: PropertyMap
    ) -> ProviderError:
        """Keep a server that failed, as it is now, so that the next run replaces it."""
        try:
            now = self.get(call, made["id"]) or made
        except CloudError:
            now = made
        partial = super().partly(call, error, now, inputs)
        partial.where = partial.where or Location(request_id=made.get(_REQUEST))
        return partial

    # --- finding -------------------------------------------------------------------------------

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self.find_object(call, inputs)
        if found is None:
            return None
        if found["status"] == "BUILD":
            try:
                found = self.await_status(call, found["id"], ("ACTIVE",))
            except ServerFailed:
                found = self.need(call, found["id"])
        return self.state(call, found, inputs)

    # --- changing ------------------------------------------------------------------------------

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        found = server_changes.apply(call, self, id_, state, news, changed)
        self.changed(call)
        return self.state(call, found, news)

    # --- removing ------------------------------------------------------------------------------

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        server_changes.before_delete(call, self, id_, state)
        if state.outputs.get("forceDelete"):
            self.act(call, id_, {"forceDelete": None})
        else:
            call.request(SERVICE, "DELETE", f"/servers/{id_}")

        def gone(found: Json | None) -> bool:
            # One that was in ERROR before stays so until it is gone; its task tells that it goes.
            if found and found["status"] == "ERROR" and not found.get("OS-EXT-STS:task_state"):
                raise _failed(found, "could not be deleted")
            return found is None or found["status"] in ("DELETED", "SOFT_DELETED")

        self.watch(call, id_, gone, f"server {id_} was not deleted")

    # --- telling -------------------------------------------------------------------------------

    def asked(self, found: Json) -> PropertyMap:
        metadata = {key: str(value) for key, value in (found.get("metadata") or {}).items()}
        return {**super().asked(found), "metadata": metadata}

    def inputs_of(self, outputs: PropertyMap, state: ResourceState | None) -> PropertyMap:
        inputs = super().inputs_of(outputs, state)
        if state is None:  # by their ports alone: what these are is theirs to say
            inputs["networks"] = [{"port": one["port"]} for one in outputs["networks"]]
        return inputs

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        status = found["status"].lower()
        outputs["powerState"] = status
        outputs["allMetadata"] = {k: str(v) for k, v in (found.get("metadata") or {}).items()}
        if prior.get("metadata"):
            told = outputs["allMetadata"]
            outputs["metadata"] = {k: told[k] for k in prior["metadata"] if k in told}
        if prior.get("userData"):
            outputs["userData"] = digest(prior["userData"])
        self._tell_flavor(call, found, outputs, prior)
        self._tell_image(call, found, outputs, prior)
        groups = [group["name"] for group in found.get("security_groups") or []]
        outputs["securityGroups"] = sorted(set(groups))
        cards: list[PropertyMap] = []
        if status != BUILD and "addresses" in found:
            cards = networks.told(call, found, prior.get("networks") or [])
        # Nova may not know its cards for a moment; that there are none it says after Neutron did.
        bare = call.sought is not None and found.get("addresses") == {}
        outputs["networks"] = cards or ([] if bare else prior.get("networks") or [])
        outputs["accessIpV4"], outputs["accessIpV6"] = networks.access_addresses(found, cards)

    def shown(self, spec: Field, inputs: PropertyMap) -> object:
        value = super().shown(spec, inputs)
        if spec.name == "userData" and isinstance(value, str) and value:
            return digest(value)
        return value

    def get(self, call: Call, id_: str) -> Json | None:
        found = call.find(SERVICE, f"/servers/{id_}", microversion=_READ)
        if found is None or found["server"]["status"] in ("DELETED", "SOFT_DELETED"):
            return None
        return self.unwrap(found)

    def act(self, call: Call, id_: str, action: Json, **how: Any) -> Json:
        """One of Nova's actions on a server."""
        return call.json(SERVICE, "POST", f"/servers/{id_}/action", action, **how)

    def await_status(self, call: Call, id_: str, wanted: Sequence[str]) -> Json:
        """Wait until the server has one of the ``wanted`` states and nothing is going on."""

        def done(found: Json | None) -> bool:
            if found is None:
                raise CloudError(
                    f"server {id_} was deleted by someone else", status=errors.NOT_FOUND
                )
            if found["status"] == "ERROR":
                raise _failed(found, "went into the state ERROR")
            return found["status"] in wanted and not found.get("OS-EXT-STS:task_state")

        late = f"server {id_} did not become {wanted[0]}"
        return self.watch(call, id_, done, late) or {}

    def _tell_flavor(
        self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap
    ) -> None:
        flavor = (found.get("flavor") or {}).get("id") or found.get("flavorRef") or ""
        if call.sought is not None and flavor and flavor == prior.get("flavorId"):
            # A look asks what the server is, not what its flavor is called by now.
            outputs |= {name: prior.get(name, "") for name in ("flavorId", "flavorName")}
            return
        known = flavors(call).get(flavor) or (
            (call.find(SERVICE, f"/flavors/{flavor}") or {}).get("flavor") if flavor else None
        )
        outputs["flavorId"] = flavor if known else ""
        outputs["flavorName"] = known["name"] if known else ""

    def _tell_image(
        self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap
    ) -> None:
        if not request.needs_image(prior):
            outputs["imageId"], outputs["imageName"] = _NO_IMAGE, ""
            return
        image = (found.get("image") or {}).get("id") or found.get("imageRef") or ""
        if call.sought is not None and image and image == prior.get("imageId"):
            outputs |= {name: prior.get(name, "") for name in ("imageId", "imageName")}
            return
        known = IMAGE.look_up(call, image) if image else None
        outputs["imageId"] = image
        outputs["imageName"] = known["name"] if known else "Image not found" if image else ""


class ServerFailed(CloudError):
    """Nova could not make the server what it was asked to be."""


def _failed(found: Json, what: str) -> ServerFailed:
    """Nova's own words on a server that failed."""
    fault = found.get("fault") or {}
    said = fault.get("message") or "Nova gave no reason"
    return ServerFailed(
        f"server {found['name']} {what}: {said}",
        detail="\n".join(str(fault.get("details") or "").splitlines()[-_DETAILS:]) or None,
        mend="put right what Nova says, then run this again: the server is made anew",
    )


INSTANCE = _Instance(
    token="openstack:compute/instance:Instance",
    telling=("flavorId", "imageId"),
    label="server",
    service=SERVICE,
    path="/servers",
    list_path="/servers/detail",
    everyone={"all_tenants": "1"},
    noun="server",
    microversion=_READ,
    tags_in=True,
    timeout=1800.0,
    fields=FIELDS,
)
