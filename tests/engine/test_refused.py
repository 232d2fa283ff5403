"""What the official engine does and this one does not: refused by its name, never left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.engine.embedded.backend import StackName
from hoaban.engine.embedded.defaults import default_goal
from hoaban.engine.embedded.goals import seconds
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from tests.engine.conftest import Lab

REFUSED = {
    "plugin_download_url": 'Thing("a", Opts(plugin_download_url="https://example.vn"))',
    "remote components": """
        class Far(pulumi.ComponentResource):
            def __init__(self, name):
                super().__init__("fake:index:Far", name, {}, None, remote=True)
        Far("a")
    """,
    "calling the method": 'pulumi.runtime.call("fake:index:Thing/do", {}, Thing("a"))',
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_by_name(lab: Lab, what: str) -> None:
    with pytest.raises(HoabanError, match="not supported by the embedded engine") as caught:
        lab.preview(REFUSED[what])
    assert what in caught.value.what
    assert "use the pulumi command" in str(caught.value)


def test_other_languages(lab: Lab) -> None:
    lab.program("")
    (lab.program_folder / "Pulumi.yaml").write_text("name: shop\nruntime: nodejs\n")
    with pytest.raises(HoabanError, match="runs Python programs only, not nodejs"):
        lab.preview()


@pytest.mark.parametrize("key", ["options", "plugins", "packages"])
def test_parts_of_a_project_file(lab: Lab, key: str) -> None:
    lab.program("")
    file = lab.program_folder / "Pulumi.yaml"
    file.write_text(f"{file.read_text()}{key}:\n  refresh: always\n")
    with pytest.raises(HoabanError, match=f"{key} in the project file is not supported"):
        lab.preview()


def test_automatic_names(lab: Lab) -> None:
    lab.program("")
    lab.stack.config_file.write_text("config:\n  pulumi:autonaming: {mode: verbatim}\n")
    with pytest.raises(HoabanError, match="automatic names"):
        lab.preview()


@pytest.mark.parametrize(
    ("denied", "package", "refused"),
    [('["fake"]', "fake", True), ('["*"]', "fake", True), ('["*"]', "pulumi", False),
     ('["pulumi"]', "pulumi", True), ('["other"]', "fake", False)],
)  # fmt: skip
def test_default_providers_that_are_disabled(denied: str, package: str, refused: bool) -> None:
    config = {"pulumi:disable-default-providers": denied}
    name = StackName("shop", "dev")
    if refused:
        with pytest.raises(HoabanError, match=f"default provider of {package} is disabled"):
            default_goal(name, package, "", config)
    else:
        assert default_goal(name, package, "", config).name == "default"


@pytest.mark.parametrize("key", ["secretsprovider", "encryptedkey", "environment"])
def test_other_keepers_of_secrets(lab: Lab, key: str) -> None:
    lab.program("")
    lab.stack.config_file.write_text(f"{key}: something\n")
    with pytest.raises(HoabanError, match=f"{key} is not supported by the embedded engine"):
        lab.preview()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5s", 1.5), ("20ms", 0.02)],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "1d"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(HoabanError, match="not a duration"):
        seconds(text)
