"""``python -m fastload`` is the ``fastload`` command."""

import sys

from fastload._cli import main

if __name__ == "__main__":
    sys.exit(main())
