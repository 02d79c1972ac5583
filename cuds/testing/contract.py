"""The suite for wrappers: the cases that its capabilities call for."""

from pathlib import Path
from typing import Any, ClassVar

from cuds.testing.atomistic import AtomisticContract, refused
from cuds.testing.bench import Bench
from cuds.testing.continuum import ContinuumContract
from cuds.testing.motion import MotionContract
from cuds.testing.process import ProcessContract


class WrapperContract(AtomisticContract, MotionContract, ContinuumContract, ProcessContract):
    """Every case that applies to a wrapper; those that do not are no cases of the subclass.

    Set ``wrapper``, and override `potential` for an engine that does not take EAM files. ``not_applicable`` lists
    the cases that the wrapper's capabilities and isolation do not call for.
    """

    not_applicable: ClassVar[tuple[str, ...]] = ()
    __test__ = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__test__ = True
        engine = cls.wrapper.describe()
        without: list[type[Bench]] = []
        single = engine.capability("SinglePoint")
        if single is None:
            without += [AtomisticContract, ProcessContract]
        elif (cls.isolation or cls.wrapper.isolation) == "none":
            without.append(ProcessContract)
        if engine.capability("MolecularDynamics") is None:
            without.append(MotionContract)
        if engine.capability("LinearElasticity") is None:
            without.append(ContinuumContract)
        names = [n for part in without for n in vars(part) if n.startswith("test_")]
        if engine.capability("EnergyMinimisation") is None and AtomisticContract not in without:
            names += [n for n in vars(AtomisticContract) if "minimis" in n or "while_they_move" in n]
        if single is not None and "Stress" not in single.provides:
            names += [n for n in vars(AtomisticContract) if "stress" in n or "shares" in n]
        cls.not_applicable = tuple(sorted(names))
        for name in names:
            setattr(cls, name, None)

    def test_it_describes_itself_without_being_started(self) -> None:
        """Name, licence, how to install it, and what it can do."""
        engine = self.wrapper.describe()
        assert engine.name == self.wrapper.name
        assert engine.licence
        assert engine.install
        assert engine.capabilities
        assert engine.version == ""

    def test_an_unknown_option_is_refused_with_the_nearest_known(self) -> None:
        """An engine's own words are checked."""
        known = self.wrapper.describe().words().options
        for name in known:
            error = refused(lambda wrong=name: self.wrapper(Path(), options={wrong + "x": "1"}))
            assert repr(name) in str(error)
        refused(lambda: self.wrapper(Path(), options={"no such word": 1}))
