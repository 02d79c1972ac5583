"""A process that puts data sets into a library until it is killed, and says what it has put.

writer.py FOLDER WHO ROUND {files,index,URL} [COUNT]: it keeps to the files, or holds the index too, or keeps it there.
"""

import sys

import numpy as np

import cuds


def tensor(who: str, i: int) -> cuds.DataSet:
    """A data set that says who wrote it and when, also in numbers that lie in several arrays."""
    made = [
        cuds.ElasticTensor.cubic((150 + j, "GPa"), "90 GPa", "70 GPa", label=f"{who} {i}") for j in range(1 + i % 3)
    ]
    strain = cuds.Strain(value=(np.full(6, float(i)), "percent"), label=f"{who} {i}")
    return cuds.DataSet(*made, strain, label=f"{who} {i}")


def main(folder: str, who: str, start: int, kind: str, count: int) -> None:
    library = cuds.Library(folder, endpoint=kind if kind.startswith("http:") else "")
    if kind == "index":
        library.find(cuds.Strain)
    print("ready", flush=True)
    for i in range(start, start + count):
        version = library.put(tensor(who, i), f"set {i % 4}")
        print(version.name, version.number, who, i, sep="|", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int((*sys.argv[5:], "1000000")[0]))
