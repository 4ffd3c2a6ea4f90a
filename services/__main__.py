"""``python -m services [SERVICE ...]`` is ``tracker run [SERVICE ...]``: what containers start."""

import sys

from services.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
