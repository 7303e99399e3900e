"""One console that takes a PyTorch vision model to a verdict on Huawei Ascend."""

__version__ = "0.1.0"
