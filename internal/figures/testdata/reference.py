#!/usr/bin/env python3
"""Writes content.png, style.png, result.png and reference.json, which figures_test.go reads: figures by NumPy, SciPy,
scikit-image and PyTorch, independently of the Go code.

    python internal/figures/testdata/reference.py     # numpy, scipy, scikit-image, Pillow, torch

The result is no painting: the photograph in the painting's colours, mixed with shifted parts of the painting, with noise.
"""

import json
import os

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy.ndimage import gaussian_filter, sobel
from scipy.spatial import cKDTree
from skimage.color import rgb2lab
from skimage.metrics import structural_similarity

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, '../../../stylelib/samples/pictures')


def load(name, size=None, longer=None):
    im = Image.open(os.path.join(HERE, name)).convert('RGB')
    if longer and max(im.size) > longer:
        size = tuple(max(1, round(v * longer / max(im.size))) for v in im.size)
    if size and im.size != size:
        im = im.resize(size, Image.LANCZOS)
    return np.asarray(im, np.float64) / 255


def blur(x, deviation):
    return gaussian_filter(x, deviation, mode='reflect')


def gradient(x):
    return np.hypot(sobel(x, 0), sobel(x, 1))


def ripples(x):
    a, b = blur(x, 1), blur(x, 3)
    return x - a, a - b


def bands(x):
    steps = [x] + [blur(x, d) for d in (.6, 1.2, 2.4, 4.8, 9.6)]
    return [a - b for a, b in zip(steps, steps[1:])]


def kurtosis(x):
    d = x - x.mean()
    return (d ** 4).mean() / (d ** 2).mean() ** 2


def wasserstein(a, b, directions, quantiles):
    d = np.random.RandomState(0).randn(a.shape[1], directions)
    d /= np.linalg.norm(d, axis=0)
    t = (np.arange(quantiles) + .5) / quantiles
    return np.abs(np.quantile(a @ d, t, axis=0) - np.quantile(b @ d, t, axis=0)).mean()


def laplace(x):
    x, levels = torch.from_numpy(x.transpose(2, 0, 1)[None]), []
    for _ in range(3):
        half = F.avg_pool2d(x, 2)
        levels.append(x - F.interpolate(half, x.shape[2:], mode='bilinear', align_corners=False))
        x = half
    return levels


def patches(x):
    all = F.unfold(x, 7)[0].t()
    return all[torch.randint(0, len(all), (6000,), generator=torch.Generator().manual_seed(0))].numpy()


def swd(a, b):
    values = []
    for x, y in zip(laplace(a), laplace(b)):
        p, q = patches(x), patches(y)
        values.append(wasserstein(p / q.std(), q / q.std(), 128, 256))
    return np.mean(values)


def grams(x):
    generator, c = torch.Generator().manual_seed(1), 3
    x = torch.from_numpy(x.transpose(2, 0, 1)[None] * 2 - 1)
    for out, pool in ((32, False), (48, True), (64, True), (96, True)):
        w = torch.randn(out, c, 3, 3, generator=generator) * (2 / (9 * c)) ** .5
        x, c = F.relu(F.conv2d(F.avg_pool2d(x, 2) if pool else x, w.double())), out
        m = x.flatten(2)[0]
        yield m @ m.t() / m.shape[1]


def figures(content, style, result):
    lab, style_lab, photograph = rgb2lab(result), rgb2lab(style), rgb2lab(content)[..., 0]
    light, style_light = lab[..., 0], style_lab[..., 0]
    flatness = blur(gradient(blur(photograph, 1)), 4)
    flat = flatness <= np.quantile(flatness, .25)
    energy = lambda x: (x ** 2).mean()
    (hi, mid), (style_hi, style_mid) = ripples(light), ripples(style_light)
    ab = lambda x: np.mean([energy(ripples(x[..., i])[0]) for i in (1, 2)])
    tree = cKDTree(np.unique(np.round(style_lab.reshape(-1, 3) / 2) * 2, axis=0))
    border = np.ones(light.shape, bool)
    border[10:-10, 10:-10] = False
    correlation = lambda f: np.corrcoef(f(light).ravel(), f(photograph).ravel())[0, 1]
    values = {
        'flat_hi': energy(hi[flat]) / energy(style_hi),
        'flat_mid': energy(mid[flat]) / energy(style_mid),
        'hi': energy(hi) / energy(style_hi),
        'hi_ab': ab(lab) / ab(style_lab),
        'alien': (tree.query(lab.reshape(-1, 3))[0] > 12).mean() * 100,
        'palette': wasserstein(lab.reshape(-1, 3), style_lab.reshape(-1, 3), 64, 512),
        'patches': 1000 * swd(result, style),
        'ssim': structural_similarity(light, photograph, data_range=100),
        'edges': correlation(lambda x: gradient(blur(x, 2))),
        'order': correlation(lambda x: blur(x, 4)),
        'rgram': 1000 * np.mean([float(((a - b) ** 2).sum() / (b ** 2).sum()) for a, b in zip(grams(result), grams(style))]),
        'frame': energy(hi[border]) / energy(hi[~border]),
        'kurtosis': kurtosis(bands(light)[0]),
        'kurtosis_style': kurtosis(bands(style_light)[0]),
    }
    for name, own, theirs in zip((2, 5, 10, 20, 40), bands(light), bands(style_light)):
        values[f'band_{name}'] = energy(own[flat]) / energy(theirs)
    return {name: float(v) for name, v in values.items()}


def inputs():
    """A photograph and a painting that both have to be reduced, and a result of 96×64 pixels."""
    for name, sample, size in (('content', 'chelsea', (144, 96)), ('style', 'woodcut', (160, 128))):
        im = Image.open(f'{SAMPLES}/{sample}.jpg').convert('RGB').resize(size, Image.LANCZOS)
        im.quantize(64).save(f'{HERE}/{name}.png', optimize=True)
    content, style = load('content.png', (96, 64)), load('style.png', (96, 64))
    random = np.random.RandomState(3)
    grey = content.mean(2, keepdims=True)
    x = (grey - grey.mean()) * style.std((0, 1)) / grey.std() + style.mean((0, 1))
    x = .6 * x + .4 * np.roll(style, (7, 19), (0, 1)) + random.randn(64, 96, 3) * .04
    Image.fromarray(np.clip(x * 255, 0, 255).round().astype(np.uint8)).save(f'{HERE}/result.png', optimize=True)


inputs()
size = (96, 64)
values = figures(load('content.png', size), load('style.png', longer=96), load('result.png'))
with open(f'{HERE}/reference.json', 'w') as f:
    json.dump(values, f, indent='\t', sort_keys=True)
    f.write('\n')
