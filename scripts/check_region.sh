#!/usr/bin/env bash
# A Google Cloud region in, exit code 0 or 2 and the reason out: may the ingestor for Bybit run there?
set -euo pipefail

REGION=${1:-}

refuse() {
    printf '%s\n' "$@" >&2
    exit 2
}

if ! [[ $REGION =~ ^[a-z]+(-[a-z]+)+[0-9]+$ ]]; then
    refuse "'$REGION' is not a region; name one, for example: $0 asia-southeast1"
fi
if [[ $REGION == us-* ]]; then
    refuse "Region $REGION is refused: Bybit blocks addresses in the United States with HTTP 403, so an ingestor there" \
        "never sees a trade. Choose a region near the exchange's servers in Singapore, for example asia-southeast1."
fi
