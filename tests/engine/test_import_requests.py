"""What a request to import may say, and the text that comes of it, without an engine."""

from __future__ import annotations

from typing import Any

import pytest

from hoaban.engine.embedded.codegen import Declaration, generate
from hoaban.engine.embedded.properties import ASSET_SIGNATURE, SIGNATURE
from hoaban.engine.embedded.state import Resource
from hoaban.engine.imports import ImportRequest, ImportSpec, resolve
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError, Location, ManyErrors

THING = "fake:index:Thing"
GROUP = "fake:index:Group"
URN = "urn:pulumi:dev::shop::"
ROOT = f"{URN}pulumi:pulumi:Stack::shop-dev"


def request(*specs: ImportSpec, **names: str) -> ImportRequest:
    def at(*path: str | int) -> Location:
        return Location(file="f.json", line=1, key=".".join(map(str, path)))

    return ImportRequest(resources=specs, names=names, at=at)


def urns(*specs: ImportSpec, **names: str) -> list[str]:
    return [one.urn for one in resolve(request(*specs, **names), "dev", "shop")]


def spec(name: str, **how: Any) -> ImportSpec:
    return ImportSpec(**{"type": THING, "name": name, "id": "1", **how})


def test_parents_come_first_and_are_in_the_urn() -> None:
    inner = ImportSpec(type=GROUP, name="g", parent="top", component=True)
    outer = ImportSpec(type="a:b:C", name="top", component=True, parent="have")
    found = urns(spec("x", parent="g"), inner, outer, have=f"{URN}d:e:F::f")
    assert found == [
        f"{URN}d:e:F$a:b:C::top",
        f"{URN}d:e:F$a:b:C$fake:index:Group::g",
        f"{URN}d:e:F$a:b:C$fake:index:Group$fake:index:Thing::x",
    ]
    assert urns(spec("v", logical_name="web 1")) == [f"{URN}fake:index:Thing::web 1"]
    assert urns(spec("", logical_name="web")) == [f"{URN}fake:index:Thing::web"]
    # The same name for two types, or below two parents, is no fault.
    assert len(urns(spec("x"), spec("x", type="fake:index:Other"))) == 2


@pytest.mark.parametrize(
    ("specs", "names", "key", "what"),
    [
        ([spec("x", type="")], {}, "resources.0.type", "x has no type"),
        ([spec("x", type="network")], {}, "resources.0.type", "not a type: network"),
        ([spec("x", type="a::C")], {}, "resources.0.type", "not a type: a::C"),
        ([spec("x", type="pulumi:providers:fake")], {}, "resources.0.type", "stands for no object"),
        ([spec("")], {}, "resources.0.name", "1 has no name"),
        ([spec("x", id="")], {}, "resources.0.id", "x has no id"),
        ([spec("x", id="<PLACEHOLDER>")], {}, "resources.0.id", "x has no id"),
        ([spec("x", component=True)], {}, "resources.0.id", "is a component, and has an id"),
        ([spec("x", remote=True)], {}, "resources.0.remote", "x is remote, and no component"),
        ([spec("x", parent="p")], {}, "resources.0.parent", "the parent 'p' has no entry in nameT"),
        ([spec("x", provider="p")], {}, "resources.0.provider", "the provider 'p' has no entry"),
        ([spec("x", provider="p")], {"p": f"{URN}{GROUP}::g"}, "resources.0.provider",
         "p is no provider"),
        ([spec("x", parent="x")], {}, "resources.0.parent", "x is among its own parents"),
        ([spec("x"), spec("x")], {}, "resources.1.name", "two resources of type .* are called 'x'"),
        ([spec("g"), spec("g", type=GROUP), spec("x", parent="g")], {}, "resources.2.parent",
         "2 resources are called 'g'"),
        ([spec("x", parent="p")], {"p": "p"}, "nameTable.p", "not a URN: p"),
        ([spec("x", parent="p")], {"p": "urn:pulumi:prod::shop::a:b:C::c"}, "nameTable.p",
         "is of the stack shop/prod, not of shop/dev"),
        ([], {}, "resources", "nothing to import"),
    ],
)  # fmt: skip
def test_faults(specs: list[ImportSpec], names: dict[str, str], key: str, what: str) -> None:
    with pytest.raises(HoabanError, match=what) as caught:
        urns(*specs, **names)
    assert caught.value.where is not None
    assert caught.value.where.key == key
    assert caught.value.mend


def test_faults_are_told_together() -> None:
    with pytest.raises(ManyErrors) as caught:
        urns(spec("x", id=""), spec("y", type="no"))
    assert len(caught.value.errors) == 2
    with pytest.raises(ManyErrors) as caught:  # each once, also where one follows from another
        urns(spec("x", parent="none"), spec("y", parent="x"), spec("z", provider="none"))
    assert len(caught.value.errors) == 2


def test_the_file_again() -> None:
    body = request(spec("x", properties=("a",), logical_name="X"), p=f"{URN}a:b:C::c").to_json()
    assert body == {
        "nameTable": {"p": f"{URN}a:b:C::c"},
        "resources": [
            {"type": THING, "name": "x", "id": "1", "logicalName": "X", "properties": ["a"]}
        ],
    }


def declared(name: str = "x", type_: str = THING, **inputs: Any) -> Declaration:
    urn = f"{URN}{type_}::{name}"
    resource = Resource(urn=urn, type=type_, custom=True, id="1", parent=ROOT)
    return Declaration(resource=resource, variable=name, inputs=inputs)


def text(*declarations: Declaration, table: dict[str, str] | None = None) -> str:
    return generate(declarations, table or {}, "shop", ROOT)


@pytest.mark.parametrize(
    "value",
    [
        "", 'a "b" \\ c', "dòng\nkhác\t", "\x00\x7f\x85\u2028😀\n", 3, -1.5, 1e30, True, None,
        [], {}, ["a", ["b", {"c": None}]], {"a b": 1, "c-d": [True]}, "x" * 200,
        [f"10.0.0.{n}" for n in range(40)], {f"key{n}": {"deep": ["y" * 30] * 4} for n in range(5)},
    ],
)  # fmt: skip
def test_values_come_back_as_they_were(value: Any) -> None:
    got: dict[str, Any] = {}
    source = text(declared(value=value)).replace("import pulumi_fake as fake\n", "")
    fake = type("fake", (), {"Thing": staticmethod(lambda _name, **given: got.update(given))})
    exec(source, {"fake": fake})  # noqa: S102 (the text is what is tested)
    assert got == {"value": value}
    assert max(map(len, source.splitlines())) <= 240 + len(" " * 8)


def test_names_are_identifiers_of_their_own() -> None:
    names = ["pulumi", "fake", "config", "class", "1st", "web-1", "web.1", "mạng", "--"]
    found = text(*[declared(name) for name in names])
    compile(found, "text", "exec")
    variables = [line.partition(" = ")[0] for line in found.splitlines() if " = fake.Thing" in line]
    assert variables == [
        "pulumi_2", "fake_2", "config_2", "_class", "_1st", "web_1", "web_1_2", "mạng", "resource",
    ]  # fmt: skip


def test_arguments_are_named_as_the_sdk_does() -> None:
    port = declared(
        "p", "openstack:networking/port:Port", fixedIps=[{"subnetId": "s"}], dnsName="d"
    )
    found = text(port)
    assert "import pulumi_openstack as openstack" in found
    assert 'openstack.networking.Port("p", fixed_ips=[{"subnet_id": "s"}], dns_name="d")' in found
    # A package that is not here is taken to be as Pulumi generates them.
    other = declared("o", "my-pkg:web/site:Site", maxIPCount=3, **{"from": 1})
    found = text(other)
    assert "import pulumi_my_pkg as my_pkg" in found
    assert 'o = my_pkg.web.Site("o", max_ip_count=3, from_=1)' in found


def test_secrets_are_asked_of_the_configuration() -> None:
    found = text(
        declared("db", keys=[Secret("hush"), "x"], token=Secret("hush"), sizes=Secret([1]))
    )
    assert "hush" not in found
    assert 'token=config.require_secret("db_token")' in found
    assert 'keys=config.require_secret_object("db_keys")' in found
    assert 'sizes=config.require_secret_object("db_sizes")' in found
    assert found.count("config = pulumi.Config()") == 1
    for key in ("keys", "token", "sizes"):
        assert f"# Secret: give it to the stack's configuration as shop:db_{key}\n" in found


def test_assets() -> None:
    asset = {SIGNATURE: ASSET_SIGNATURE, "hash": "x", "text": "hello"}
    assert 'body=pulumi.StringAsset("hello")' in text(declared(body=asset))


def test_a_version_that_is_told() -> None:
    one = Declaration(resource=declared().resource, variable="x", version="1.2.3")
    assert 'fake.Thing("x", opts=pulumi.ResourceOptions(version="1.2.3"))' in text(one)
