"""``python -m hoaban`` is the command ``hoaban``."""

from hoaban.cli import main

if __name__ == "__main__":
    main()
