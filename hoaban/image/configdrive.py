"""A config drive as Nova makes it: what a guest is told where no metadata service is."""

from __future__ import annotations

import json
import subprocess
import uuid
from typing import TYPE_CHECKING

from hoaban.image.failures import explain

if TYPE_CHECKING:
    from pathlib import Path

LABEL = "config-2"
_VERSION = "2018-08-27"  # the newest that cloud-init asks for by name, beside "latest"


def make_config_drive(folder: Path, *, hostname: str, public_key: str, user_data: str = "") -> Path:
    """Write a config drive (ISO 9660) into ``folder``; returns the file.

    Layout and options are those of Nova's user guide, "Config drives", and of its own call of
    genisoimage.
    """
    metadata = {
        "uuid": str(uuid.uuid4()),
        "hostname": hostname,
        "name": hostname,
        "launch_index": 0,
        "availability_zone": "nova",
        "public_keys": {"check": public_key},
        "keys": [{"name": "check", "type": "ssh", "data": public_key}],
    }
    for version in ("latest", _VERSION):
        place = folder / "config-drive/openstack" / version
        place.mkdir(parents=True)
        (place / "meta_data.json").write_text(json.dumps(metadata))
        if user_data:
            (place / "user_data").write_text(user_data)
    output = folder / "config-drive.iso"
    options = ["-ldots", "-allow-lowercase", "-allow-multidot", "-l", "-J", "-r", "-quiet"]
    done = subprocess.run(
        ["genisoimage", *options, "-V", LABEL, "-o", str(output), str(folder / "config-drive")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise explain("genisoimage failed", done.stderr, folder)
    return output
