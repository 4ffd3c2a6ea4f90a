"""Symbols of the settings and of the venue in; which are unknown there, and what was probably meant, out."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches


def unknown_symbols(wanted: Sequence[str], listed: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Each wanted symbol that is not listed, with up to three listed ones that look like it."""
    names = sorted(listed)
    return {
        symbol: tuple(get_close_matches(symbol.upper(), names, n=3, cutoff=0.6))
        for symbol in wanted
        if symbol not in listed
    }


def describe(unknown: dict[str, tuple[str, ...]], exchange: str) -> str:
    """One line for people; empty when nothing is unknown."""
    if not unknown:
        return ""
    parts = (f"{symbol} (close: {', '.join(close)})" if close else symbol for symbol, close in sorted(unknown.items()))
    return f"not traded on {exchange} and left out: {'; '.join(parts)}"
