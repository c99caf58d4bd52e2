"""Datasets that can give whole batches at once, images from files and of well-known collections, and shared lists."""

from fastload.datasets._array import ArrayDataset
from fastload.datasets._cifar import CIFAR10, CIFAR100
from fastload.datasets._coco import CocoDetection
from fastload.datasets._detection import DetectionDataset
from fastload.datasets._folder import ImageFolder
from fastload.datasets._images import ImageDataset
from fastload.datasets._list import ImageList
from fastload.datasets._mnist import MNIST, FashionMNIST
from fastload.datasets._shared_list import SharedList
from fastload.datasets._voc import VOCDetection
from fastload.datasets._yolo import YOLODetection

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "ArrayDataset",
    "CocoDetection",
    "DetectionDataset",
    "FashionMNIST",
    "ImageDataset",
    "ImageFolder",
    "ImageList",
    "SharedList",
    "VOCDetection",
    "YOLODetection",
]

for _name in __all__:
    globals()[_name].__module__ = __name__
