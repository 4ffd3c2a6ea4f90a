"""Limits of what RSI strategies can be told."""

import pytest

from shared.errors import ConfigurationError
from shared.strategies.rsi_parameters import RsiParameters
from shared.strategies.strategy import check_limits


def test_every_parameter_has_its_limits():
    assert set(RsiParameters().limits()) == set(RsiParameters.__dataclass_fields__)


def test_overbought_is_never_below_oversold():
    p = RsiParameters(oversold=60.0, overbought=40.0)
    with pytest.raises(ConfigurationError, match=r"overbought = 40\.0: give 60 to 100"):
        check_limits(p, p.limits())
