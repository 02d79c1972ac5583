"""Each planted fault fails exactly the cases that name it: the contract has teeth, and tells faults apart."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cuds.testing import WrapperContract
from cuds.wrapper.contract import Wrapper

sys.path.insert(0, str(Path(__file__).parent / "broken"))  # a worker must find them as well
broken = importlib.import_module("broken_wrappers")

FAULTS = {
    "EngineOrder": "test_particles_with_unsorted_ids_stay_who_they_are",
    "LocalIndex": "test_many_particles_stay_who_they_are_while_they_move",
    "BoundaryIgnored": "test_boundaries_are_honoured",
    "LabelActs": "test_labels_annotations_and_columns_never_act",
    "PushEchoed": "test_minimised_positions_are_those_of_the_minimised_energy",
    "StressSign": "test_stress_is_positive_in_tension",
    "VoigtOrder": "test_stress_components_are_in_voigt_order",
    "UnitFactor": "test_stress_has_the_right_unit",
    "EngineFrame": "test_a_turned_system_has_turned_forces",
    "SharesLost": "test_shares_of_the_particles_sum_to_the_whole",
    "Wrapped": "test_positions_outside_the_cell_come_back_outside",
    "NanReturned": "test_particles_on_top_of_each_other_are_an_error",
    "NanMinimised": "test_minimising_particles_on_top_of_each_other_is_an_error",
    "StaleHandedOut": "test_nothing_stale_is_handed_out",
    "BlowUpSwallowed": "test_a_motion_that_blows_up_is_an_error",
    "MotionOrder": "test_moving_particles_stay_who_they_are",
    "MotionFrame": "test_a_turned_system_moves_turned",
    "MotionWrapped": "test_paths_that_leave_the_cell_are_not_wrapped",
    "MotionSpeed": "test_velocities_are_how_positions_change",
    "TemperatureCount": "test_temperature_counts_the_modes_that_are_left",
    "EnergyLeaks": "test_motion_conserves_energy",
    "StartLeftOut": "test_what_is_recorded_is_that_of_the_last_advance",
    "RestartForgets": "test_a_restart_goes_on_as_the_run_left_alone",
    "BathRemembers": "test_a_state_pushed_into_a_motion_moves_on_like_a_start",
    "ProcessLeftBehind": "test_no_process_is_left_behind",
    "RehearsalComputes": "test_a_rehearsal_writes_down_the_same_and_computes_nothing",
    "MotionRehearsalComputes": "test_a_rehearsal_of_a_motion_writes_down_the_same_and_computes_nothing",
    "BodyRehearsalComputes": "test_a_rehearsal_of_a_body_writes_down_the_same_and_computes_nothing",
    "BodyVoigtOrder": "test_body_stress_components_are_in_voigt_order",
    "BodyStressSign": "test_body_stress_is_positive_in_tension",
    "BodyUnitFactor": "test_body_stress_has_the_right_unit",
    "ReactionSign": "test_reactions_balance_the_load",
    "TransposedRotation": "test_a_turned_material_is_the_turned_tensor",
    "ShearHalved": "test_a_linear_displacement_has_a_constant_strain",
    "PointsSorted": "test_points_in_any_order_stay_what_they_are",
}


def cases(wrapper: type[Wrapper]) -> dict[str, Callable[[], object]]:
    """Return every case that applies."""
    suite = type("Suite", (WrapperContract,), {"wrapper": wrapper})()
    return {n: case for n in dir(suite) if n.startswith("test_") and (case := getattr(suite, n)) is not None}


def fails(case: Callable[[], object]) -> bool:
    """Run a case; whatever it raises, it did not pass."""
    try:
        case()
    except Exception:
        return True
    return False


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_fails_the_case_that_names_it(fault: str, count: Callable[[int, int], int]) -> None:
    """And no other; of the others a part is tried at every change, another one for each fault."""
    all_of_them = cases(getattr(broken, fault))
    named = FAULTS[fault]
    others = sorted(all_of_them.keys() - {named})
    assert len(others) > 9
    start, tried = list(FAULTS).index(fault), count(len(others) // 12, len(others))
    chosen = {others[(start + i * len(others) // tried) % len(others)] for i in range(tried)}
    assert len(chosen) == tried
    assert [n for n in sorted({named, *chosen}) if fails(all_of_them[n])] == [named]


def test_every_broken_wrapper_is_tried() -> None:
    planted = {
        n
        for n, c in vars(broken).items()
        if isinstance(c, type) and issubclass(c, Wrapper) and c.__module__ == "broken_wrappers"
    }
    assert planted - {"Faulty", "FaultyBody"} == set(FAULTS)
