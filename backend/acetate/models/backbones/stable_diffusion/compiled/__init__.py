"""A second way to compute a UNet on processors: compiled by OpenVINO, where that was measured to be faster."""
