import math

import numpy as np

from services.sandbox.listings import listing
from services.sandbox.market import MINUTE
from services.sandbox.scenario import MinutePlan, generator
from services.sandbox.tape import record
from tests.makers import START

LISTING = listing("BTCUSDT")
PLAN = MinutePlan(math.log(88_000), math.log(88_100), 0.0002, 1.0, 1.0)


def tape(orders=300.0, plan=PLAN, key="tape"):
    return record(generator(key), LISTING, plan, START, orders)


def test_the_path_leads_from_the_first_price_of_the_plan_to_its_last():
    prices = tape(3_000).price * float(LISTING.tick)
    assert abs(prices[0] - 88_000) < 15
    assert abs(prices[-1] - 88_100) < 15


def test_a_wick_lies_inside_the_minute():
    dip = tape(3_000, PLAN._replace(wick=-0.003)).price
    assert 0.3 < np.argmin(dip) / len(dip) < 0.7
    assert dip.min() * float(LISTING.tick) < 87_900


def test_times_ascend_inside_the_minute_and_cluster():
    times = tape(600).time
    assert START <= times[0] <= times[-1] < START + MINUTE
    assert (np.diff(times) >= 0).all()
    per_second = np.bincount((times - START) // 1000, minlength=60)
    assert per_second.var() > 2 * per_second.mean()  # arrivals by chance alone would give 1 times the orders' share


def test_sizes_have_many_smallest_prints_and_a_long_tail():
    quantities = tape(3_000).quantity
    assert quantities.min() == 1
    assert (quantities == 1).mean() > 0.2
    assert quantities.max() > 10 * np.median(quantities)


def test_a_minute_without_orders_is_empty():
    assert tape(0.0).summary(LISTING) is None
