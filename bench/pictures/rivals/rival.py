"""What the rivals share: the command line, the budget of time, and pictures.

A picture is a float32 tensor [1, 3, height, width], RGB, 0..1.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class Stage:
    """What a stage of a painting does: so many iterations, if there is the time, on so many pixels."""

    name: str
    iterations: int
    cost: float  # of one iteration, relative to those of the other stages


@dataclass(frozen=True)
class Done:
    """What a stage has done, for the record."""

    name: str
    iterations: int
    loss: float  # of the last iteration
    seconds: float


class Budget:
    """Shares seconds of wall time among stages, so that each does about the same part of its iterations.

    The time counts from the start of the process: Python's and PyTorch's start are the rival's own.
    """

    RESERVE = 0.3  # seconds, to finish the picture and write it

    def __init__(self, seconds: float | None, stages: list[Stage]) -> None:
        self.end = float("inf") if seconds is None else seconds - self.RESERVE
        self.stages = stages
        self.done: list[Done] = []

    def begin(self) -> Callable[[Callable[[int], Tensor]], None]:
        """Begins the next stage, and returns what runs it.

        That calls a function with the number of each iteration, 0 first, which returns the loss. It stops where another
        iteration would not fit into the stage's share, but not before the first. What is prepared between begin and the
        iterations is part of the share.
        """
        began = age()
        stage, *later = self.stages[len(self.done) :]
        rest = sum(s.iterations * s.cost for s in (stage, *later))
        end = began + (self.end - began) * stage.iterations * stage.cost / rest

        def run(iterate: Callable[[int], Tensor]) -> None:
            for i in range(stage.iterations):
                at = age()
                loss = iterate(i)
                if age() + (age() - at) > end:
                    break
            self.done.append(Done(stage.name, i + 1, loss.item(), round(age() - began, 2)))

        return run


def age() -> float:
    """Returns the seconds since this process started, on Linux."""
    started = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]  # in ticks since the boot: proc(5)
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(started) / os.sysconf("SC_CLK_TCK")


def arguments(description: str) -> argparse.ArgumentParser:
    """Returns the command line that all rivals have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="the photograph")
    parser.add_argument("--style", type=Path, required=True, help="the painting")
    parser.add_argument("--out", type=Path, required=True, help="the picture to write, a .png")
    parser.add_argument("--weights", type=Path, required=True, help="a .safetensors of gouache weights convert")
    parser.add_argument("--size", type=int, default=512, help="the longer side in pixels")
    parser.add_argument("--seconds", type=float, help="the wall time from the start of the process; without it, all iterations run")
    parser.add_argument("--seed", type=int, default=0, help="of random numbers")
    return parser


def finish(out: Path, picture: Tensor, done: list[Done]) -> None:
    """Writes the picture, and prints a line of JSON that says what was done."""
    pixels = (picture.detach().clamp(0, 1)[0].permute(1, 2, 0) * 255).round()
    Image.fromarray(pixels.numpy().astype(np.uint8)).save(out)
    print(json.dumps({"seconds": round(age(), 2), "stages": [vars(d) for d in done]}))


def load(path: Path) -> Image.Image:
    """Reads a picture file; what is transparent in it becomes white."""
    image = Image.open(path).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def fitted(width: int, height: int, longer: int) -> tuple[int, int]:
    """Returns the width and height in the same proportion whose longer side is given."""
    factor = longer / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def resized(image: Image.Image, longer: int) -> Tensor:
    """Returns an image as a picture of the given longer side."""
    small = image.resize(fitted(*image.size, longer), Image.Resampling.BICUBIC)  # averages what it makes smaller
    return torch.from_numpy(np.asarray(small, np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def interpolated(x: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Returns an array [1, c, h, w] at another height and width; corners of pixels stay where they are."""
    return F.interpolate(x, size, mode=mode, align_corners=False)
