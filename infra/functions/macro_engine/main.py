"""The macro engine as a Cloud Function: a call of Cloud Scheduler in, one round done and told as JSON out.

The folder is staged with the code it needs by ``scripts/stage_function.sh``. Who may call it is decided in front of it:
only the scheduler's account, by its OIDC token (infra/function.tf).
"""

import asyncio
import os
from typing import Any

import functions_framework
from flask import Request

from services.wiring import Wiring
from shared.errors import TrackerError, Unavailable
from shared.runtime import log
from shared.runtime.settings import load

Answer = tuple[dict[str, Any], int]


@functions_framework.http
def run_signal_generation(request: Request) -> Answer:
    """Judge every symbol once and publish.

    Status 200 with what was published, 405 for anything but POST, 503 when bus or store are away (the scheduler tries
    again), 500 with the faults when the settings are wrong.
    """
    if request.method != "POST":
        return {"error": f"{request.method} is not served; POST starts a round"}, 405
    try:
        return asyncio.run(_round()), 200
    except Unavailable as error:
        return {"error": str(error)}, 503
    except TrackerError as error:
        return {"error": str(error)}, 500


async def _round() -> dict[str, Any]:
    """One round with adapters of its own, because each call has an event loop of its own."""
    settings = load(None, os.environ, default_file=None)
    log.configure(settings.log.level, json=settings.log.json_lines, secrets=settings.secrets())
    wiring = Wiring(settings)
    wiring.check(["macro_engine"])
    try:
        outcome = await wiring.macro_round().run(wiring.clock.now())
    finally:
        await wiring.close()
    return {
        "time": outcome.time,
        "published": [
            {
                "id": bias.bias_id,
                "source": bias.source,
                "symbol": bias.symbol,
                "direction": bias.direction,
                "confidence": bias.confidence,
            }
            for bias in outcome.biases
        ],
        "without": dict(outcome.without),
        "trouble": outcome.trouble,
    }
