"""The sweep on a Dask cluster of this machine says what the threads say."""

from functools import partial

import pytest

from shared.backtest.account import Costs
from shared.backtest.dask_backend import with_dask
from shared.backtest.sweep import trial
from shared.errors import Unavailable
from tests.backtest.markets import busy_walk

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install .[dask]")
WORK = partial(trial, name="rsi_threshold", fixed={"overbought": 70.0}, costs=Costs(0.0006, 0.0002))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_local_cluster_gives_what_one_process_gives():
    sets, markets = [{"oversold": 30.0}, {"oversold": 80.0}, {"oversold": 35.0}], [busy_walk(1_500)]
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        found = list(with_dask(WORK, sets, markets, cluster.scheduler_address))
    calm = [WORK(values, markets=markets) for values in sets]
    assert found[1] is calm[1] is None
    assert len(calm[0].nets) > 5
    assert [one.nets.tolist() for one in (found[0], found[2])] == [one.nets.tolist() for one in (calm[0], calm[2])]


def test_nobody_at_the_address_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr("shared.backtest.dask_backend._PATIENCE", "200ms")
    with pytest.raises(Unavailable, match=r"no Dask scheduler at tcp://127\.0\.0\.1:9"):
        list(with_dask(WORK, [{}], [], "tcp://127.0.0.1:9"))
