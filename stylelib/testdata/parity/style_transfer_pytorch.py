#!/usr/bin/env python3
"""Computes what parity_test.go compares the preset style-transfer-pytorch with, in float64 with PyTorch.

    gouache weights convert vgg16-hed vgg16-hed.safetensors
    python3 style_transfer_pytorch.py vgg16-hed.safetensors > style_transfer_pytorch.json

It needs numpy, Pillow and torch. Losses and gradients are computed twice. "preset" is the objective as the preset
documents it: roots of matrices by 12 Newton-Schulz steps, gradients by the inverse root, epsilon a share of the
style's variance. "program" has what style-transfer-pytorch does instead: the style's root by such steps too, gradients
by 12 steps for a Lyapunov equation, an epsilon of 1e-4. Both have features in units of torchvision's networks.
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

HERE = Path(__file__).parent
MEAN_BGR = (103.939, 116.779, 123.68)
UNIT = 255 * (0.229 + 0.224 + 0.225) / 3  # the deviation of torchvision's pixels, in grey levels
STYLE_LAYERS = ["block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1"]
STYLE_SHARES = np.array([256, 64, 16, 4, 1]) / 341
CONTENT_LAYER = "block4_conv2"
CONTENT_WEIGHT, TV_WEIGHT = 0.015, 2
STEPS, EPSILON = 12, 1e-4


def read_weights(path):
    """Returns a .safetensors file's float32 tensors in float64, in its order, and its metadata."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__")
    tensors = {}
    for name, about in header.items():
        start, end = about["data_offsets"]
        flat = np.frombuffer(data[8 + length + start : 8 + length + end], "<f4")
        tensors[name] = torch.tensor(flat.reshape(about["shape"]).astype(np.float64))
    return tensors


def read_picture(name):
    """Returns a picture as [1, 3, height, width], RGB, 0..1."""
    pixels = np.asarray(Image.open(HERE / name).convert("RGB"), np.float64) / 255
    return torch.tensor(pixels).permute(2, 0, 1)[None]


def features(weights, x):
    """Returns all layers' features, in units of torchvision's networks, of a picture [1, 3, h, w], RGB, 0..1."""
    h = 255 * x.flip(1) - torch.tensor(MEAN_BGR, dtype=torch.float64).view(1, 3, 1, 1)
    result, block = {}, "1"
    for name in sorted({n.split(".")[0] for n in weights}):
        if name[5] != block:
            h, block = F.max_pool2d(h, 2), name[5]
        kernel, bias = weights[name + ".kernel"].permute(3, 2, 0, 1), weights[name + ".bias"]
        if name == "block1_conv1":
            h = F.conv2d(F.pad(h, (1, 1, 1, 1), "replicate"), kernel, bias)
        else:
            h = F.conv2d(h, kernel, bias, padding=1)
        h = F.relu(h)
        result[name] = h / UNIT
        if name == "block5_conv1":
            return result


def newton_schulz(a):
    size = torch.linalg.matrix_norm(a)
    y, z = a / size, torch.eye(len(a), dtype=a.dtype)
    for _ in range(STEPS):
        t = (3 * torch.eye(len(a), dtype=a.dtype) - z @ y) / 2
        y, z = y @ t, t @ z
    return y * size.sqrt(), z / size.sqrt()


class Root(torch.autograd.Function):
    """The trace of a root, whose derivative is half the inverse root."""

    @staticmethod
    def forward(ctx, a):
        y, z = newton_schulz(a)
        ctx.save_for_backward(z)
        return y.trace()

    @staticmethod
    def backward(ctx, d):
        return d * ctx.saved_tensors[0] / 2


class LyapunovRoot(torch.autograd.Function):
    """The trace of a root Y, whose derivative Q solves YQ + QY = I."""

    @staticmethod
    def forward(ctx, a):
        y, _ = newton_schulz(a)
        ctx.save_for_backward(y)
        return y.trace()

    @staticmethod
    def backward(ctx, d):
        (y,) = ctx.saved_tensors
        eye, size = torch.eye(len(y), dtype=y.dtype), torch.linalg.matrix_norm(y)
        a, q = y / size, d * eye / size
        for _ in range(STEPS):
            rest = 3 * eye - a @ a
            q = (q @ rest - a.T @ (a.T @ q - q @ a)) / 2
            a = a @ rest / 2
        return q / 2


def moments(f):
    f = f[0].flatten(1)
    mean = f.mean(1)
    return mean, f @ f.T / f.shape[1] - torch.outer(mean, mean)


def style_loss(f, target, program):
    mean, covariance = moments(f)
    wanted_mean, wanted = moments(target)
    eye = torch.eye(len(mean), dtype=mean.dtype)
    # A share of the mean eigenvalue after epsilon has been added.
    epsilon = EPSILON if program else EPSILON / (1 - EPSILON) * wanted.diagonal().mean()
    covariance, wanted = covariance + epsilon * eye, wanted + epsilon * eye
    if program:
        half, trace = newton_schulz(wanted)[0], LyapunovRoot.apply
    else:
        values, vectors = torch.linalg.eigh(wanted)
        half, trace = vectors @ values.sqrt().diag() @ vectors.T, Root.apply
    apart = covariance.trace() + wanted.trace() - 2 * trace(half @ covariance @ half)
    return (mean - wanted_mean).pow(2).mean() + apart / len(mean)


def nine_points(x):
    x = F.pad(x, (1, 1, 1, 1), "replicate")
    middle = x[..., 1:-1, 1:-1]
    straight = (x[..., 1:-1, 2:] - middle).pow(2).mean() + (x[..., 2:, 1:-1] - middle).pow(2).mean()
    down, up = x[..., 1:, 1:] - x[..., :-1, :-1], x[..., 1:, :-1] - x[..., :-1, 1:]
    return 2 * (straight / 3 + (down.pow(2).mean() + up.pow(2).mean()) / 12)


def evaluate(weights, program):
    content, style = (features(weights, read_picture(name)) for name in ("content.png", "style.png"))
    x = read_picture("reference-start.png").requires_grad_()
    at = features(weights, x)
    terms = {
        "content": CONTENT_WEIGHT * (at[CONTENT_LAYER] - content[CONTENT_LAYER]).pow(2).mean(),
        "style": sum(s * style_loss(at[n], style[n], program) for n, s in zip(STYLE_LAYERS, STYLE_SHARES)),
        "tv": TV_WEIGHT * nine_points(x),
    }
    total = sum(terms.values())
    gradient = torch.autograd.grad(total, x)[0] / 255  # with respect to grey levels
    return terms, total, gradient[0].flip(0).permute(1, 2, 0)  # BGR


def described(terms, total, gradient):
    height, width, _ = gradient.shape
    return {
        "terms": {name: float(value.detach()) for name, value in terms.items()},
        "total": float(total.detach()),
        "grad_l2": float(gradient.norm()),
        "grad_max": float(gradient.abs().max()),
        "grad_first8": gradient.flatten()[:8].tolist(),
        "grad_centre3": gradient[height // 2, width // 2].tolist(),
    }


def main():
    path = Path(sys.argv[1])
    weights = read_weights(path)
    result, gradients = {}, {}
    for name in ("preset", "program"):
        terms, total, gradients[name] = evaluate(weights, name == "program")
        result[name] = described(terms, total, gradients[name])
    a, b = gradients["preset"].flatten(), gradients["program"].flatten()
    result["cosine"] = float(a @ b / a.norm() / b.norm())
    result["made_with"] = f"torch {torch.__version__}, float64, {path.name}"
    print(json.dumps(result, indent=1))


main()
