"""Motions that are followed from outside, and compared once they were resumed."""

import subprocess

import numpy as np

import cuds


def until(process: "subprocess.Popen[str]", step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ended") or int(line.split()[1]) >= step:
            return
    raise AssertionError(process.communicate())


def same(one: cuds.DataSet, other: cuds.DataSet) -> None:
    assert np.array_equal(one.trajectory.positions.value, other.trajectory.positions.value)
    assert one.trajectory.steps.tolist() == other.trajectory.steps.tolist()
    for s in one.series.series:
        assert np.array_equal(s.values.value, other.series[s.name].values.value), s.name
    assert one.final.positions == other.final.positions
    assert one.final.velocities == other.final.velocities
