"""Updates of three graphs at once, each killed a little later than the one before, until one is not.

killed.py FOLDER STEP: prints a line of JSON for each: at which touch of the file system it was killed, and what a
process finds that opens the library then.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pyoxigraph  # noqa: F401  # loaded before anything is forked

import cuds

GRAPHS = ("urn:g", "urn:h", "urn:cuds:default")
ASK = "SELECT DISTINCT ?n WHERE { ?s <urn:n> ?n }"
COUNT = """
DELETE { GRAPH <urn:g> { ?s <urn:n> ?n } } INSERT { GRAPH <urn:g> { ?s <urn:n> ?m } }
WHERE { GRAPH <urn:g> { ?s <urn:n> ?n BIND(?n + 1 AS ?m) } } ;
COPY <urn:g> TO <urn:h> ;
DELETE WHERE { ?s ?p ?o } ;
INSERT { ?s <urn:n> ?n } WHERE { GRAPH <urn:h> { ?s <urn:n> ?n } }
"""


def forked(work: Callable[[], Any]) -> tuple[int, Any]:
    """How another process ends, and what it finds."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    return status, json.loads(said or "null")


def killed(folder: str, last: int) -> int:
    """Update, and be killed at a touch of the file system; return how many there were."""
    library = cuds.Library(folder)
    library.query(ASK)
    touched = 0

    def count(event: str, given: tuple[Any, ...]) -> None:
        nonlocal touched
        if event.startswith(("os.", "open", "shutil.", "fcntl.")) and (event[:5] == "fcntl" or folder in str(given)):
            touched += 1
            if touched == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    library.update(COUNT)
    return touched


def found(folder: str) -> dict[str, Any]:
    """What is there."""
    library = cuds.Library(folder)
    said = [library.graph_text(name).decode() for name in GRAPHS]
    return {
        "files": [text.partition('"')[2].partition('"')[0] for text in said],
        "index": [row["n"] for row in library.query(ASK)],
        "damage": [str(d) for d in library.verify()],
        "left": [p for p in os.listdir(f"{folder}/writing")] + ["intent"] * os.path.exists(f"{folder}/intent"),
    }


def main(folder: str, step: int) -> None:
    forked(lambda: str(cuds.Library(folder).update("INSERT DATA { GRAPH <urn:g> { <urn:s> <urn:n> 0 } }")))
    forked(lambda: str(cuds.Library(folder).update(COUNT)))
    last, status = 1, -1
    while status != 0:
        status, _ = forked(lambda: killed(folder, last))  # noqa: B023  # it is called at once
        _, there = forked(lambda: found(folder))
        print(json.dumps({"at": last, "killed": status == signal.SIGKILL, **there}), flush=True)
        last += step


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
