"""The contender TensorFlow. tensorflow_worker.py [xla] PROBLEM compiles the graph with XLA, or does not."""

from importlib.metadata import version

import numpy as np
import tensorflow as tf
from common import Problem, serve
from tensorflow import Tensor


class TensorFlow:
    """The objective in TensorFlow: tf.nn in a tf.function, with the gradient of its tape."""

    def __init__(self, problem: Problem, options: list[str]) -> None:
        self.problem = problem
        self.versions = {"tensorflow": version("tensorflow-cpu")}
        self.device_name = "cpu"
        self.mean = tf.constant(problem.mean)
        self.kernels = [tf.constant(layer.kernel) for layer in problem.layers]
        self.biases = [tf.constant(layer.bias) for layer in problem.layers]
        self.content = self.features(tf.constant(problem.content))[problem.content_layer]
        style = self.features(tf.constant(problem.style))
        self.grams = {name: gram(style[name]) for name in problem.style_layers}
        self.start = tf.constant(problem.start)
        self.value_and_gradient = tf.function(self.tape, jit_compile=True if "xla" in options else None)

    def features(self, x: Tensor) -> dict[str, Tensor]:
        """Returns the features of all layers after their ReLU."""
        features = {}
        h = x - self.mean
        for layer, kernel, bias in zip(self.problem.layers, self.kernels, self.biases, strict=True):
            if layer.pooled:
                h = tf.nn.max_pool2d(h, 2, 2, "VALID")
            h = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(h, kernel, 1, "SAME"), bias))
            features[layer.name] = h
        return features

    def loss(self, x: Tensor) -> Tensor:
        """Returns the objective at a picture, as the preset neural-style defines it."""
        p = self.problem
        features = self.features(x)
        content = mean_square(features[p.content_layer] - self.content)
        style = tf.add_n([mean_square(gram(features[name]) - target) for name, target in self.grams.items()])
        variation = tf.image.total_variation(x)[0]
        return p.content_weight * content + p.style_weight * style + p.tv_weight * variation

    def tape(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the loss and its gradient."""
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = self.loss(x)
        return loss, tape.gradient(loss, x)

    def evaluate(self) -> float:
        """See Contender. A tf.function on the CPU returns when all its results are there."""
        loss, _ = self.value_and_gradient(self.start)
        return float(loss)

    def gradient(self, picture: np.ndarray) -> tuple[float, np.ndarray]:
        """See Contender."""
        loss, gradient = self.value_and_gradient(tf.constant(picture))
        return float(loss), gradient.numpy()


def mean_square(x: Tensor) -> Tensor:
    """Returns the mean of the squares."""
    return tf.reduce_mean(tf.square(x))


def gram(features: Tensor) -> Tensor:
    """Returns FᵀF/(c·h·w)."""
    f = tf.reshape(features, [-1, features.shape[-1]])
    return tf.matmul(f, f, transpose_a=True) / tf.cast(tf.size(f), tf.float32)


if __name__ == "__main__":
    serve(TensorFlow)
