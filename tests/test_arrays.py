"""What is different in large arrays, as numpy finds it."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cuds.arrays import distinct, distinct_rows, repeating

WHOLE = st.one_of(st.integers(0, 9), st.integers(-5, 40), st.integers(-(2**62), 2**62))


@given(arrays(np.int64, array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=12), elements=WHOLE))
def test_distinct_numbers(numbers: np.ndarray) -> None:
    found = distinct(numbers)
    assert found.dtype == np.int64
    assert found.tolist() == np.unique(numbers).tolist()


@given(
    arrays(
        st.sampled_from([np.int64, np.float64]),
        st.tuples(st.integers(1, 30), st.integers(1, 4)),
        elements=st.integers(-2, 3) | st.integers(-1000, 1000),
    )
)
def test_distinct_rows(rows: np.ndarray) -> None:
    wanted, place, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    first, which = distinct_rows(rows)
    assert first.tolist() == place.tolist()
    assert which.tolist() == inverse.reshape(-1).tolist()
    assert (rows[first] == wanted).all()


def test_no_rows() -> None:
    first, which = distinct_rows(np.empty((0, 3)))
    assert (len(first), len(which)) == (0, 0)


@pytest.mark.parametrize("width", [1, 2, 4, 12])
def test_rows_that_hold_a_number_twice(width: int) -> None:
    rows = np.random.default_rng(width).integers(0, 3 * width, size=(200, width))
    assert repeating(rows).tolist() == [len(set(row)) < width for row in rows.tolist()]
