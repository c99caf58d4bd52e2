"""What a forkserver imports so that its workers need not: torch, fastload, and the worker's loop.

Importing this module is all it is for.
"""

import gc

gc.disable()  # torch's import makes a million objects that stay: collections take a sixth of its time
from fastload.engines import _worker  # noqa: E402, F401

gc.freeze()
gc.enable()
