"""VGG16 or VGG19 as the rivals use it: features after each ReLU, with gradients to the picture only."""

import re
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.append(str(Path(__file__).parents[2] / "python"))
from common import read_layers, read_safetensors  # noqa: E402

MEAN = (123.68, 116.779, 103.939)  # RGB, 0..255, subtracted from the pixels: Simonyan and Zisserman
DEVIATION = 58.4  # of torchvision's preprocessing, mean of its channels, 0..255


class Network:
    """The layers of a set of weights that takes pixels of 0..255 less the mean.

    The rivals' constants were chosen for torchvision's weights, which take pixels of about unit variance. Input and biases
    are divided by its deviation here: layers are positively homogeneous, so that all features are smaller by the same
    factor, and their order of magnitude is that of torchvision's.
    """

    def __init__(self, weights: Path, deepest: str, *, replicate: bool = False) -> None:
        tensors = read_safetensors(weights)
        every = sorted(match[1] for name in tensors if (match := re.fullmatch(r"(block\d_conv\d)\.kernel", name)))
        self.layers = read_layers(every[: every.index(deepest) + 1], tensors)
        self.kernels = [torch.from_numpy(layer.kernel.transpose(3, 2, 0, 1).copy()) for layer in self.layers]
        self.biases = [torch.from_numpy(layer.bias / DEVIATION) for layer in self.layers]
        self.mean = torch.tensor(MEAN).view(1, 3, 1, 1)
        self.replicate = replicate

    def features(self, picture: Tensor, names: list[str]) -> dict[str, Tensor]:
        """Returns the named layers' features, [1, channels, height, width], down to the deepest named."""
        found = {}
        h = (picture * 255 - self.mean) / DEVIATION
        for i, (layer, kernel, bias) in enumerate(zip(self.layers, self.kernels, self.biases, strict=True)):
            if len(found) == len(names):
                break
            if layer.pooled:
                h = F.max_pool2d(h, 2)
            if i == 0 and self.replicate:
                h = F.relu(F.conv2d(F.pad(h, (1, 1, 1, 1), "replicate"), kernel, bias))
            else:
                h = F.relu(F.conv2d(h, kernel, bias, padding=1))
            if layer.name in names:
                found[layer.name] = h
        return found
