"""What targets are called in samples, and what beside them belongs to the image."""

BOX_NAMES = ("boxes", "bboxes")
MASK_NAMES = ("masks", "mask", "segmentation_mask")
KEYPOINT_NAMES = ("keypoints",)
LABEL_NAMES = ("labels", "label")
# Values of the image, not of its objects, even if there are as many of them.
OF_THE_IMAGE = ("image_id", "image_size", "image_mask", "size", "orig_size", "canvas_size", "path", "file_name")
