"""Messages cross whole: any mixture of small things and arrays, of any size, read-only at the other end."""

import socket
import threading

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cuds.units import Quantity
from cuds.wrapper.channel import Channel


def across(message: object) -> object:
    one, two = socket.socketpair()
    with one, two:
        sender = threading.Thread(target=Channel(one).send, args=(message,))
        sender.start()
        found = Channel(two).receive(60)
        sender.join()
    return found


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_small_things_cross(message: object) -> None:
    assert across(message) == message


@given(
    arrays(
        st.sampled_from([np.float64, np.int32, np.bool_]), array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9)
    )
)
def test_arrays_cross_bit_for_bit(array: np.ndarray) -> None:
    found = across({"x": array, "n": 1})
    assert isinstance(found, dict)
    assert found["x"].dtype == array.dtype
    np.testing.assert_array_equal(found["x"], array)


@pytest.mark.parametrize("n", [10, 3_000, 1_000_000])
def test_positions_cross_bit_for_bit_and_read_only(n: int) -> None:
    x = np.random.default_rng(n).normal(size=(n, 3))
    x.flags.writeable = False
    found = across([Quantity(x, "nm"), x[: n // 2], "end"])
    assert isinstance(found, list)
    assert found[0].unit == "nm"
    np.testing.assert_array_equal(found[0].value, x)
    np.testing.assert_array_equal(found[1], x[: n // 2])
    with pytest.raises(ValueError, match="read-only"):
        found[0].value[0] = 1


def test_the_other_end_gone_is_the_end_of_file() -> None:
    one, two = socket.socketpair()
    one.close()
    with two, pytest.raises(EOFError):
        Channel(two).receive(1)


def test_silence_is_a_time_out() -> None:
    one, two = socket.socketpair()
    with one, two, pytest.raises(TimeoutError):
        Channel(two).receive(0.05)
