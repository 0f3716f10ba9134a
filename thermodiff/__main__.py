"""``python -m thermodiff``: the command."""

import sys

from thermodiff.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
