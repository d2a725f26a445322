"""`python -m distribution`."""

import sys

from distribution.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
