"""`python -m distribution`."""

from distribution.cli.app import main

if __name__ == "__main__":
    main()
