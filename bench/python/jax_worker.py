"""The contender JAX. jax_worker.py [bf16] PROBLEM has kernels and features in bfloat16, or in float32."""

from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from common import Problem, serve
from jax import Array, lax


class Jax:
    """The objective in JAX: value_and_grad in a jit."""

    def __init__(self, problem: Problem, options: list[str]) -> None:
        self.problem = problem
        self.versions = {name: version(name) for name in ("jax", "jaxlib")}
        self.device_name = "cpu"
        self.type = jnp.bfloat16 if "bf16" in options else jnp.float32
        self.kernels = [jnp.asarray(layer.kernel, self.type) for layer in problem.layers]
        self.biases = [jnp.asarray(layer.bias, self.type) for layer in problem.layers]
        features = jax.jit(self.features)
        content = features(jnp.asarray(problem.content), self.kernels, self.biases)[problem.content_layer]
        style = features(jnp.asarray(problem.style), self.kernels, self.biases)
        # What does not change is an argument all the same: as constants of the graph it would be compiled into it.
        self.fixed = (self.kernels, self.biases, content, {name: gram(style[name]) for name in problem.style_layers})
        self.start = jnp.asarray(problem.start)
        self.value_and_gradient = jax.jit(jax.value_and_grad(self.loss))

    def features(self, x: Array, kernels: list[Array], biases: list[Array]) -> dict[str, Array]:
        """Returns the features of all layers after their ReLU."""
        features = {}
        h = (x - self.problem.mean).astype(self.type)
        for layer, kernel, bias in zip(self.problem.layers, kernels, biases, strict=True):
            if layer.pooled:
                h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
            h = lax.conv_general_dilated(h, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            h = jax.nn.relu(h + bias)
            features[layer.name] = h
        return features

    def loss(self, x: Array, kernels: list[Array], biases: list[Array], content: Array, grams: dict[str, Array]) -> Any:
        """Returns the objective at a picture, as the preset neural-style defines it."""
        p = self.problem
        features = self.features(x, kernels, biases)
        content_loss = jnp.mean((features[p.content_layer] - content).astype(jnp.float32) ** 2)
        style_loss = sum(jnp.mean((gram(features[name]) - target) ** 2) for name, target in grams.items())
        variation = jnp.abs(jnp.diff(x, axis=1)).sum() + jnp.abs(jnp.diff(x, axis=2)).sum()
        return p.content_weight * content_loss + p.style_weight * style_loss + p.tv_weight * variation

    def evaluate(self) -> float:
        """See Contender."""
        loss, gradient = self.value_and_gradient(self.start, *self.fixed)
        gradient.block_until_ready()
        return float(loss)

    def gradient(self, picture: np.ndarray) -> tuple[float, np.ndarray]:
        """See Contender."""
        loss, gradient = self.value_and_gradient(jnp.asarray(picture), *self.fixed)
        return float(loss), np.asarray(gradient)


def gram(features: Array) -> Array:
    """Returns FᵀF/(c·h·w), in float32."""
    f = features.reshape(-1, features.shape[-1])
    return jnp.matmul(f.T, f, preferred_element_type=jnp.float32) / f.size


if __name__ == "__main__":
    serve(Jax)
