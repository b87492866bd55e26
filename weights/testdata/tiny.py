"""Writes tiny.pth and tiny-legacy.pth: a VGG16 of few channels, as PyTorch saves it. The numbers of a tensor count up from 0.

pip install torch; python tiny.py
"""

import collections

import torch

CHANNELS = [2, 4, 5, 6, 7]
CONVOLUTIONS = [2, 2, 3, 3, 3]


def counting(*shape: int) -> torch.Tensor:
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)


state = collections.OrderedDict()
module, inputs = 0, 3
for out, n in zip(CHANNELS, CONVOLUTIONS):
    for _ in range(n):
        state[f"features.{module}.weight"] = torch.nn.Parameter(counting(out, inputs, 3, 3))
        state[f"features.{module}.bias"] = counting(out)
        module, inputs = module + 2, out
    module += 1
both = counting(2, 7)  # two tensors of one storage
state["classifier.0.weight"] = both[1:]
state["classifier.0.bias"] = both[0].half()
state["classifier.1.weight"] = both.t()
torch.save(state, "tiny.pth")
torch.save(state, "tiny-legacy.pth", _use_new_zipfile_serialization=False)
