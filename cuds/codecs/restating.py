"""A data set whose meaning is another, with the same numbers: the graph in its file is replaced, the arrays stay."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyoxigraph as ox

from cuds.codecs import hdf5
from cuds.codecs.patient import writing
from cuds.codecs.rdf import roots
from cuds.codecs.whole import to_disk
from cuds.errors import CudsError, FormatError, InvalidError
from cuds.model.dataset import DataSet
from cuds.semantics.lower import lower


def restated(source: Path, target: Path, graph: bytes, notes: Mapping[str, str]) -> Path:
    """Write a copy of a data set that says something else; every number is read and compared with what is said of it.

    Parameters
    ----------
    source, target : Path
        Files.
    graph : bytes
        The new graph, as N-Triples.
    notes : mapping
        Remarks on the new file.

    Raises
    ------
    InvalidError
        When the graph says something that the model does not know, or that does not fit the numbers.
    """
    triples = ox.parse(graph, format=ox.RdfFormat.N_TRIPLES)
    with hdf5.opened(source) as (load, listed):
        try:
            made = {e.id: e for e in lower(triples, load)}
        except CudsError as error:
            hint = "a digest is of the entity as it is stated; put the data set to change numbers"
            raise InvalidError(f"the graph of a data set: {error.message}", hint=hint) from error
    told = [i for i in listed["entities"] if i in made]
    reached = {e.id for e in DataSet(*(made[i] for i in told)).closure()}
    told += [e.id for e in roots([e for e in made.values() if e.id not in reached])] if made.keys() - reached else []
    contents = json.dumps({"label": listed["label"], "entities": told}, indent=1).encode()
    made.clear()
    shutil.copyfile(source, target)
    with writing(target, anew=False) as file:
        for name, text in (("graph", graph), ("contents", contents)):
            del file[name]
            file.create_dataset(name, data=np.frombuffer(text, dtype=np.uint8))
        file["meta"].attrs.update({**notes, "checksum": hdf5.checksum(graph, contents)})
    to_disk(target)
    return target


def all_within(path: Path) -> None:
    """Refuse a file that is no data set of cuds, or holds more than lies in it; no number is read.

    Raises
    ------
    FormatError
        Which says what lies elsewhere.
    """
    with hdf5.opened(path) as (load, _):
        lying: dict[str, Any] = load.lying  # type: ignore[attr-defined]
        for place, dataset in lying.items():
            said = dataset.dtype.itemsize * int(np.prod(dataset.shape, dtype=np.uint64))
            if dataset.dtype.hasobject or dataset.get_storage_size() != said:
                raise FormatError(
                    f"{path}: {place} does not lie there as {said} bytes, in one piece",
                    hint="cuds writes arrays that are neither compressed nor left out",
                    location=place,
                )


def noted(path: Path, notes: Mapping[str, str]) -> None:
    """Add remarks to a file."""
    with writing(path, anew=False) as file:
        file["meta"].attrs.update(notes)
    to_disk(path)
