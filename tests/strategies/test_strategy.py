from dataclasses import dataclass

import pytest

from shared.errors import ConfigurationError
from shared.strategies.strategy import check_limits, make_fingerprint, read_parameters


@dataclass(frozen=True)
class Knobs:
    period: int = 14
    factor: float = 1.5


def test_parameters_go_over_the_defaults_and_whole_numbers_serve_as_floats():
    assert read_parameters(Knobs, {"factor": 2}) == Knobs(14, 2.0)
    assert isinstance(read_parameters(Knobs, {"factor": 2}).factor, float)


def test_a_number_may_come_as_text_as_environment_variables_give_it():
    assert read_parameters(Knobs, {"period": "7", "factor": "2.5"}) == Knobs(period=7, factor=2.5)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"perod": 7}, "unknown parameter 'perod'; known: factor, period"),
        ({"period": 7.5}, "period = 7.5 is no number that fits; give a whole number"),
        ({"period": True}, "period = True"),
        ({"factor": "two"}, "factor = 'two' is no number that fits; give a number"),
        ({"period": "7.5"}, "period = 7.5 is no number that fits; give a whole number"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named_with_the_cure(values, words):
    with pytest.raises(ConfigurationError) as caught:
        read_parameters(Knobs, values)
    assert words in str(caught.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(ConfigurationError) as caught:
        check_limits(Knobs(1, float("nan")), {"period": (2, 10), "factor": (0, 5)})
    assert str(caught.value).splitlines() == ["period = 1: give 2 to 10", "factor = nan: give 0 to 5"]


def test_the_fingerprint_changes_with_name_shape_and_parameters():
    prints = {
        make_fingerprint("a", 1, Knobs()),
        make_fingerprint("b", 1, Knobs()),
        make_fingerprint("a", 2, Knobs()),
        make_fingerprint("a", 1, Knobs(15)),
    }
    assert len(prints) == 4
    assert make_fingerprint("a", 1, Knobs()) == make_fingerprint("a", 1, Knobs(14, 1.5))
