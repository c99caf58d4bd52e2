"""Datasets that can give whole batches at once, images from files, and lists that workers share."""

from fastload.datasets._array import ArrayDataset
from fastload.datasets._folder import ImageFolder
from fastload.datasets._images import ImageDataset
from fastload.datasets._list import ImageList
from fastload.datasets._shared_list import SharedList

__all__ = ["ArrayDataset", "ImageDataset", "ImageFolder", "ImageList", "SharedList"]

for _name in __all__:
    globals()[_name].__module__ = __name__
