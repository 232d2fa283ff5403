from __future__ import annotations

import base64
import stat
import struct
from typing import TYPE_CHECKING

import pytest

from hoaban.converge import hostkeys
from hoaban.converge.console import Hindrance
from hoaban.converge.pins import BEGIN, END, Pin, PinStore, fingerprint, keys_in
from hoaban.converge.run import prepare
from hoaban.errors import HoabanError, ManyErrors
from hoaban.inventory.fleet import Fleet
from hoaban.testing import estate, exported
from tests.unit.converge.conftest import FakeConsole, QuietSteps, console_of

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.workspace import Workspace


def key(number: int, kind: str = "ssh-ed25519") -> str:
    """A well-formed public key that is different for each number."""
    blob = (
        struct.pack(">I", len(kind)) + kind.encode() + struct.pack(">I", 32) + bytes([number]) * 32
    )
    return f"{kind} {base64.b64encode(blob).decode()}"


WEB = exported.identifier("so-y-te-portal-web-1")
APP = exported.identifier("so-y-te-portal-app-1")


def pin(workspace: Workspace, console: FakeConsole, steps: QuietSteps) -> hostkeys.Pinned:
    return hostkeys.pin(workspace, Fleet.read(workspace), ["so-y-te"], console, steps, interval=0)


def test_keys_between_the_marks_whatever_stands_before_them() -> None:
    log = (
        f"boot {key(9)}\r\n[   61.2] cloud-init[512]: {BEGIN}\r\n"
        f"[   61.3] cloud-init[512]: {key(1)} root@web\r\n"
        f"<14>Nov 22 10:00:00 cloud-init: {key(2, 'ecdsa-sha2-nistp256')} root@web\r\n"
        f"[   61.4] cloud-init[512]: {END}\r\nlogin: {key(9)}"
    )
    assert keys_in(log) == sorted([key(1), key(2, "ecdsa-sha2-nistp256")])


@pytest.mark.parametrize(
    "log",
    [
        "",
        "no marks at all",
        f"{BEGIN}\r\n{key(1)} root@web\r\n",
        f"{BEGIN}\r\n{END}\r\n",
        f"{BEGIN}\r\nssh-ed25519 {'A' * 68} root@web\r\n{END}",
        f"{BEGIN}\r\n{key(1, 'ssh-rsa').replace('ssh-rsa', 'ssh-ed25519', 1)}\r\n{END}",
        f"{BEGIN}\r\nx-{key(1)} root@web\r\n{END}",
    ],
    ids=["empty", "no marks", "cut off", "no key", "no blob", "other type", "other name"],
)
def test_what_is_not_a_whole_key_is_none(log: str) -> None:
    assert keys_in(log) == []


def test_a_second_boot_that_says_the_same_is_fine_another_set_is_not() -> None:
    assert keys_in(console_of(key(1)) + console_of(key(1))) == [key(1)]
    with pytest.raises(HoabanError, match="two different sets") as caught:
        keys_in(console_of(key(1)) + console_of(key(2)))
    assert fingerprint(key(2)) in str(caught.value.detail)


def test_fingerprint_is_opensshs() -> None:
    # ssh-keygen -lf on the key whose 32 bytes are all zero
    assert fingerprint(key(0)) == "ssh-ed25519 SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk"


def test_new_hosts_are_pinned_in_opensshs_format(provisioned: Workspace, steps: QuietSteps) -> None:
    result = pin(provisioned, FakeConsole(default=console_of(key(1))), steps)
    assert result.new == [f"so-y-te-portal-{tier}-1" for tier in ("web", "app", "data")]
    file = provisioned.known_hosts / "agency-so-y-te"
    assert file.read_text() == "".join(
        f"so-y-te-portal-{tier}-1 {key(1)}\n" for tier in ("app", "data", "web")
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_known_server_costs_no_call(provisioned: Workspace, steps: QuietSteps) -> None:
    pin(provisioned, FakeConsole(default=console_of(key(1))), steps)
    console = FakeConsole(default=console_of(key(2)))
    result = pin(provisioned, console, steps)
    assert console.asked == []
    assert len(result.kept) == 3
    assert key(2) not in (provisioned.known_hosts / "agency-so-y-te").read_text()


def test_waits_for_hosts_that_are_still_booting(provisioned: Workspace, steps: QuietSteps) -> None:
    console = FakeConsole(
        {APP: ["", "Linux version 6", console_of(key(2))]}, default=console_of(key(1))
    )
    pin(provisioned, console, steps)
    assert console.asked.count(APP) == 3
    assert console.asked.count(WEB) == 1
    pins = PinStore(provisioned.known_hosts, "agency-so-y-te").read()
    assert pins["so-y-te-portal-app-1"].keys == [key(2)]
    assert steps.told == {"Host keys from the console logs": "done: 3 pinned"}


def test_a_silent_host_is_named_with_the_end_of_its_console_and_the_rest_is_kept(
    provisioned: Workspace, steps: QuietSteps
) -> None:
    console = FakeConsole(
        {APP: ["[    0.1] Linux\r\n\x1b[31mKernel panic - not syncing\x1b[0m\r\n"]},
        default=console_of(key(1)),
    )
    console.boot_seconds = 0
    with pytest.raises(HoabanError) as caught:
        pin(provisioned, console, steps)
    error = caught.value
    assert "so-y-te-portal-app-1 wrote no SSH host key" in error.what
    assert str(error.detail).splitlines()[-1] == "Kernel panic - not syncing"
    assert "hoaban converge so-y-te; " in str(error.mend)
    assert set(PinStore(provisioned.known_hosts, "agency-so-y-te").read()) == {
        "so-y-te-portal-web-1",
        "so-y-te-portal-data-1",
    }


def test_a_server_that_the_cloud_has_stopped_is_not_waited_for(
    provisioned: Workspace, steps: QuietSteps
) -> None:
    console = FakeConsole({APP: ["GRUB loading"]}, default=console_of(key(1)))
    console.boot_seconds = 900
    console.hindrances[APP] = Hindrance("its server is in the state SHUTOFF", "start it")
    with pytest.raises(HoabanError, match=r"app-1 writes no SSH host key.*: its server") as caught:
        pin(provisioned, console, steps)
    assert (caught.value.detail, caught.value.mend) == ("GRUB loading", "start it")
    assert len(PinStore(provisioned.known_hosts, "agency-so-y-te").read()) == 2


def test_all_silent_hosts_are_told_and_what_was_waited_for(
    provisioned: Workspace, steps: QuietSteps
) -> None:
    console = FakeConsole({WEB: ["web's"], APP: ["app's"]}, default=console_of(key(1)))
    console.boot_seconds = 0.05
    with pytest.raises(ManyErrors) as caught:
        pin(provisioned, console, steps)
    assert [error.detail for error in caught.value.errors] == ["web's", "app's"]
    assert steps.told["Host keys from the console logs"] == (
        "failed: 1 of 3; waiting at most 0 s for the first boot of so-y-te-portal-web-1, "
        "so-y-te-portal-app-1"
    )


TWO_SETS = console_of(key(2)) + console_of(key(3))


def test_two_sets_of_keys_are_told_of_their_host_and_the_rest_is_pinned(
    provisioned: Workspace, steps: QuietSteps
) -> None:
    """Hosts after it in the round are not passed over, and one that still boots is waited for."""
    data = exported.identifier("so-y-te-portal-data-1")
    console = FakeConsole({WEB: [TWO_SETS], data: ["", console_of(key(1))]}, console_of(key(1)))
    with pytest.raises(HoabanError) as caught:
        pin(provisioned, console, steps)
    assert caught.value.what == (
        "so-y-te-portal-web-1: the console log holds two different sets of SSH host keys"
    )
    assert fingerprint(key(3)) in str(caught.value.detail)
    assert "build the server anew" in str(caught.value.mend)
    assert console.asked.count(WEB) == 1
    assert set(PinStore(provisioned.known_hosts, "agency-so-y-te").read()) == {
        "so-y-te-portal-app-1",
        "so-y-te-portal-data-1",
    }


@pytest.mark.parametrize("hindrance", [None, Hindrance("it is SHUTOFF", "start it")])
def test_two_sets_of_keys_are_told_beside_a_host_that_stays_silent(
    provisioned: Workspace, steps: QuietSteps, hindrance: Hindrance | None
) -> None:
    console = FakeConsole({WEB: [TWO_SETS], APP: ["GRUB loading"]}, default=TWO_SETS)
    console.boot_seconds = 0
    if hindrance is not None:
        console.hindrances[APP] = hindrance
    with pytest.raises(ManyErrors) as caught:
        pin(provisioned, console, steps)
    names = ["so-y-te-portal-web-1: the", "so-y-te-portal-data-1: the", "so-y-te-portal-app-1 wr"]
    told = [error.what for error in caught.value.errors]
    assert [what[: len(name)] for what, name in zip(told, names, strict=True)] == names


def test_two_sets_of_keys_where_one_was_pinned_are_told_of_their_host(
    provisioned: Workspace, steps: QuietSteps
) -> None:
    pin(provisioned, FakeConsole(default=console_of(key(1))), steps)
    hosts = Fleet.read(provisioned).hosts_of("so-y-te")
    console = FakeConsole({WEB: [TWO_SETS], APP: [console_of(key(4))]}, console_of(key(1)))
    found = hostkeys.check(provisioned, hosts, console)
    assert list(found) == ["so-y-te-portal-web-1", "so-y-te-portal-app-1"]
    assert found["so-y-te-portal-web-1"].what.startswith("so-y-te-portal-web-1: the console log")
    assert "another SSH host key" in found["so-y-te-portal-app-1"].what


def test_a_replaced_server_gets_its_own_key_and_a_removed_host_drops_out(
    provisioned: Workspace, steps: QuietSteps
) -> None:
    pin(provisioned, FakeConsole(default=console_of(key(1))), steps)
    outputs = estate.department(counts={"web": 1, "app": 1})
    web = outputs.hosts["so-y-te-portal-web-1"].model_copy(update={"server_id": "replaced"})
    hosts = outputs.hosts | {"so-y-te-portal-web-1": web}
    estate.write_estate(provisioned.backend, outputs.model_copy(update={"hosts": hosts}))
    console = FakeConsole(default=console_of(key(2)))
    result = pin(provisioned, console, steps)
    assert console.asked == ["replaced"]
    assert (result.replaced, result.kept, result.dropped) == (
        ["so-y-te-portal-web-1"],
        ["so-y-te-portal-app-1"],
        ["so-y-te-portal-data-1"],
    )
    assert (provisioned.known_hosts / "agency-so-y-te").read_text() == (
        f"so-y-te-portal-app-1 {key(1)}\nso-y-te-portal-web-1 {key(2)}\n"
    )


def test_pins_of_a_destroyed_stack_are_forgotten(provisioned: Workspace, steps: QuietSteps) -> None:
    for stack in ("agency-gone", "agency-so-y-te"):
        PinStore(provisioned.known_hosts, stack).write({"x": Pin(server_id="x", keys=[key(1)])})
    console = FakeConsole(default=console_of(key(1)))
    prepare(provisioned, Fleet.read(provisioned), None, console, steps)
    assert sorted(file.name for file in provisioned.known_hosts.iterdir()) == [
        "agency-so-y-te",
        "agency-so-y-te.json",
        "province",
        "province.json",
    ]


def test_pins_of_a_stack_that_another_run_has_made_meanwhile_are_kept(
    provisioned: Workspace, steps: QuietSteps
) -> None:
    before = Fleet.read(provisioned)
    new = estate.department("so-noi-vu", index=2)
    exported.write_checkpoint(provisioned.backend, "agency", "so-noi-vu", new)
    pins = {"so-noi-vu-portal-web-1": Pin(server_id="x", keys=[key(1)])}
    store = PinStore(provisioned.known_hosts, "agency-so-noi-vu")
    store.write(pins)
    console = FakeConsole(default=console_of(key(1)))
    prepare(provisioned, before, "so-y-te", console, steps)
    assert store.read() == pins
    assert store.known_hosts.is_file()


def test_pinning_one_stack_leaves_the_pins_of_all_others(
    provisioned: Workspace, steps: QuietSteps
) -> None:
    """It is called for one agency after another while first boots are awaited."""
    store = PinStore(provisioned.known_hosts, "agency-unknown")
    store.write({"x": Pin(server_id="x", keys=[key(1)])})
    pin(provisioned, FakeConsole(default=console_of(key(1))), steps)
    assert store.known_hosts.is_file()
    assert store.file.is_file()


def test_another_key_of_the_same_server_is_refused(
    provisioned: Workspace, steps: QuietSteps
) -> None:
    pin(provisioned, FakeConsole(default=console_of(key(1))), steps)
    fleet = Fleet.read(provisioned)
    hosts = fleet.hosts_of("so-y-te")
    console = FakeConsole({WEB: [console_of(key(2))]}, default=console_of(key(1)))
    ((name, error),) = hostkeys.check(provisioned, hosts, console).items()
    assert name == "so-y-te-portal-web-1"
    assert "another SSH host key" in error.what
    assert fingerprint(key(1)) in str(error.detail)
    assert fingerprint(key(2)) in str(error.detail)


def test_a_store_that_someone_broke_is_told(tmp_path: Path) -> None:
    store = PinStore(tmp_path, "province")
    store.file.write_text('{"x": {"server_id": "y", "keys": ["evil\\nhost key"]}}')
    with pytest.raises(HoabanError, match="cannot be read"):
        store.read()
