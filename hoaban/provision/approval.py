"""Who planned and who approved: the rule of two people for stacks that ask for it.

Both sign the plan's digest with SSH keys, each in a namespace of its own, so that the signature of
one can't stand for that of the other. Names come from ``inventory/allowed_signers``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.errors import PolicyError
from hoaban.provision.savedplan import Signature
from hoaban.provision.signatures import ALLOWED_SIGNERS, sign, signer_of

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.provision.savedplan import SavedPlan
    from hoaban.provision.signatures import Signer
    from hoaban.provision.target import Target

PLANNER: Final = "hoaban-plan"
APPROVER: Final = "hoaban-approval"


def sign_as_planner(plan: SavedPlan, key: Path, inventory: Path) -> SavedPlan:
    """The plan with its planner's signature."""
    return _signed(plan, PLANNER, key, inventory)[0]


def approve(plan: SavedPlan, key: Path, inventory: Path) -> tuple[SavedPlan, Signer]:
    """The plan with the signature of a second person, and who that is."""
    planner = planner_of(plan, inventory)
    signed, approver = _signed(plan, APPROVER, key, inventory)
    if approver.is_also(planner):
        raise PolicyError(
            f"{approver} made this plan, and nobody approves their own",
            mend="let another person look at it and approve it",
        )
    return signed, approver


def planner_of(plan: SavedPlan, inventory: Path) -> Signer:
    """Who made a plan, by the signature that it must have before anybody can approve it."""
    found = _signers(plan, PLANNER, inventory)
    if not found:
        raise PolicyError(
            "nobody has signed this plan as its planner, so nobody else can approve it",
            mend="make it again with your key: hoaban plan … --out FILE --key KEY",
        )
    return found[0]


def approvers_of(plan: SavedPlan, inventory: Path) -> list[Signer]:
    """Who approved a plan; not its planner."""
    planner = planner_of(plan, inventory)
    return [one for one in _signers(plan, APPROVER, inventory) if not one.is_also(planner)]


def require_approval(target: Target, plan: SavedPlan | None) -> None:
    """Raise when a target needs an approved plan, and this is none."""
    if not target.needs_approval:
        return
    name = target.agency or ""
    again = " ".join(f"hoaban plan {name} --out FILE --key KEY".split())
    if plan is None:
        done = " ".join(f"hoaban up {name} --plan FILE".split())
        raise PolicyError(
            f"{target.name} changes only by a saved plan that a second person has approved",
            mend=f"{again}; another person: hoaban approve FILE --key KEY; then {done}",
        )
    if not approvers_of(plan, target.workspace.inventory):
        raise PolicyError(
            f"no second person has approved this plan of {target.name}",
            mend="let another person look at it: hoaban approve FILE --key KEY",
        )


def require_planner(target: Target, key: Path | None) -> None:
    """Raise before anything is planned that could not be approved."""
    if target.needs_approval and key is None:
        raise PolicyError(
            f"a plan of {target.name} must be signed by who makes it, so that others can approve",
            mend="give your SSH key: --key ~/.ssh/id_ed25519",
        )


def _signed(plan: SavedPlan, role: str, key: Path, inventory: Path) -> tuple[SavedPlan, Signer]:
    armour = sign(key, role, plan.signed_text)
    who = signer_of(inventory / ALLOWED_SIGNERS, role, plan.signed_text, armour)
    return plan.with_signature(Signature(role, armour)), who


def _signers(plan: SavedPlan, role: str, inventory: Path) -> list[Signer]:
    return [
        signer_of(inventory / ALLOWED_SIGNERS, role, plan.signed_text, one.armour)
        for one in plan.signatures
        if one.role == role
    ]
