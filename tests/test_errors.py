"""Every error says what to do, is also a builtin, and survives the way from a worker."""

import pickle

import pytest

from cuds import errors


def all_errors() -> list[type[errors.CudsError]]:
    found, waiting = [], [errors.CudsError]
    while waiting:
        cls = waiting.pop()
        found.append(cls)
        waiting += cls.__subclasses__()
    return found


@pytest.mark.parametrize("cls", all_errors(), ids=lambda c: c.__name__)
def test_an_error_is_pickled_whole(cls: type[errors.CudsError]) -> None:
    error = cls("the value is 3", hint="give 4", field="x")
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), back.message, back.hint, back.fields) == (cls, "the value is 3", "give 4", {"field": "x"})
    assert str(back) == "the value is 3\n  hint: give 4"


def test_slugs_are_unique_and_errors_are_builtins_too() -> None:
    classes = all_errors()
    assert len({c.slug for c in classes}) == len(classes)
    for cls in classes[1:]:
        builtins = [
            b for b in cls.__mro__ if b.__module__ == "builtins" and b not in (Exception, BaseException, object)
        ]
        assert builtins, cls


def test_the_tree_in_the_module_names_every_class() -> None:
    assert errors.__doc__ is not None
    assert [c.__name__ for c in all_errors() if c.__name__ not in errors.__doc__] == []


def test_did_you_mean() -> None:
    assert errors.did_you_mean("lamps", ["lammps", "skfem"]).startswith("did you mean 'lammps'?")
    assert errors.did_you_mean("x", []) == "nothing is known here"
