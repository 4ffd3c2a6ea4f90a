"""The macro bias as a value: its id and its instrument."""

from shared.domain.instrument import Instrument
from shared.domain.macro_bias import bias_id
from tests.engine.macro_markets import make_bias
from tests.makers import START


def test_the_id_is_made_of_source_symbol_and_candle_alone():
    bias = make_bias(open_time=START)
    assert bias.bias_id == bias_id("kraken-spot", "BTCUSDT", START) == f"macro/kraken-spot/BTCUSDT/{START}"
    assert make_bias(open_time=START, confidence=99.0, score=-0.4).bias_id == bias.bias_id


def test_it_gates_the_instrument_of_ours_whatever_venue_it_was_made_on():
    assert make_bias().instrument == Instrument("bybit-linear", "BTCUSDT")
