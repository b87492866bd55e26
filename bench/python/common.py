"""What the Python contenders share: reading the problem that bench/problem.go writes, and the protocol of bench/contender.go.

A contender is a process that is started with the problem's file, says that it is ready, and then answers requests, one
JSON object a line, in the order in which they come.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Layer:
    """A convolution with its ReLU, and whether a 2×2 maximum pooling comes before it."""

    name: str
    kernel: np.ndarray  # [3, 3, in, out]; the first layer's inputs are RGB
    bias: np.ndarray  # [out]
    pooled: bool


@dataclass(frozen=True)
class Problem:
    """A network, an objective and pictures, all float32. Pictures are [1, height, width, 3], RGB, 0..255."""

    device: str  # "cpu" or "cuda"
    layers: list[Layer]
    mean: np.ndarray  # [3], RGB
    content_layer: str
    style_layers: list[str]
    content_weight: float
    style_weight: float
    tv_weight: float
    content: np.ndarray
    style: np.ndarray
    start: np.ndarray


class Contender(Protocol):
    """One framework's way to evaluate the objective."""

    versions: dict[str, str]
    device_name: str

    def evaluate(self) -> float:
        """Returns the loss at the start picture, once its gradient is computed too; that stays on the device."""

    def gradient(self, picture: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the loss at a picture, and its gradient."""


def read_problem(path: Path) -> Problem:
    """Reads a problem; its files lie beside it."""
    described = json.loads(path.read_text())
    shape = (1, described["side"], described["side"], 3)
    tensors = read_safetensors(path.parent / described["weights"])
    pictures = {role: read_array(path.parent / file, shape) for role, file in described["pictures"].items()}
    terms = {key: described[key] for key in ("content_layer", "style_layers", "content_weight", "style_weight", "tv_weight")}
    return Problem(
        device=described["device"],
        layers=read_layers(described["layers"], tensors),
        mean=np.array(described["mean"], np.float32),
        **terms,
        **pictures,
    )


def read_layers(names: list[str], tensors: dict[str, np.ndarray]) -> list[Layer]:
    """Picks the named layers, such as block2_conv1, whose number after "conv" is 1 where a block begins."""
    layers = []
    for i, name in enumerate(names):
        kernel = tensors[f"{name}.kernel"]
        if i == 0:
            kernel = kernel[:, :, ::-1]  # the file's first kernel takes BGR
        pooled = i > 0 and name.endswith("conv1")
        layers.append(Layer(name, np.ascontiguousarray(kernel), tensors[f"{name}.bias"], pooled))
    return layers


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Reads the float32 tensors of a .safetensors file: a length, a header in JSON, numbers."""
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:begin]).items():
        if name != "__metadata__":
            first, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(data[begin + first : begin + end], "<f4").reshape(entry["shape"])
    return tensors


def read_array(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Reads an array of little-endian float32 numbers that can be written to."""
    return np.fromfile(path, "<f4").reshape(shape)


def serve(make: Callable[[Problem, list[str]], Contender], commands: dict[str, Callable[..., dict[str, Any]]] | None = None) -> None:
    """Makes a contender of the command line, which is the options of its mode and the problem's file, and answers requests.

    commands are those beyond the ones that every contender has; each is given the contender and the request, and returns
    the answer. An exception is the last answer, before it ends the process.
    """
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)  # what a library prints must not get among the answers
        try:
            *options, file = sys.argv[1:]
            contender = make(read_problem(Path(file)), options)
            known = {"evaluate": evaluate, "gradient": gradient} | (commands or {})
            ready = {"versions": contender.versions, "device": contender.device_name}
            print(json.dumps(ready), file=answers)
            for line in sys.stdin:
                request = json.loads(line)
                answer = known[request["do"]](contender, request)
                print(json.dumps(answer, allow_nan=False), file=answers)
        except Exception as error:
            traceback.print_exc()  # first, since the reader of the answer may end this process
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers)
            sys.exit(1)


def evaluate(contender: Contender, request: dict[str, Any]) -> dict[str, Any]:
    """Evaluates the objective and its gradient at the start picture n times."""
    for _ in range(request["times"]):
        loss = contender.evaluate()
    return {"loss": loss}


def gradient(contender: Contender, request: dict[str, Any]) -> dict[str, Any]:
    """Evaluates at the picture of one file and writes the gradient to another."""
    side = request["side"]
    loss, array = contender.gradient(read_array(Path(request["picture"]), (1, side, side, 3)))
    array.astype("<f4").tofile(request["file"])
    return {"loss": loss}
