"""torchvision, imported without its compiled operators.

Its wheels' operators are built for a CUDA build of torch; transforms and tv_tensors need none of them. The module left
out only declares them.
"""

import sys
import types

sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))

from torchvision import datasets as tv_datasets  # noqa: E402
from torchvision import tv_tensors  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

__all__ = ["tv_datasets", "tv_tensors", "v2"]
