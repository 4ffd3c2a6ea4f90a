"""Signals: ids that are pure functions of their inputs."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instrument import Instrument
from shared.domain.signal import Side, signal_id
from tests.architecture.house import ROOT
from tests.makers import START, make_signal

names = st.text(st.characters(codec="ascii", categories=["Lu", "Ll", "Nd"], include_characters="_"), min_size=1)
inputs = st.tuples(names, names, st.integers(0, 10**13), st.sampled_from(Side))


def test_an_id_can_be_read():
    assert signal_id("rsi_divergence", "BTCUSDT", START, Side.LONG) == f"rsi_divergence/BTCUSDT/{START}/LONG"


@given(inputs, inputs)
def test_ids_are_equal_exactly_when_their_inputs_are(first, second):
    assert (signal_id(*first) == signal_id(*second)) is (first == second)


def test_another_process_makes_the_same_id():
    program = "from shared.domain.signal import *; print(signal_id('s', 'BTCUSDT', 60000, Side.SHORT))"
    runs = [
        subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert [run.stdout for run in runs] == [signal_id("s", "BTCUSDT", 60_000, Side.SHORT) + "\n"] * 2


def test_a_signal_names_its_instrument():
    assert make_signal(symbol="ETHUSDT").instrument == Instrument("bybit-linear", "ETHUSDT")
