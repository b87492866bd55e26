"""Checks the rivals' mathematics against slow versions: bench/.venv/bin/python -m unittest discover bench/pictures/rivals '*_test.py'"""

import unittest

import nnst
import rival
import style_transfer_pytorch as stp
import torch


def positive(c: int, least: float) -> torch.Tensor:
    """Returns a random positive definite matrix in float64 with eigenvalues from least to 1."""
    vectors = torch.linalg.qr(torch.randn(c, c, dtype=torch.float64))[0]
    return vectors * torch.linspace(least, 1, c, dtype=torch.float64) @ vectors.T


def exact_root(a: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(a)
    return vectors * values.sqrt() @ vectors.T


class StyleTransferPytorch(unittest.TestCase):
    def setUp(self) -> None:
        torch.manual_seed(1)

    def test_root(self) -> None:
        a = positive(8, 0.1).requires_grad_()  # 12 steps are exact from 1e-3 of the norm on
        torch.testing.assert_close(stp.SquareRoot.apply(a), exact_root(a.detach()), rtol=1e-10, atol=1e-10)
        g = torch.randn(8, 8, dtype=torch.float64)
        g = g + g.T  # a derivative by a symmetric matrix
        (got,) = torch.autograd.grad((stp.SquareRoot.apply(a) * g).sum(), a)
        (want,) = torch.autograd.grad((exact_root(a) * g).sum(), a)
        torch.testing.assert_close(got, want, rtol=1e-8, atol=1e-8)

    def test_wasserstein(self) -> None:
        x, y = (torch.randn(1, 6, 9, 7, dtype=torch.float64) @ torch.randn(7, 7, dtype=torch.float64) for _ in range(2))
        (m, a), (n, b) = stp.gaussian(x), stp.gaussian(y)
        torch.testing.assert_close(a, x[0].flatten(1).cov(correction=0) + 1e-4 * torch.eye(6))
        root = exact_root(b)
        want = (m - n).square().mean() + (a + b - 2 * exact_root(root @ a @ root)).trace() / 6
        torch.testing.assert_close(stp.Wasserstein(y)(x), want, rtol=1e-6, atol=1e-9)
        self.assertLess(stp.Wasserstein(y)(y).abs(), 1e-9)

    def test_variation(self) -> None:
        x = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
        x[0, 0, 1, 1] = 1  # 2 differences across, 2 down among 16; 2 and 2 on diagonals among 25
        self.assertAlmostEqual(stp.variation(x).item(), 2 * (4 / 16 / 3 + 4 / 25 / 12))

    def test_scales(self) -> None:
        self.assertEqual(stp.scales(128, 512), [128, 181, 256, 362, 512])
        self.assertEqual(stp.scales(100, 100), [100])

    def test_average(self) -> None:
        average = stp.Average(torch.tensor([1.0]))
        average.add(torch.tensor([4.0]))
        self.assertAlmostEqual(average.get().item(), (0.99 * 1 + 4) / 1.99, places=4)

    def test_moments_are_carried(self) -> None:
        x = torch.ones(1, 3, 4, 6).requires_grad_()
        first = stp.adam(x, None)
        x.square().sum().backward()
        first.step()
        y = torch.ones(1, 3, 8, 12).requires_grad_()
        state = stp.adam(y, first).state[y]
        self.assertEqual(state["step"], 1)
        torch.testing.assert_close(state["exp_avg"], torch.full_like(y, 0.2))
        torch.testing.assert_close(state["exp_avg_sq"], torch.full_like(y, 0.04))


class NeuralNeighbours(unittest.TestCase):
    def setUp(self) -> None:
        torch.manual_seed(1)

    def test_pyramid(self) -> None:
        x = torch.rand(1, 3, 37, 50)
        pyramid = nnst.decompose(x, 3)
        self.assertEqual([tuple(level.shape[2:]) for level in pyramid], [(37, 50), (18, 25), (9, 12), (4, 6)])
        torch.testing.assert_close(nnst.compose(pyramid), x)

    def test_nearest(self) -> None:
        query, key = torch.randn(5, 3000), torch.randn(5, 40)
        slow = [max(range(40), key=lambda k, q=q: query[:, q] @ key[:, k]) for q in range(0, 3000, 500)]
        self.assertEqual(nnst.nearest(query, key)[::500].tolist(), slow)

    def test_recoloured(self) -> None:
        x, y = torch.rand(1, 3, 20, 20), torch.rand(1, 3, 30, 30) ** 2
        moved = nnst.recoloured(x, y)
        torch.testing.assert_close(moved.mean((2, 3)), y.mean((2, 3)))
        torch.testing.assert_close(nnst.covariance(moved), nnst.covariance(y), rtol=0.01, atol=1e-4)  # 1e-4 is added to both

    def test_oklab(self) -> None:
        white = nnst.oklab(torch.ones(1, 3, 1, 1)).flatten()
        torch.testing.assert_close(white, torch.tensor([1.0, 0, 0]), rtol=0, atol=1e-3)
        x = torch.rand(1, 3, 5, 5)
        torch.testing.assert_close(nnst.from_oklab(nnst.oklab(x)), x, rtol=0, atol=1e-4)

    def test_smoothed(self) -> None:
        lightness = torch.zeros(1, 1, 6, 6)
        lightness[..., 3:] = 1  # an edge, which colours do not cross: exp(-10)
        colours = lightness.repeat(1, 2, 1, 1) + 0.01 * torch.randn(1, 2, 6, 6)
        smooth = nnst.smoothed(colours, lightness)
        self.assertLess((smooth - lightness).abs().max(), 0.02)
        self.assertLess((smooth - lightness).std(), 0.5 * (colours - lightness).std())


class TestBudget(unittest.TestCase):
    def test_all(self) -> None:
        budget = rival.Budget(None, [rival.Stage("a", 3, 1), rival.Stage("b", 2, 9)])
        for want in (3, 2):
            seen = []
            budget.begin()(lambda i, seen=seen: seen.append(i) or torch.tensor(0.5))
            self.assertEqual(seen, list(range(want)))
        self.assertEqual([(d.name, d.iterations, d.loss) for d in budget.done], [("a", 3, 0.5), ("b", 2, 0.5)])

    def test_spent(self) -> None:
        budget = rival.Budget(0, [rival.Stage("a", 3, 1), rival.Stage("b", 2, 1)])
        for _ in range(2):
            budget.begin()(lambda _: torch.tensor(0.0))
        self.assertEqual([d.iterations for d in budget.done], [1, 1])


if __name__ == "__main__":
    unittest.main()
