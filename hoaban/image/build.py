"""Builds the guest image: a tree by mmdebstrap, and three files from the tree.

Everything is made in a folder beside the images and renamed into place at the end, so that an
interrupted build leaves nothing that looks like an image. One build at a time on a machine.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import file_digest
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic
from hoaban.image import layout, store
from hoaban.image.failures import explain
from hoaban.image.initrd import pack_initrd
from hoaban.image.mirror import KEYRING, host_mirror
from hoaban.image.progress import Phases, Progress
from hoaban.image.recipe import CODENAME, Recipe
from hoaban.workspace import image_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEEDED_GIB = 3
"""Room that a build takes at its widest: the tree, the raw and the compacted file system."""
_PROGRAMS = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "qemu-img": "qemu-utils"}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UNFINISHED = ".building-"


def ensure(
    progress: Progress | None = None,
    *,
    force: bool = False,
    max_age_days: float | None = None,
    recipe: Recipe | None = None,
) -> store.BuiltImage:
    """The image of the recipe, built if it is not there, or is older than ``max_age_days``.

    ``force`` builds it in any case. ``progress`` takes lines such as ``packages: done in 52 s``.
    """
    recipe = recipe or Recipe()
    present = store.built(recipe)
    if present and not _is_stale(present, force=force, max_age_days=max_age_days):
        return present
    _check_machine()
    with _only_build(progress):
        again = store.built(recipe)  # another process may have built it while this one waited
        changed = again is not None and (present is None or again.built_at != present.built_at)
        if again and changed:
            return again
        return _Build(recipe, Phases(progress)).run()


class _Build:
    """One build, in a folder of its own."""

    def __init__(self, recipe: Recipe, phases: Phases) -> None:
        self.recipe = recipe
        self.phases = phases
        self.work = image_dir() / f"{_UNFINISHED}{os.getpid()}"
        self.tree = self.work / "tree"
        self.result = self.work / recipe.name

    def run(self) -> store.BuiltImage:
        for left in image_dir().glob(f"{_UNFINISHED}*"):
            _remove(left)
        try:
            self.result.mkdir(parents=True)
            self._tree()
            self._files()
            self._manifest()
            place = image_dir() / self.recipe.name
            if place.exists():
                place.rename(self.work / "replaced")
            self.result.rename(place)
        except OSError as error:
            raise explain(error.strerror or str(error), str(error), image_dir()) from error
        finally:
            _remove(self.work)
        return store.BuiltImage.read(image_dir() / self.recipe.name)

    def _tree(self) -> None:
        mirror = host_mirror()
        sources = self.work / "debian.sources"
        sources.write_text(mirror.sources(CODENAME))
        options = self.work / "apt.conf"
        options.touch(mode=0o600)  # a proxy's address may hold a password
        options.write_text("\n".join(mirror.options) + "\n")
        with self.phases.phase("packages", f"install {len(self.recipe.packages)} packages"):
            self._run(
                layout.bootstrap(
                    codename=CODENAME,
                    packages=self.recipe.packages,
                    sources=sources,
                    apt_options=options,
                    recipe=self.recipe.folder,
                    tree=self.tree,
                )
            )

    def _files(self) -> None:
        with self.phases.phase("initrd", "pack kernel and initrd"):
            kernels = list(self.tree.glob("boot/vmlinuz-*"))
            shutil.copyfile(kernels[0], self.result / store.KERNEL)
            init = self.recipe.folder / "initrd/init"
            pack_initrd(tree=self.tree, init=init, output=self.result / store.INITRD)
            for path in (self.tree / "boot").iterdir():
                path.unlink()
        raw = self.work / "root.img"
        with self.phases.phase("filesystem", "make the root file system"):
            self._run(layout.filesystem(tree=self.tree, output=raw))
        with self.phases.phase("compact", "compact it"):
            self._run(layout.compact(raw=raw, output=self.result / store.ROOT))

    def _manifest(self) -> None:
        with self.phases.phase("manifest", "take stock"):
            manifest = {
                "name": self.recipe.name,
                "digest": self.recipe.digest,
                "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "min_disk_gb": layout.ROOT_GIB,
                "min_ram_mb": store.MIN_RAM_MB,
                "command_line": self.recipe.command_line,
                "files": {path.name: _stock(path) for path in sorted(self.result.iterdir())},
                "seconds": self.phases.seconds,
                "packages": self._packages(),
            }
        text = json.dumps(manifest, indent=2) + "\n"
        write_atomic(self.result / store.MANIFEST, text)

    def _packages(self) -> dict[str, str]:
        admin = self.tree / "var/lib/dpkg"
        command = ["dpkg-query", f"--admindir={admin}", "-W", "-f", "${Package} ${Version}\n"]
        lines = self._run(command).splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def _run(self, command: list[str]) -> str:
        environment = {"PATH": _PATH, "TMPDIR": str(self.work), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            umask=0o022,  # the image's files are not the builder's alone
        )
        if done.returncode:
            raise explain(f"{command[0]} failed", done.stderr + done.stdout, image_dir())
        return done.stdout


def _is_stale(image: store.BuiltImage, *, force: bool, max_age_days: float | None) -> bool:
    return force or (max_age_days is not None and image.age_days > max_age_days)


def _check_machine() -> None:
    """Say at once what a build would fail for minutes later."""
    if os.geteuid() != 0:
        raise HoabanError(
            "an image is built by root: packages are installed as they are on a host",
            mend="sudo hoaban image build",
        )
    missing = [
        package
        for program, package in _PROGRAMS.items()
        if shutil.which(program, path=_PATH) is None
    ]
    if not KEYRING.is_file():
        missing.append("debian-archive-keyring")
    if missing:
        raise HoabanError(
            "programs that build the image are not installed",
            mend=f"apt-get install --yes --no-install-recommends {' '.join(missing)}",
        )
    image_dir().mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(image_dir()).free / 1024**3
    if free < NEEDED_GIB:
        raise HoabanError(
            f"{free:.1f} GiB are free, a build takes {NEEDED_GIB}",
            where=Location(file=str(image_dir())),
            mend="free some, or set HOABAN_IMAGE_DIR to a folder on another disk",
        )


@contextmanager
def _only_build(progress: Progress | None) -> Iterator[None]:
    """Hold the machine's lock on builds; it falls with the process, however that ends."""
    with (image_dir() / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            Phases(progress).say("another process is building an image: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove(folder: Path) -> None:
    """Remove a build's folder, never following what might still be mounted in it."""
    if folder.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=True)


def _stock(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        return {
            "size_bytes": path.stat().st_size,
            "sha256": file_digest(stream, "sha256").hexdigest(),
        }
