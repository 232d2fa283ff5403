"""One estate of real guests for all tests of this folder, and its removal."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cloud.province import AGENCY, SmallProvince

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
MIRROR = "http://172.31.77.1:8780/debian"
"""The lab's own."""
STEP_SECONDS = 1500
"""No step may take longer: software emulation on a busy machine is slow, but not that slow."""


@dataclass(frozen=True, slots=True)
class Estate:
    """A workspace whose province runs on the lab, and the command in it."""

    province: SmallProvince

    @property
    def environment(self) -> dict[str, str]:
        """As a person's shell would have it."""
        mine = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        return os.environ | mine | {"HOABAN_ROOT": str(self.province.folder)}

    def run(self, *words: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command in the workspace; its exit status must be as told (None: any)."""
        print("$", shlex.join(words), flush=True)
        done = subprocess.run(
            words,
            cwd=self.province.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        print(done.stdout, done.stderr, sep="\n", flush=True)
        if status is not None:
            assert done.returncode == status, f"{shlex.join(words)}: {done.stdout}{done.stderr}"
        return done

    def hoaban(self, *words: str, status: int | None = 0) -> Any:
        """Run a verb with ``--json``; its document."""
        return json.loads(self.run("hoaban", *words, "--json", status=status).stdout)

    def on(self, host: str, script: str, status: int | None = 0) -> str:
        """Output of a shell script on a host."""
        return self.run("hoaban", "ssh", host, "--", script, status=status).stdout


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Foundation and department, provisioned and booting; removed in the end."""
    small = SmallProvince(tmp_path_factory.mktemp("estate"))
    small.province["slug"] = "that"  # "thật": real
    small.province["sizes"] = {"tiny": {"vcpus": 1, "ram_mb": 768, "disk_gb": 3}}
    small.province["services"] = {"mirror": MIRROR}
    small.tiers["web"]["count"] = 1
    small.write()
    (small.workspace.inventory / "hoaban.yml").write_text("plugin: hoaban\n")  # as init does
    estate = Estate(small)
    try:
        estate.run("hoaban", "up", "--provision-only", "--yes")
        estate.run("hoaban", "up", AGENCY, "--provision-only", "--yes")
        yield estate
    finally:
        estate.run("hoaban", "destroy", AGENCY, "--yes", "--delete-data", status=None)
        estate.run("hoaban", "destroy", "--yes", "--delete-data", status=None)
