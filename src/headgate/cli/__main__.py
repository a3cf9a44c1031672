"""``python -m headgate.cli``."""

from headgate.cli.main import main

if __name__ == "__main__":
    main()
