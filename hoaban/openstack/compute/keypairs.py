"""Key pairs, with which people and programs log in to servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import ResourceState
from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import REGION, VALUE_SPECS, text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class _Keypair(Rest):
    """A key pair; its id is the name, with the user's id before it when one was given."""

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        return _with_owner(super().create(call, inputs), inputs)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = super().find(call, inputs)
        return None if found is None else _with_owner(found, inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        found = super().read(call, id_, state)
        return None if found is None else ResourceState(id_, found.outputs, found.inputs)

    def look_up(self, call: Call, id_: str) -> Json | None:
        return super().look_up(call, id_) if ":" not in id_ else self.get(call, id_)

    def get(self, call: Call, id_: str) -> Json | None:
        user, _, name = id_.rpartition(":")
        params = {"user_id": user} if user else {}
        found = call.find(SERVICE, f"{self.path}/{name}", params=params, **self.version)
        return None if found is None else self.unwrap(found)

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        """The pair of this name, if it holds the key that is asked for."""
        user = inputs.get("userId")
        found = self.get(call, f"{user}:{inputs['name']}" if user else inputs["name"])
        if found and _key(found["public_key"]) == _key(inputs.get("publicKey", "")):
            return found
        return None

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        return state

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        user, _, name = id_.rpartition(":")
        params = {"user_id": user} if user else {}
        call.request(SERVICE, "DELETE", f"{self.path}/{name}", params=params, **self.version)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        if prior.get("publicKey") and _key(prior["publicKey"]) == _key(found["public_key"]):
            outputs["publicKey"] = prior["publicKey"]
        outputs["privateKey"] = found.get("private_key") or prior.get("privateKey", "")
        if not outputs["userId"]:  # a list of one's own pairs does not name their owner
            outputs["userId"] = prior.get("userId") or call.cloud.user_id

    def id_of(self, found: Json) -> str:
        return str(found["name"])

    def unwrap_item(self, item: Json) -> Json:
        return self.unwrap(item)


def _with_owner(made: ResourceState, inputs: PropertyMap) -> ResourceState:
    user = inputs.get("userId")
    return ResourceState(f"{user}:{made.id}", made.outputs) if user else made


def _key(line: str) -> str:
    """A public key without white space around it."""
    return line.strip()


KEYPAIR = _Keypair(
    token="openstack:compute/keypair:Keypair",
    telling=("publicKey",),
    label="key pair",
    service=SERVICE,
    path="/os-keypairs",
    noun="keypair",
    microversion="2.10",
    fields=(
        text("name", computed=True, replaces=True),
        text("publicKey", computed=True, replaces=True, same=_key),
        text("userId", computed=True, replaces=True),
        text("fingerprint", output=True, computed=True),
        text("privateKey", api=None, output=True, stored=True, computed=True, secret=True),
        REGION,
        VALUE_SPECS,
    ),
)
