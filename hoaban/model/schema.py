"""JSON Schemas of the inventory's files, so that editors complete and check them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hoaban.files import write_atomic
from hoaban.model.links import Links
from hoaban.model.spec import AgencySpec, ProvinceSpec

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

FOLDER = "schema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[BaseModel]] = {
    "province": ProvinceSpec,
    "agency": AgencySpec,
    "links": Links,
}


def schemas() -> dict[str, dict[str, Any]]:
    """The schemas by file name (``province.schema.json``)."""
    return {
        f"{name}.schema.json": {"$schema": DIALECT, **model.model_json_schema()}
        for name, model in MODELS.items()
    }


def texts() -> dict[str, str]:
    """The schemas by file name, as the files hold them."""
    return {
        name: json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        for name, schema in schemas().items()
    }


def write(inventory: Path) -> list[Path]:
    """Write the schemas that differ from what an inventory has; returns the written files."""
    written: list[Path] = []
    for name, text in texts().items():
        path = inventory / FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_atomic(path, text)
            written.append(path)
    return written
