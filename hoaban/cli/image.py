"""``hoaban image``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from hoaban import image as library
from hoaban.console import Steps, print_json, stderr, stdout
from hoaban.image import BuiltImage
from hoaban.image import check as boot_check
from hoaban.image.guest import Machine

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
Name = Annotated[
    str | None, typer.Argument(help="Name of the image; that of the recipe as it is unless told")
]


@app.command()
def build(
    force: Annotated[
        bool, typer.Option("--force", help="Build it though it is there: newer packages")
    ] = False,
    max_age: Annotated[
        float | None, typer.Option("--max-age", metavar="DAYS", help="Build it when it is older")
    ] = None,
    check_: Annotated[bool, typer.Option("--check", help="Boot it, and check it")] = False,
    json_: Json = False,
) -> None:
    """Build the guest image, unless the recipe's is there already.

    Examples: `hoaban image build`, `hoaban image build --max-age 30 --check`
    """
    with Steps() as steps, steps.step("guest image") as step:
        image = library.ensure(
            lambda line: steps.update(step, line), force=force, max_age_days=max_age
        )
        steps.update(step, image.name)
    if check_:
        _check(image, Machine(), timeout=300)
    if json_:
        print_json(image.to_json())
        return
    _show(image)


@app.command("list")
def list_(json_: Json = False) -> None:
    """List the images on this machine, the newest first.

    Example: `hoaban image list`
    """
    images = library.images()
    if json_:
        print_json({"images": [image.to_json() for image in images]})
        return
    current = library.Recipe().name
    for image in images:
        mark = "current" if image.name == current else "earlier recipe"
        size = image.size_bytes / 1024**2
        stdout().print(f"{image.name}  {image.built_at:%Y-%m-%d %H:%M}  {size:.0f} MB  {mark}")
    if not images:
        stderr().print("no image is built yet: hoaban image build")


@app.command()
def show(
    name: Name = None,
    packages: Annotated[bool, typer.Option("--packages", help="List its packages too")] = False,
    json_: Json = False,
) -> None:
    """Show an image: its files, what the cloud is told of it, its packages.

    Examples: `hoaban image show`, `hoaban image show --packages`
    """
    image = library.named(name)
    inside: dict[str, str] = image.manifest["packages"]
    if json_:
        print_json(image.to_json() | ({"packages": inside} if packages else {}))
        return
    _show(image)
    if packages:
        for package, version in inside.items():
            stdout().print(f"{package} {version}", markup=False)


@app.command()
def check(
    name: Name = None,
    cpu: Annotated[str, typer.Option(help="Processor that QEMU shows to the guest")] = "qemu64",
    processors: Annotated[int, typer.Option(min=1, help="Processors of the guest")] = 1,
    memory: Annotated[int, typer.Option(min=256, help="Its memory in MB")] = 1024,
    timeout: Annotated[float, typer.Option(help="Seconds that each wait may take")] = 300,
    json_: Json = False,
) -> None:
    """Boot an image on this machine, without a cloud, and see that it keeps its promises.

    Examples: `hoaban image check`, `hoaban image check --memory 512`
    """
    machine = Machine(cpu=cpu, processors=processors, memory_mb=memory)
    checked = _check(library.named(name), machine, timeout)
    if json_:
        print_json(checked.to_json())


@app.command()
def clean(
    everything: Annotated[
        bool, typer.Option("--all", help="The recipe's own image too, not just earlier ones")
    ] = False,
    json_: Json = False,
) -> None:
    """Remove images of earlier recipes from this machine; clouds keep theirs.

    Example: `hoaban image clean`
    """
    names = library.clean(everything=everything)
    if json_:
        print_json({"removed": names})
        return
    for name in names:
        stdout().print(f"removed: {name}")


def _check(image: BuiltImage, machine: Machine, timeout: float) -> boot_check.Checked:
    with Steps() as steps, steps.step(f"check {image.name}") as step:
        checked = boot_check.check(
            image, lambda line: steps.update(step, line), machine=machine, timeout=timeout
        )
        steps.update(step, f"{len(checked.kept)} promises kept")
    for mark, seconds in checked.seconds.items():
        used = checked.cpu_seconds[mark]
        stderr().print(f"  {mark}: {seconds:.0f} s after power-on ({used:.0f} s of processor)")
    return checked


def _show(image: BuiltImage) -> None:
    told = {
        "built": f"{image.built_at:%Y-%m-%d %H:%M} UTC, {len(image.manifest['packages'])} packages",
        "size": f"{image.size_bytes / 1024**2:.0f} MB in three files",
        "guest": f"{image.min_ram_mb} MB of memory, {image.min_disk_gb} GB of disk at least",
        "kernel": str(image.kernel),
        "initrd": str(image.initrd),
        "root": str(image.root),
        "properties": json.dumps(image.properties, indent=2),
    }
    stdout().print(image.name)
    for key, value in told.items():
        stdout().print(f"{key + ':':<12}{value}", markup=False)


if __name__ == "__main__":
    app()
