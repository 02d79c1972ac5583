"""What to cite for a data set: who computed it, and whose potentials it rests on."""

from cuds import __version__
from cuds.errors import UnknownError
from cuds.model.dataset import DataSet
from cuds.model.potential import Potential
from cuds.model.provenance import SimulationRun
from cuds.semantics.dictionary import engine_words
from cuds.wrapper.potentials import citation


def citations(data: DataSet) -> list[str]:
    """Return what to cite, each once: engines in the words of their authors, files of potentials in their own."""
    runs = [e for e in data.closure() if isinstance(e, SimulationRun)]
    found = [line for run in runs for line in _engine(run)]
    files = {f.sha256: f for e in data.closure() if isinstance(e, Potential) for f in e.files}
    found += [f"{f.name} (sha256:{sha}): {citation(f.content) or 'it names no source'}" for sha, f in files.items()]
    found += [
        f"{f.name} (sha256:{f.sha256}): its first line says its source; the data set does not hold it"
        for run in runs
        for used in run.used
        for f in used.files
        if f.sha256 not in files
    ]
    return [*dict.fromkeys(found), f"cuds {__version__}"]


def _engine(run: SimulationRun) -> list[str]:
    try:
        words = engine_words(run.engine)
    except UnknownError:
        return [f"{run.engine} {run.version}: not installed here; see its documentation"]
    return [f"{words.title} {run.version}: {line}" for line in words.citations or ["see its documentation"]]
