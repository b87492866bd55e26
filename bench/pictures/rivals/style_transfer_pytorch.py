"""Paints as style-transfer-pytorch does (Katherine Crowson; version of 2022, its defaults): Wasserstein-2 distances between
Gaussians of features, Adam with averaged iterates, scales √2 apart.

The method is theirs, in code of our own. Unlike there, the network's weights are any that Gouache reads.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from network import Network
from PIL import Image
from rival import Budget, Stage, arguments, finish, fitted, interpolated, load, resized
from torch import Tensor

CONTENT_LAYER = "block4_conv2"
STYLE_LAYERS = {"block1_conv1": 256, "block2_conv1": 64, "block3_conv1": 16, "block4_conv1": 4, "block5_conv1": 1}
CONTENT_WEIGHT = 0.015
TV_WEIGHT = 2.0
SMALLEST = 128  # of the scales, in pixels
STEP = 0.02  # of Adam, where pixels are 0..1
DECAYS = (0.9, 0.99)  # of Adam's moments
AVERAGE = 0.99  # the decay of the average of iterates
EPSILON = 1e-4  # added to the diagonals of covariances
ROOT_STEPS = 12  # of Newton and Schulz

# An iteration takes as long as so many pixels more, whatever the size: the roots of 512×512 matrices, with their gradient.
ROOT_PIXELS = 55_000


class SquareRoot(torch.autograd.Function):
    """The square root of a positive definite matrix by the coupled iteration of Newton and Schulz. Its gradient solves the
    Lyapunov equation √A·Q + Q·√A = G by the same kind of iteration (Lin and Maji, "Improved Bilinear Pooling with CNNs", 2017)."""

    @staticmethod
    def forward(ctx, a: Tensor) -> Tensor:
        norm = a.norm()
        eye3 = 3 * torch.eye(len(a), dtype=a.dtype)
        y, z = a / norm, eye3 / 3
        for _ in range(ROOT_STEPS):
            t = (eye3 - z @ y) / 2
            y, z = y @ t, t @ z
        root = y * norm.sqrt()
        ctx.save_for_backward(root)
        return root

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (root,) = ctx.saved_tensors
        norm = root.norm()
        eye3 = 3 * torch.eye(len(root), dtype=root.dtype)
        a, q = root / norm, gradient / norm
        for _ in range(ROOT_STEPS):
            t = eye3 - a @ a
            q = (q @ t - a.T @ (a.T @ q - q @ a)) / 2
            a = a @ t / 2
        return q / 2


def gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the mean [c] and the covariance [c, c] of features [1, c, h, w] over positions."""
    f = features[0].flatten(1)
    mean = f.mean(1)
    return mean, f @ f.T / f.shape[1] - torch.outer(mean, mean) + EPSILON * torch.eye(len(f), dtype=f.dtype)


class Wasserstein:
    """The squared Wasserstein-2 distance between Gaussians of features and of a painting's features, over the channels:
    mean (μ−μ')² + tr(Σ + Σ' − 2(Σ'^½ Σ Σ'^½)^½)/c."""

    def __init__(self, style: Tensor) -> None:
        self.mean, self.covariance = gaussian(style)
        self.root = SquareRoot.apply(self.covariance)

    def __call__(self, features: Tensor) -> Tensor:
        mean, covariance = gaussian(features)
        root = SquareRoot.apply(self.root @ covariance @ self.root)
        return (mean - self.mean).square().mean() + (self.covariance + covariance - 2 * root).diagonal().mean()


def variation(x: Tensor) -> Tensor:
    """Returns the mean squared differences between neighbours, diagonal ones too, of a picture continued by its border."""
    x = F.pad(x, (1, 1, 1, 1), "replicate")
    across = (x[..., 1:-1, 2:] - x[..., 1:-1, 1:-1]).square().mean() / 3
    down = (x[..., 2:, 1:-1] - x[..., 1:-1, 1:-1]).square().mean() / 3
    falling = (x[..., 1:, 1:] - x[..., :-1, :-1]).square().mean() / 12
    rising = (x[..., 1:, :-1] - x[..., :-1, 1:]).square().mean() / 12
    return 2 * (across + down + falling + rising)


def objective(network: Network, content: Tensor, style: Tensor):
    """Returns the loss as a function of a picture of the content's size."""
    with torch.no_grad():
        target = network.features(content, [CONTENT_LAYER])[CONTENT_LAYER]
        distances = {name: Wasserstein(f) for name, f in network.features(style, list(STYLE_LAYERS)).items()}
    total = sum(STYLE_LAYERS.values())

    def loss(x: Tensor) -> Tensor:
        features = network.features(x, [CONTENT_LAYER, *STYLE_LAYERS])
        content_loss = F.mse_loss(features[CONTENT_LAYER], target)
        style_loss = sum(weight / total * distances[name](features[name]) for name, weight in STYLE_LAYERS.items())
        return CONTENT_WEIGHT * content_loss + style_loss + TV_WEIGHT * variation(x)

    return loss


def scales(smallest: int, size: int) -> list[int]:
    """Returns the longer sides of the scales, smallest first, √2 apart, down from the size to the smallest."""
    found, i = [size], 1
    while (scale := round(size / 2 ** (i / 2))) >= smallest:
        found.append(scale)
        i += 1
    return found[::-1]


class Average:
    """The exponential average of the iterates of a scale, its start included, corrected for its beginning at 0."""

    def __init__(self, x: Tensor) -> None:
        self.value, self.missing = torch.zeros_like(x), 1.0
        self.add(x)

    def add(self, x: Tensor) -> None:
        self.value.mul_(AVERAGE).add_(x, alpha=1 - AVERAGE)
        self.missing *= AVERAGE

    def get(self) -> Tensor:
        return self.value / (1 - self.missing)


def adam(x: Tensor, before: torch.optim.Adam | None) -> torch.optim.Adam:
    """Returns an optimiser of x that goes on from the moments of the scale before."""
    new = torch.optim.Adam([x], lr=STEP, betas=DECAYS)
    if before is not None:
        ((_, state),) = before.state.items()
        size = tuple(x.shape[2:])
        new.state[x] = {
            "step": state["step"],
            "exp_avg": interpolated(state["exp_avg"], size, "bicubic"),
            "exp_avg_sq": interpolated(state["exp_avg_sq"], size, "bilinear").relu(),
        }
    return new


def paint(content: Image.Image, style: Image.Image, network: Network, sides: list[int], budget: Budget) -> Tensor:
    """Paints the content in the style, scale by scale, and returns the picture."""
    result, optimiser = resized(content, sides[0]), None
    for side in sides:
        run = budget.begin()
        photograph = resized(content, side)
        loss = objective(network, photograph, resized(style, min(side, max(style.size))))  # a painting is never enlarged
        x = interpolated(result, tuple(photograph.shape[2:]), "bicubic").clamp(0, 1).requires_grad_()
        average, optimiser = Average(x.detach()), adam(x, optimiser)

        def iterate(_: int, x=x, loss=loss, average=average, optimiser=optimiser) -> Tensor:
            optimiser.zero_grad()
            value = loss(x)
            value.backward()
            optimiser.step()
            with torch.no_grad():
                x.clamp_(0, 1)
                average.add(x)
            return value.detach()

        run(iterate)
        result = average.get()
    return result


def stages(image: Image.Image, sides: list[int], first: int, others: int) -> list[Stage]:
    """Returns the scales as stages."""
    found = []
    for i, side in enumerate(sides):
        width, height = fitted(*image.size, side)
        found.append(Stage(f"{width}×{height}", first if i == 0 else others, width * height + ROOT_PIXELS))
    return found


def main() -> None:
    parser = arguments("Paints as style-transfer-pytorch does.")
    parser.add_argument("--iterations", type=int, default=500, help="at each scale but the first")
    parser.add_argument("--initial-iterations", type=int, default=1000, help="at the first scale")
    given = parser.parse_args()
    torch.manual_seed(given.seed)
    content, style = load(given.content), load(given.style)
    sides = scales(min(SMALLEST, given.size), given.size)
    network = Network(given.weights, max(STYLE_LAYERS), replicate=True)
    budget = Budget(given.seconds, stages(content, sides, given.initial_iterations, given.iterations))
    finish(given.out, paint(content, style, network, sides, budget), budget.done)


if __name__ == "__main__":
    main()
