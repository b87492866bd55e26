"""Paints as Neural Neighbor Style Transfer does (Kolkin, Kučera, Paris, Sýkora, Shechtman and Shakhnarovich, arXiv 2203.13215;
the program's defaults): features of the photograph are replaced by their nearest ones of the painting, and a picture is sought
that has them, from coarse to fine; then each layer is matched by itself, anew at each step; then colours are corrected.

The method is theirs, in code of our own. It differs in three things: the network's weights are any that Gouache reads; pictures
are made smaller by averaging; and the deep layers of the last pass, where the program compares with what is left from another
layer, are compared with themselves.
"""

import math
import random

import torch
import torch.nn.functional as F
from network import Network
from rival import Budget, Stage, arguments, finish, fitted, interpolated, load, resized
from torch import Tensor

LAYERS = [f"block{b}_conv{c}" for b, convolutions in enumerate((2, 2, 3, 3), 1) for c in range(1, convolutions + 1)]
COARSEST = 64  # the longer side where painting begins, about
LEVELS = 8  # of the pyramid of a picture, at most
EMPTY = 3  # its finest levels, which the start leaves empty
STEP = 2e-3  # of Adam, where pixels are 0..1
PHOTOGRAPH = 0.75  # its share in the picture whose features are replaced; 1 at the coarsest scale
SAMPLES = 64  # of the longer side of a layer, in the last pass
BLOCK = 2048  # positions that are matched at once
COLOURLESS = 6e-5  # covariances of a painting's colours below which it counts as grey

# How long an iteration takes, in those of the network: the last pass multiplies matrices of distances.
LAST_PASS = 2.0


def down(x: Tensor) -> Tensor:
    """Returns a picture of half the size."""
    h, w = x.shape[2:]
    return interpolated(x, (h // 2, w // 2), "bilinear")


def up(x: Tensor, like: Tensor) -> Tensor:
    """Returns a picture at the size of another."""
    return interpolated(x, tuple(like.shape[2:]), "bilinear")


def decompose(x: Tensor, levels: int) -> list[Tensor]:
    """Returns the Laplacian pyramid of a picture, finest level first, with what is left as the last."""
    pyramid = []
    for _ in range(levels):
        smaller = down(x)
        pyramid.append(x - up(smaller, x))
        x = smaller
    return [*pyramid, x]


def compose(pyramid: list[Tensor]) -> Tensor:
    """Returns the picture of a Laplacian pyramid."""
    *details, x = pyramid
    for detail in reversed(details):
        x = detail + up(x, detail)
    return x


def hypercolumns(network: Network, x: Tensor) -> Tensor:
    """Returns the features of all layers at a quarter of the picture's size, [channels of all, h/4, w/4]."""
    size = (x.shape[2] // 4, x.shape[3] // 4)
    columns = []
    for f in network.features(x, LAYERS).values():
        columns.append(F.interpolate(f / f.shape[1], size, mode="bilinear", align_corners=True))
    return torch.cat(columns, 1)[0]


def rotations(x: Tensor) -> list[Tensor]:
    """Returns a picture and what it is when turned by 90°, 180° and 270°."""
    return [x.rot90(k, (2, 3)) for k in range(4)]


def unit(x: Tensor) -> Tensor:
    """Returns vectors, [c, positions], divided by their lengths."""
    return x / x.square().sum(0, keepdim=True).clamp(1e-8, 1e8).sqrt()


def centred(x: Tensor) -> Tensor:
    """Returns vectors, [c, positions], less their mean, divided by their lengths."""
    return unit(x - x.mean(1, keepdim=True))


def nearest(query: Tensor, key: Tensor) -> Tensor:
    """Returns for each position of the query the position of the key with the largest product; both are [c, positions]."""
    # (key.T @ block).argmax(0) takes 2.5 times as long: PyTorch's argmax is slow across rows.
    return torch.cat([(block.T @ key).argmax(1) for block in query.split(BLOCK, 1)])


def column_loss(network: Network, query: Tensor, style: Tensor):
    """Returns the mean cosine distance to targets, as a function of a picture: the painting's hypercolumns nearest to the
    query's."""
    with torch.no_grad():
        columns = hypercolumns(network, query)
        source = columns.flatten(1)
        candidates = torch.cat([hypercolumns(network, s).flatten(1) for s in rotations(style)], 1)
        target = unit(candidates[:, nearest(centred(source), centred(candidates))])

    def loss(x: Tensor) -> Tensor:
        return 1 - (target * unit(hypercolumns(network, x).flatten(1))).sum(0).mean()

    return loss


def layer_loss(network: Network, style: Tensor):
    """Returns the sum over layers of the mean cosine distance to the painting's nearest features, as a function of a picture.
    Where a layer is large, positions on a lattice are compared, which is another one each time."""
    with torch.no_grad():
        turned = [network.features(s, LAYERS) for s in rotations(style)]

    def loss(x: Tensor) -> Tensor:
        total = torch.zeros(())
        for name, f in network.features(x, LAYERS).items():
            stride = max(1, max(f.shape[2:]) // SAMPLES)
            top, left = random.randrange(stride), random.randrange(stride)
            sample = [g[0, :, top::stride, left::stride].flatten(1) for g in (f, *(t[name] for t in turned))]
            query, key = centred(sample[0]), centred(torch.cat(sample[1:], 1))
            match = nearest(query.detach(), key)
            total = total + 1 - (query * key[:, match]).sum(0).mean()
        return total

    return loss


def descend(pyramid: list[Tensor], loss, run) -> list[Tensor]:
    """Returns the pyramid that Adam makes of one; its levels are the variables."""
    levels = [level.detach().clone().requires_grad_() for level in pyramid]
    optimiser = torch.optim.Adam(levels, lr=STEP)

    def iterate(_: int) -> Tensor:
        optimiser.zero_grad()
        value = loss(compose(levels))
        value.backward()
        optimiser.step()
        return value.detach()

    run(iterate)
    return [level.detach() for level in levels]


def paint(photograph: Tensor, style: Tensor, network: Network, scales: int, budget: Budget) -> Tensor:
    """Paints a picture in the style, scale by scale, and returns the picture, its colours not yet corrected."""
    levels = min(LEVELS, int(math.log2(min(photograph.shape[2:]))))
    of_style = decompose(style, min(LEVELS, int(math.log2(min(style.shape[2:])))))
    of_photograph = decompose(photograph, levels)
    pyramid = [torch.zeros_like(level) if i < EMPTY else level for i, level in enumerate(of_photograph)]
    for scale in reversed(range(scales)):
        run = budget.begin()
        small, painting = compose(of_photograph[scale:]), compose(of_style[scale:])
        share = 1 if scale == scales - 1 else PHOTOGRAPH
        query = (1 - share) * compose([of_photograph[scale], *pyramid[scale + 1 :]]) + share * small
        pyramid[scale:] = descend(pyramid[scale:], column_loss(network, query, painting), run)
    return compose(descend(pyramid, layer_loss(network, style), budget.begin()))


# Pixels count as linear here, as in the program. The matrices are those of Ottosson, "A perceptual color space for image
# processing", 2020.
TO_CONES = torch.tensor([[0.4121656120, 0.5362752080, 0.0514575653], [0.2118591070, 0.6807189584, 0.1074065790], [0.0883097947, 0.2818474174, 0.6302613616]])
TO_OKLAB = torch.tensor([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]])


def oklab(x: Tensor) -> Tensor:
    """Returns a picture in OKLab."""
    return torch.einsum("ij,bjhw->bihw", TO_OKLAB, torch.einsum("ij,bjhw->bihw", TO_CONES, x.clamp(0, 1)).pow(1 / 3))


def from_oklab(x: Tensor) -> Tensor:
    """Returns a picture in OKLab as one of RGB."""
    return torch.einsum("ij,bjhw->bihw", TO_CONES.inverse(), torch.einsum("ij,bjhw->bihw", TO_OKLAB.inverse(), x).pow(3)).clamp(0, 1)


def covariance(x: Tensor) -> Tensor:
    """Returns the covariance of a picture's channels."""
    return x[0].flatten(1).cov(correction=0)


def recoloured(x: Tensor, style: Tensor) -> Tensor:
    """Returns a picture whose channels have the mean and the covariance of another's: whitened, then coloured."""

    def power(matrix: Tensor, exponent: float) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix + 1e-4 * torch.eye(len(matrix)))
        return vectors * values.clamp(min=1e-8).pow(exponent) @ vectors.T

    linear = power(covariance(style), 0.5) @ power(covariance(x), -0.5)
    moved = torch.einsum("ij,bjhw->bihw", linear, x - x.mean((2, 3), keepdim=True))
    return moved + style.mean((2, 3), keepdim=True)


def smoothed(colours: Tensor, lightness: Tensor) -> Tensor:
    """Returns colours averaged with neighbours of about the same lightness, five times."""
    h, w = lightness.shape[2:]
    window = [(slice(i, i + h), slice(j, j + w)) for i in range(3) for j in range(3)]
    around = F.pad(lightness, (1, 1, 1, 1), "replicate")
    weights = [(-10 * (lightness - around[:, :, i, j]).abs()).exp() for i, j in window]
    for _ in range(5):
        padded = F.pad(colours, (1, 1, 1, 1), "replicate")
        colours = sum(weight * padded[:, :, i, j] for weight, (i, j) in zip(weights, window, strict=True)) / sum(weights)
    return colours


def within(x: Tensor, style: Tensor) -> Tensor:
    """Returns a picture whose channels are inside the ranges of another's."""
    return x.clamp(style.amin((2, 3), keepdim=True), style.amax((2, 3), keepdim=True))


def corrected(x: Tensor, photograph: Tensor, style: Tensor) -> Tensor:
    """Returns a painted picture with its lightness and the photograph's colours, moved to the painting's mean and covariance."""
    result, source, target = oklab(x), oklab(photograph), oklab(style)
    if covariance(target)[1:, 1:].abs().max() < COLOURLESS:
        lightness = within(result, target)[:, :1]
        return from_oklab(within(recoloured(torch.cat([lightness, result[:, 1:]], 1), target), target))
    lightness = within(result, target)[:, :1]
    colours = smoothed(recoloured(source[:, 1:], target[:, 1:]), lightness)
    return from_oklab(within(torch.cat([lightness, colours], 1), target))


def stages(width: int, height: int, scales: int, iterations: int) -> list[Stage]:
    """Returns the scales and the last pass as stages."""
    found = []
    for scale in reversed(range(scales)):
        w, h = width >> scale, height >> scale
        found.append(Stage(f"{w}×{h}", iterations, w * h))
    return [*found, Stage(f"{width}×{height}, layer by layer", iterations, LAST_PASS * width * height)]


def main() -> None:
    parser = arguments("Paints as Neural Neighbor Style Transfer does.")
    parser.add_argument("--iterations", type=int, default=200, help="at each scale, and in the last pass")
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    random.seed(given.seed)
    content, style = load(given.content), load(given.style)
    photograph, painting = resized(content, given.size), resized(style, given.size)
    scales = 1 + round(math.log2(given.size / COARSEST))
    network = Network(given.weights, LAYERS[-1])
    budget = Budget(given.seconds, stages(*fitted(*content.size, given.size), scales, given.iterations))
    result = paint(photograph, painting, network, scales, budget)
    finish(given.out, corrected(result, photograph, painting), budget.done)


if __name__ == "__main__":
    main()
