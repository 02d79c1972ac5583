"""Files that a script names: inside its folder, or refused."""

from pathlib import Path

from cuds_lammps.codecs.script import Statement

_PACKED = (".gz", ".bz2", ".zst", ".xz", ".lzma", ".lz4")


def inside(folder: Path, name: str, statement: Statement) -> Path:
    """Return a file that a statement names.

    Raises
    ------
    UnsupportedError
        When it lies outside the folder of the script, also by a link, or LAMMPS would unpack it with a program.
    FormatError
        When there is none.
    """
    path = folder / name
    if Path(name).suffix.lower() in _PACKED:
        raise statement.refused(f"{name} is packed", "unpack it first")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise statement.refused(
            f"{name} lies outside the folder of the script", "put what the script needs into its folder"
        )
    if not path.is_file():
        raise statement.broken(f"there is no file {name!r}", hint="it is looked for from the folder of the script")
    if any(c in str(path) for c in "\"'\n$"):
        raise statement.refused("the path has a quote or a $ in it", "rename the file or its folder")
    return path
