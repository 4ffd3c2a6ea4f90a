"""Confidence is what history showed: the fit by hand, its bounds, and the table of the code refitted."""

import importlib.util
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.engine.macro_calibration import FITTED, FITTED_ON, Calibration, fit
from shared.errors import InvalidInput
from tests.architecture.house import ROOT
from tests.makers import recorded


def test_a_score_has_the_confidence_of_the_last_step_it_reaches():
    calibration = Calibration(((0.0, 48.0), (0.5, 55.0), (0.8, 90.0)))
    assert [calibration.confidence(size) for size in (0.0, 0.4999, 0.5, 0.79, 0.8, 1.0)] == [48, 48, 55, 55, 90, 90]


def test_a_fit_counts_how_often_the_direction_held():
    samples = [(0.1, False)] * 6 + [(0.1, True)] * 4 + [(0.5, True)] * 9 + [(0.5, False)]
    assert fit(samples, bins=2) == ((0.0, 40.0), (0.5, 90.0))


def test_where_larger_scores_held_less_often_they_get_no_more_confidence():
    samples = [(0.1, True)] * 8 + [(0.1, False)] * 2 + [(0.5, True)] * 2 + [(0.5, False)] * 8
    assert fit(samples, bins=2) == ((0.0, 50.0),)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=20, max_size=200))
def test_every_fit_is_a_calibration(samples):
    steps = fit([(round(size, 4), held) for size, held in samples])
    sizes = [size for size, _ in steps]
    assert sizes[0] == 0.0
    assert sizes == sorted(sizes)
    assert [level for _, level in steps] == sorted(level for _, level in steps)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        ((0.1, 50.0),),
        ((0.0, 50.0), (0.5, 40.0)),
        ((0.0, 50.0), (0.0, 60.0)),
        ((0.0, 101.0),),
        ((0.0, 50.0), (1.5, 60.0)),
    ],
)
def test_steps_that_are_no_calibration_are_refused_with_the_cure(steps):
    with pytest.raises(InvalidInput, match="pairs that begin at size 0 and ascend"):
        Calibration(steps)


@pytest.fixture(scope="module")
def script():
    """``scripts/fit_macro_bias.py`` as a module."""
    spec = importlib.util.spec_from_file_location("fit_macro_bias", ROOT / "scripts" / "fit_macro_bias.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_what_the_recordings_give_and_the_page_says_what_it_is_worth(script):
    folder = recorded("candles", script.FITTED[0].file).parent
    fitted, reported = script.scored(folder, script.FITTED), script.scored(folder, script.REPORTED)
    assert fit(fitted) == FITTED.steps
    assert f"{len(fitted):,} scores" in FITTED_ON
    page = (ROOT / "docs" / "macro-bias.md").read_text(encoding="utf-8")
    edges = [*(size for size, _ in FITTED.steps), 2.0]
    for (least, most), (_, confidence) in zip(pairwise(edges), FITTED.steps, strict=True):
        cells = []
        for sample in (fitted, reported):
            held = [held for size, held in sample if least <= size < most]
            cells.append(f"{sum(held):,} of {len(held):,} = {sum(held) / len(held):.1%}")
        assert f"| {confidence} | {cells[0]} | {cells[1]} |" in page


def test_what_is_reported_is_not_what_was_fitted(script):
    for each in script.REPORTED:
        spans = [other for other in script.FITTED if other.file == each.file]
        assert all(other.end <= each.start or each.end <= other.start for other in spans)
