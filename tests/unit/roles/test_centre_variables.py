"""What the model says of tunnels to the centre reaches the role ipsec_gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hoaban.model.centre import CentreLink
from hoaban.roles import Role

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "playbooks/group_vars/role_ipsec_gateway.yml"
MAPPED: dict[str, str] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
LINK = CentreLink.model_validate(
    {
        "identity": "gateway.a.example",
        "peers": [{"name": "one", "addresses": ["2001:db8::1"], "identity": "one.example"}],
        "authorities": ["CA"],
        "certificates": {"vpn-1": "PEM"},
        "crls": ["CRL"],
        "revocation": "ifuri",
        "post_quantum": "require",
        "local_networks": ["10.2.0.0/26"],
        "remote_networks": ["198.51.100.0/24"],
    }
)


def mapped(centre: Any, host: str) -> dict[str, Any]:
    """Values of the role's variables on a host."""
    facts = {"hoaban_centre": centre, "hoaban_host": {"name": host, "fqdn": f"{host}.a.example"}}
    values = ", ".join(f"'{name}': {name}" for name in MAPPED)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible")), "localhost",
            "--inventory", "localhost,",
            "--extra-vars", f"@{FILE}", "--extra-vars", json.dumps(facts),
            "--module-name", "ansible.builtin.debug", "--args", f"msg={{{{ {{{values}}} }}}}",
        ],
        env=os.environ | {
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    play = json.loads(done.stdout)["plays"][0]
    result: dict[str, Any] = play["tasks"][0]["hosts"]["localhost"]["msg"]
    return result


def test_all_are_options_of_the_role() -> None:
    assert set(MAPPED) <= set(Role(ROOT / "roles/ipsec_gateway").options)


@pytest.mark.parametrize(("host", "certificate"), [("vpn-1", "PEM"), ("vpn-2", "")])
def test_each_gateway_has_its_own_certificate(host: str, certificate: str) -> None:
    assert mapped(LINK.model_dump(mode="json"), host) == {
        "ipsec_gateway_identity": "gateway.a.example",
        "ipsec_gateway_peers": [
            {"name": "one", "addresses": ["2001:db8::1"], "identity": "one.example"}
        ],
        "ipsec_gateway_local_networks": ["10.2.0.0/26"],
        "ipsec_gateway_remote_networks": ["198.51.100.0/24"],
        "ipsec_gateway_certificate": certificate,
        "ipsec_gateway_authorities": ["CA"],
        "ipsec_gateway_crls": ["CRL"],
        "ipsec_gateway_revocation": "ifuri",
        "ipsec_gateway_post_quantum": "require",
    }


def test_without_the_section_there_are_no_peers() -> None:
    found = mapped(None, "vpn-1")
    assert found["ipsec_gateway_peers"] == []
    assert found["ipsec_gateway_identity"] == "vpn-1.a.example"
    assert found["ipsec_gateway_certificate"] == ""
