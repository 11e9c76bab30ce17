"""`wsrec contract ...`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..schemas.mistakes import ContractError, Mistake
from .group import MAX_LINE
from .options import FILE, trust_code_option

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
@click.option("--resolved", is_flag=True, help="Merged with all that it extends, without comments.")
def contract_show(name: str, resolved: bool) -> None:
    """Print a contract as it was written.

    Of a recording, the one that is stored in it."""
    from ..schemas.contract import show
    from ..schemas.packs import find, locate, packs

    if name in packs() or not _is_sqlite(Path(name)):
        click.echo(show(*locate(name)) if resolved else find(name).text, nl=False)
        return
    from ..judge.choice import stored_contract
    from ..report.inert import inert
    from ..schemas.archive import Archive
    from ..store.reader import Recording

    with Recording.open(name) as recording:
        text = recording.meta.get("contract")
    if text is None:
        raise click.UsageError(f"{name}: no contract is stored in it")
    stored = stored_contract(name, text).text
    for line in (Archive.read(text).show() if resolved else stored).splitlines():
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
    """Copy a pack to a new FOLDER, to change it there.

    Its contract and its schemas."""
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
@trust_code_option
def contract_check(names: tuple[str, ...], trust_code: bool) -> None:
    """Check contracts, and say every mistake with its place.

    A name that is most likely misspelt, but may be meant, is a warning. Exit code: 0, also with
    warnings; 2 when there are mistakes."""
    from ..report.groups import plural
    from ..report.inert import inert
    from ..schemas.packs import find

    mistakes: list[Mistake] = []
    for name in names:
        try:
            found = find(name, trust_code=trust_code)
        except ContractError as error:
            stored = "a recording; `wsrec contract show` prints the contract that it stores"
            told = [Mistake(name, 0, 0, stored)] if _is_sqlite(Path(name)) else error.mistakes
            mistakes += told
            continue
        for doubt in found.doubts:
            click.echo(inert(str(doubt), MAX_LINE), err=True)
        under = f", over {', '.join(found.extends)}" if found.extends else ""
        warned = f", with {plural(len(found.doubts), 'warning')}" if found.doubts else ""
        click.echo(inert(f"{name}: {found.name} is a valid contract{under}{warned}"))
    if mistakes:
        raise ContractError(mistakes)


@contract.command("freeze")
@click.argument("file", type=FILE)
@trust_code_option
@click.option(
    "--check", is_flag=True, help="Write nothing; exit code 1 when a file is not current."
)
def contract_freeze(file: Path, trust_code: bool, check: bool) -> None:
    """Write the schemas of the Python types that FILE names beside it.

    A contract is then judged by without the code. Exit code: 0, 1 with --check when a file differs
    from what the code gives now, 2 usage or contract.
    """
    from ..schemas.contract import freeze

    if not trust_code:
        raise click.UsageError("this imports the code that FILE names; say so with --trust-code")
    stale = False
    for name, text in freeze(file).items():
        target = file.parent / name
        if target.is_file() and target.read_bytes() == text.encode():
            click.echo(f"{target}: current")
        elif check:
            stale = True
            click.echo(f"{target}: {'not current' if target.exists() else 'missing'}")
        else:
            try:
                target.write_bytes(text.encode())
            except OSError as error:
                raise click.UsageError(f"{target}: {error.strerror}") from None
            click.echo(f"{target}: written")
    if stale:
        click.echo(f"wsrec contract freeze --trust-code {file} writes them", err=True)
        sys.exit(1)
