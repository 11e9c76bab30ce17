"""`wsrec contract ...`."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["contract"]


@click.group()
def contract() -> None:
    """Look at contracts: the packs that ship with wsrec, and your own."""


@contract.command("list")
def contract_list() -> None:
    """List the packs, each with what it is for."""
    from ..schemas.packs import find, packs

    for name in packs():
        click.echo(f"{name:20} {find(name).description}")


@contract.command("show")
@click.argument("name", metavar="PACK|FILE|RECORDING")
def contract_show(name: str) -> None:
    """Print a contract as it was written; of a recording, the one that is stored in it."""
    from ..schemas.packs import find, packs

    if name in packs() or not _is_sqlite(Path(name)):
        click.echo(find(name).text, nl=False)
        return
    from ..replay.choice import stored_contract
    from ..report.inert import inert
    from ..store.reader import Recording

    with Recording.open(name) as recording:
        text = recording.meta.get("contract")
    if text is None:
        raise click.UsageError(f"{name}: no contract is stored in it")
    for line in stored_contract(name, text).text.splitlines():
        click.echo(inert(line))


def _is_sqlite(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\x00"


@contract.command("copy")
@click.argument("name", metavar="PACK")
@click.argument("folder", type=click.Path(path_type=Path))
def contract_copy(name: str, folder: Path) -> None:
    """Copy a pack, its contract and its schemas, to a new FOLDER, to change it there."""
    import shutil

    from ..schemas.packs import pack_path, packs

    if name not in packs():
        raise click.UsageError(f"no pack {name!r}; the packs are: {', '.join(packs())}")
    try:
        shutil.copytree(pack_path(name).parent, folder)
    except FileExistsError:
        raise click.UsageError(f"{folder} exists already; give a new folder") from None
    click.echo(folder / "contract.yaml")


@contract.command("check")
@click.argument("names", nargs=-1, required=True, metavar="FILE...")
def contract_check(names: tuple[str, ...]) -> None:
    """Check contracts; exit code 2 when there are mistakes, each said with line and column."""
    from ..schemas.packs import find

    for name in names:
        click.echo(f"{name}: {find(name).name} is a valid contract")
