"""Frames, most of them wrong, through the live path up to the candle builder: counts and faults out.

Usage: python scripts/fuzz.py [--frames 1000000] [--seed 7] [--recordings FOLDER] [--guided]. Ends with 1 when a candle
or trade is poisoned or a frame is not counted; a crash shows its traceback and the frame. ``--guided`` lets atheris
choose the bytes by coverage (pip install 'crypto-signal-tracker[fuzz]').
"""

import argparse
import sys
import time
from itertools import islice
from pathlib import Path
from types import FunctionType

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from shared.adapters.wire import bybit as wire  # noqa: E402 - needs the path above
from tests.fuzz.frame_maker import MadeFrame, make_frames, recorded_frames  # noqa: E402 - needs the path above
from tests.fuzz.frame_run import FrameRun  # noqa: E402 - needs the path above
from tests.makers import START  # noqa: E402 - needs the path above

_EVERY = 100_000


def generated(run: FrameRun, frames: int, seed: int, recordings: Path) -> None:
    """Frames of the fast generator."""
    recorded = recorded_frames(recordings)
    sys.stdout.write(f"seed {seed}, {len(recorded)} recorded frames\n")
    for number, frame in enumerate(islice(make_frames(seed, recorded), frames), 1):
        try:
            run.take(frame)
        except Exception:
            sys.stdout.write(f"crash at frame {number}: {frame.data[:2_000]!r}\n")
            raise
        if number % _EVERY == 0:
            sys.stdout.write(f"{number} frames, {dict(run.frames)}\n")
    run.end()


def guided(run: FrameRun, frames: int, seed: int, recordings: Path) -> None:
    """Frames that atheris finds; it ends the process by itself, and a poisoned candle is a crash to it."""
    import atheris  # noqa: PLC0415 - an extra that few have

    seeds = [frame.data for frame in islice(make_frames(seed, recorded_frames(recordings)), 200)]

    def one(data: bytes) -> None:
        # The first byte chooses what the rest is joined to: coverage alone would take long to find the first brace.
        base = seeds[data[0]] if data and data[0] < len(seeds) else b""
        run.take(MadeFrame(base[: len(base) // 2] + data[1:] if base else data[1:], START))
        if run.poisoned:
            raise AssertionError(run.poisoned[0])

    for function in vars(wire).values():
        if isinstance(function, FunctionType) and function.__module__ == wire.__name__:
            atheris.instrument_func(function)
    atheris.Setup([sys.argv[0], f"-runs={frames}", f"-seed={seed}", "-max_len=4096"], one)
    atheris.Fuzz()


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--recordings", type=Path, default=ROOT.parent / "shared" / "data" / "ws_raw")
    parser.add_argument("--guided", action="store_true")
    options = parser.parse_args()
    run, started = FrameRun(), time.monotonic()
    (guided if options.guided else generated)(run, options.frames, options.seed, options.recordings)
    seconds = time.monotonic() - started
    sys.stdout.write(
        f"{options.frames} frames in {seconds:.0f} s: {dict(run.frames)}, counted {run.frames.total()}\n"
        f"{run.trades} trades accepted, {run.accounted} accounted for, {run.candles} candles\n"
        f"crashes 0, poisoned {len(run.poisoned)}\n"
    )
    sys.stdout.writelines(f"{line}\n" for line in run.poisoned[:20])
    counted = run.frames.total() == options.frames and run.accounted == run.trades
    return 0 if counted and not run.poisoned else 1


if __name__ == "__main__":
    sys.exit(main())
