"""The contender PyTorch, which also runs SciPy's L-BFGS-B, and the network's convolutions alone.

torch_worker.py [channels_last] [compile] [bf16] PROBLEM chooses the mode: the order of arrays that PyTorch recommends for
convolutions, torch.compile, and autocast to bfloat16.
"""

import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from common import Problem, read_array, serve
from torch import Tensor


class Torch:
    """The objective in PyTorch, with its automatic gradient: eager, unless options say otherwise."""

    def __init__(self, problem: Problem, options: list[str]) -> None:
        # The one setting beyond the defaults and the mode, and the one that PyTorch recommends for pictures of one size.
        torch.backends.cudnn.benchmark = True
        # Without these instructions PyTorch's own convolutions take over: tens of times as long as in float32.
        if "bf16" in options and problem.device == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            raise NotImplementedError("oneDNN computes no bfloat16 on this processor, which lacks AVX-512")
        self.problem = problem
        self.order = torch.channels_last if "channels_last" in options else torch.contiguous_format
        self.autocast = torch.autocast(problem.device, torch.bfloat16, enabled="bf16" in options)
        self.loss = torch.compile(self.objective) if "compile" in options else self.objective
        self.device = torch.device(problem.device)
        self.versions = {name: version(name) for name in ("torch", "scipy", "numpy")}
        self.device_name = torch.cuda.get_device_name() if problem.device == "cuda" else "cpu"
        if problem.device == "cuda":
            self.versions["CUDA"] = str(torch.version.cuda)
            self.versions["cuDNN"] = str(torch.backends.cudnn.version())
        self.mean = self.tensor(problem.mean).view(1, 3, 1, 1)
        self.kernels = [self.ordered(layer.kernel.transpose(3, 2, 0, 1)) for layer in problem.layers]
        self.biases = [self.tensor(layer.bias) for layer in problem.layers]
        with torch.no_grad(), self.autocast:
            self.content = self.features(self.picture(problem.content))[problem.content_layer]
            style = self.features(self.picture(problem.style))
            self.grams = {name: gram(style[name]) for name in problem.style_layers}
        self.start = self.picture(problem.start).requires_grad_()

    def tensor(self, array: np.ndarray) -> Tensor:
        """Copies an array to the device."""
        return torch.tensor(array, device=self.device)

    def ordered(self, array: np.ndarray) -> Tensor:
        """Copies an array of four dimensions to the device, in the order of choice."""
        return self.tensor(array).contiguous(memory_format=self.order)

    def picture(self, array: np.ndarray) -> Tensor:
        """Copies a picture to the device, as [1, 3, height, width]."""
        return self.ordered(array.transpose(0, 3, 1, 2))

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Returns the features of all layers after their ReLU."""
        features = {}
        h = x - self.mean
        for layer, kernel, bias in zip(self.problem.layers, self.kernels, self.biases, strict=True):
            if layer.pooled:
                h = F.max_pool2d(h, 2)
            h = F.relu(F.conv2d(h, kernel, bias, padding=1))
            features[layer.name] = h
        return features

    def objective(self, x: Tensor) -> Tensor:
        """Returns the objective at a picture, as the preset neural-style defines it."""
        p = self.problem
        features = self.features(x)
        content = F.mse_loss(features[p.content_layer], self.content)
        style = sum(F.mse_loss(gram(features[name]), target) for name, target in self.grams.items())
        dx, dy = x[:, :, :, 1:] - x[:, :, :, :-1], x[:, :, 1:] - x[:, :, :-1]
        return p.content_weight * content + p.style_weight * style + p.tv_weight * (dx.abs().sum() + dy.abs().sum())

    def backward(self, x: Tensor) -> float:
        """Computes the loss at x, whose gradient it leaves there, and waits for both."""
        x.grad = None
        with self.autocast:
            loss = self.loss(x)
        loss.backward()
        self.wait()
        return loss.item()

    def wait(self) -> None:
        """Waits until the device has done all work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def evaluate(self) -> float:
        """See Contender."""
        return self.backward(self.start)

    def gradient(self, picture: np.ndarray) -> tuple[float, np.ndarray]:
        """See Contender."""
        x = self.picture(picture).requires_grad_()
        loss = self.backward(x)
        return loss, x.grad.permute(0, 2, 3, 1).cpu().numpy()


def gram(features: Tensor) -> Tensor:
    """Returns FᵀF/(c·h·w)."""
    f = features[0].permute(1, 2, 0).flatten(0, 1)
    return f.T @ f / f.numel()


class Enough(Exception):
    """Ends SciPy's loop after the given number of evaluations; SciPy itself checks only between iterations."""


def minimise(torch_: Torch, request: dict[str, Any]) -> dict[str, Any]:
    """Minimises with SciPy's L-BFGS-B from a picture, and returns the lowest loss within n evaluations, and their time."""
    from scipy.optimize import minimize  # here, since its import takes a tenth of a second of every start

    side = request["side"]
    start = read_array(Path(request["picture"]), (1, side, side, 3))
    losses: list[float] = []

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = torch_.gradient(x.reshape(start.shape).astype(np.float32))
        losses.append(loss)
        if len(losses) == request["times"]:
            raise Enough
        return loss, gradient.ravel().astype(np.float64)

    limits = {"maxcor": 10, "ftol": 0, "gtol": 0, "maxfun": 10 * request["times"], "maxiter": 10 * request["times"]}
    began = time.perf_counter()
    try:
        minimize(function, start.ravel().astype(np.float64), jac=True, method="L-BFGS-B", options=limits)
    except Enough:
        pass
    return {"seconds": time.perf_counter() - began, "loss": min(losses), "evaluations": len(losses)}


def convolutions(torch_: Torch, request: dict[str, Any]) -> dict[str, Any]:
    """Runs all convolutions forward, and backward to their inputs, n times, and nothing else."""
    with torch.no_grad():
        calls = convolution_calls(torch_)
        for _ in range(request["times"]):
            for call in calls:
                call()
            torch_.wait()
    return {}


def convolution_calls(torch_: Torch) -> list[Callable[[], Tensor]]:
    """Returns what convolutions runs. The first call makes its random inputs, one of each shape."""
    if not hasattr(torch_, "calls"):
        arrays: dict[tuple[int, ...], Tensor] = {}

        def array(*shape: int) -> Tensor:
            if shape not in arrays:
                arrays[shape] = torch.randn(shape, device=torch_.device).contiguous(memory_format=torch_.order)
            return arrays[shape]

        torch_.calls = []
        side = torch_.problem.start.shape[1]
        for layer, kernel in zip(torch_.problem.layers, torch_.kernels, strict=True):
            if layer.pooled:
                side //= 2
            out, into = kernel.shape[:2]
            x, g = array(1, into, side, side), array(1, out, side, side)
            torch_.calls.append(lambda x=x, kernel=kernel: F.conv2d(x, kernel, padding=1))
            torch_.calls.append(lambda x=x, kernel=kernel, g=g: torch.nn.grad.conv2d_input(x.shape, kernel, g, padding=1))
    return torch_.calls


if __name__ == "__main__":
    serve(Torch, {"minimise": minimise, "convolutions": convolutions})
