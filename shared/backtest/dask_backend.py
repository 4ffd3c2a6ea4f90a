"""Sets of parameters in, trials out, by the workers of a Dask cluster. Needs the extra ``dask``."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shared.backtest.candle_arrays import CandleArrays
from shared.backtest.sweep import Trial, Values
from shared.errors import ConfigurationError, Unavailable

_PATIENCE = "10s"


def with_dask(
    work: Callable[..., Trial | None], sets: Sequence[Values], markets: Sequence[CandleArrays], scheduler: str | None
) -> Iterator[Trial | None]:
    """All sets, in their order.

    Args:
        work: Takes a set, and `markets` by name.
        sets: What to try.
        markets: Sent to every worker once.
        scheduler: Address of the scheduler; None starts a cluster on this machine for as long as it takes. Every worker
            needs this package with the extra ``backtest``.

    Raises:
        ConfigurationError: Dask is not installed.
        Unavailable: Nobody answers at the address.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError("--backend dask needs: pip install 'crypto-signal-tracker[dask]'") from None
    options: dict[str, Any] = {} if scheduler else {"dashboard_address": None}
    try:
        connect: Any = Client
        client = connect(scheduler, timeout=_PATIENCE, set_as_default=False, **options)
    except (OSError, ValueError) as error:
        raise Unavailable(f"no Dask scheduler at {scheduler}: {error}; start one or leave --scheduler out") from None
    with client:
        everywhere = client.scatter(list(markets), broadcast=True, hash=False)
        futures = [client.submit(_call, work, values, *everywhere, pure=False) for values in sets]
        yield from (future.result() for future in futures)


def _call(work: Callable[..., Trial | None], values: Values, *markets: CandleArrays) -> Trial | None:
    return work(values, markets=markets)
