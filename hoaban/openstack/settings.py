"""The provider's configuration: Pulumi's names on one side, openstacksdk's on the other.

The base is an entry of ``clouds.yaml`` (found as openstacksdk finds it: ``OS_CLIENT_CONFIG_FILE``,
the current folder, ``~/.config/openstack``, ``/etc/openstack``) or the ``OS_*`` environment; what
the configuration says wins over it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from keystoneauth1 import exceptions as ksa
from openstack.config import OpenStackConfig
from openstack.config.loader import CONFIG_FILES, SECURE_FILES
from openstack.exceptions import ConfigException
from os_service_types import ServiceTypes

from hoaban.engine.provider import CheckFailure, CheckResult, ProviderError
from hoaban.errors import Location
from hoaban.openstack.check import accept
from hoaban.openstack.diff import Changes, compare
from hoaban.openstack.schema import Field, Kind, boolean, integer, mapping, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openstack.config.cloud_region import CloudRegion

    from hoaban.engine.values import PropertyMap

CONFIG_FILE_VARIABLE = "OS_CLIENT_CONFIG_FILE"
_SECURE_FILE_VARIABLE = "OS_CLIENT_SECURE_FILE"
_CLOUD_VARIABLE = "OS_CLOUD"

FIELDS: tuple[Field, ...] = (
    boolean("allowReauth", api=None),
    text("applicationCredentialId"),
    text("applicationCredentialName"),
    text("applicationCredentialSecret", secret=True),
    text("authUrl"),
    text("cacertFile", api="cacert"),
    text("cert"),
    text("cloud", api=None),
    text("defaultDomain", api="default_domain_id"),
    boolean("delayedAuth", api=None),
    boolean("disableNoCacheHeader", api=None),
    text("domainId"),
    text("domainName"),
    boolean("enableLogging", api=None),
    mapping("endpointOverrides", api=None),
    text("endpointType", api=None),
    boolean("insecure", api=None),
    text("key", secret=True),
    integer("maxRetries", api=None),
    text("password", secret=True),
    text("projectDomainId"),
    text("projectDomainName"),
    text("region", api="region_name"),
    boolean("swauth", api=None),
    boolean("systemScope", api=None),
    text("tenantId", api="project_id"),
    text("tenantName", api="project_name"),
    text("token", secret=True),
    text("userDomainId"),
    text("userDomainName"),
    text("userId"),
    text("userName", api="username"),
)
_BY_NAME = {spec.name: spec for spec in FIELDS}
_NOT_AUTH = ("region_name", "cacert", "cert", "key")
_SCOPE = ("project_id", "project_name", "tenant_id", "tenant_name", "domain_id", "domain_name")
_SCOPE_INPUTS = ("tenantId", "tenantName", "domainId", "domainName", "systemScope")


def check_settings(inputs: PropertyMap) -> CheckResult:
    """Check the provider's inputs; values that are not strings may come as JSON text."""
    failures: list[CheckFailure] = []
    checked: PropertyMap = {}
    for name, value in inputs.items():
        if name.startswith("__") or name == "version":
            checked[name] = value
        elif name not in _BY_NAME:
            failures.append(CheckFailure(name, f"there is no provider setting {name}"))
        elif value is not None:
            spec = _BY_NAME[name]
            accept(spec, _plain(spec, value), name, failures)
            checked[name] = value
    if plain_settings(inputs).get("swauth"):
        failures.append(CheckFailure("swauth", "Swift's own log-in is not supported; use Keystone"))
    if "BEGIN CERTIFICATE" in str(inputs.get("cacertFile", "")):
        failures.append(CheckFailure("cacertFile", "give the path of a file, not its content"))
    return CheckResult(checked, failures)


def compare_settings(olds: PropertyMap, news: PropertyMap) -> Changes:
    """What differs between two configurations."""
    return compare(FIELDS, plain_settings(olds), plain_settings(news))


def plain_settings(inputs: PropertyMap) -> PropertyMap:
    """The settings among the provider's inputs, each in its own kind."""
    return {
        name: _plain(_BY_NAME[name], value)
        for name, value in inputs.items()
        if name in _BY_NAME and value is not None
    }


def secret_values(inputs: PropertyMap) -> set[str]:
    """The values that must never be shown."""
    return {str(value) for name, value in plain_settings(inputs).items() if _BY_NAME[name].secret}


def secrets_of(region: CloudRegion) -> set[str]:
    """Secrets of a cloud's entry, which no message may show."""
    auth = region.config.get("auth") or {}
    hidden = ("password", "token", "application_credential_secret", "passcode")
    return {str(auth[name]) for name in hidden if auth.get(name)}


def find_cloud(inputs: PropertyMap, environ: Mapping[str, str]) -> CloudRegion:
    """The cloud that the configuration means, with everything that is needed to log in."""
    settings = plain_settings(inputs)
    name = settings.get("cloud") or environ.get(_CLOUD_VARIABLE)
    if name and environ.get(CONFIG_FILE_VARIABLE):
        _see_file(environ[CONFIG_FILE_VARIABLE])
    try:
        loader = OpenStackConfig(
            config_files=_files(environ, CONFIG_FILE_VARIABLE, CONFIG_FILES),
            secure_files=_files(environ, _SECURE_FILE_VARIABLE, SECURE_FILES),
            load_envvars=False,
        )
        clouds = loader.cloud_config.get("clouds", {})
        if name and name not in clouds:
            raise _no_such_cloud(name, clouds, loader, environ)
        overrides = _overrides(settings)
        if any(settings.get(scope) for scope in _SCOPE_INPUTS):
            _forget_scope(clouds.get(name or loader.default_cloud, {}))
        if not name and "auth_url" not in overrides["auth"]:
            overrides = {**_from_environment(environ), **overrides}
        if not name and ("auth_url" in overrides or "auth_url" in overrides["auth"]):
            loader.default_cloud = None  # an address of one's own is not mixed with a file's entry
        found = loader.get_one(cloud=name, **overrides)
    except (ConfigException, ksa.ClientException) as error:
        raise ProviderError(
            f"the cloud's configuration is not complete: {error}",
            where=Location(file=loader_file(environ)),
            mend="name a cloud of clouds.yaml (OS_CLOUD, or the provider's setting cloud)",
        ) from error
    _must_have_password(found)
    return found


def loader_file(environ: Mapping[str, str]) -> str:
    """The ``clouds.yaml`` that people are told of."""
    return environ.get(CONFIG_FILE_VARIABLE) or "clouds.yaml"


def _must_have_password(region: CloudRegion) -> None:
    """Say now what keystoneauth would say at log-in, by an exception of no kind of its own."""
    auth = region.config.get("auth") or {}
    named = {"username", "user_id"} & set(auth)
    if (
        region.config.get("auth_type", "password") == "password"
        and named
        and not auth.get("password")
    ):
        raise ProviderError(
            f"the entry of cloud `{region.name}` has a user and no password",
            mend="add auth.password to the entry in clouds.yaml, or to a secure.yaml beside it",
        )


def _see_file(path: str) -> None:
    """See that a file can be read: openstacksdk passes over one that it cannot."""
    try:
        yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ProviderError(
            f"the file of clouds cannot be read: {error.strerror}",
            where=Location(file=path),
            mend=f"see {CONFIG_FILE_VARIABLE}; for the lab's file: hoaban lab up",
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise ProviderError(
            f"the file of clouds is not YAML: {getattr(error, 'problem', None) or error}",
            where=Location(file=path, line=line),
            mend="put the file right at this line",
        ) from error


def _no_such_cloud(
    name: str, clouds: Mapping[str, Any], loader: OpenStackConfig, environ: Mapping[str, str]
) -> ProviderError:
    known = ", ".join(sorted(key for key in clouds if key != "defaults")) or "none"
    found = loader.config_filename
    return ProviderError(
        f"there is no cloud {name!r} in clouds.yaml (found: {known})",
        where=Location(file=str(found) if found else loader_file(environ), key=f"clouds.{name}"),
        mend=f"add the entry clouds.{name}, or name another cloud (OS_CLOUD); "
        f"{CONFIG_FILE_VARIABLE} tells which file is read",
    )


def _overrides(settings: PropertyMap) -> dict[str, Any]:
    """Settings as openstacksdk takes them."""
    plain = {
        spec.attribute: settings[spec.name]
        for spec in FIELDS
        if spec.attribute is not None and settings.get(spec.name)
    }
    taken: dict[str, Any] = {name: plain.pop(name) for name in _NOT_AUTH if name in plain}
    taken["auth"] = plain
    if settings.get("applicationCredentialSecret"):
        taken["auth_type"] = "v3applicationcredential"
    elif settings.get("token"):
        taken["auth_type"] = "v3token"
    if settings.get("systemScope"):
        taken["auth"]["system_scope"] = "all"
    if settings.get("insecure"):
        taken["verify"] = False
    if settings.get("endpointType"):
        taken["interface"] = settings["endpointType"].removesuffix("URL")
    types = ServiceTypes()
    for service, url in (settings.get("endpointOverrides") or {}).items():
        official = types.get_service_type(service) or service
        taken[f"{official.replace('-', '_')}_endpoint_override"] = url
    return taken


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """``OS_*`` variables as openstacksdk takes them (``OS_AUTH_URL`` → ``auth_url``)."""
    ours = (CONFIG_FILE_VARIABLE, _SECURE_FILE_VARIABLE, _CLOUD_VARIABLE)
    return {
        name.removeprefix("OS_").lower(): value
        for name, value in environ.items()
        if name.startswith("OS_") and value and name not in ours
    }


def _forget_scope(entry: dict[str, Any]) -> None:
    """Take the project out of a cloud's entry, so that the configuration's own is the only one."""
    for place in (entry, entry.get("auth") or {}):
        for key in _SCOPE:
            place.pop(key, None)


def _files(environ: Mapping[str, str], variable: str, usual: list[str]) -> list[str]:
    named = environ.get(variable)
    return [named, *usual] if named else list(usual)


def _plain(spec: Field, value: Any) -> Any:
    if spec.kind is not Kind.STRING and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
