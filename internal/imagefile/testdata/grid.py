"""Writes grid.heic: a HEIC file of 3×2 tiles, as phones write them, cropped to 150×101, with clap, irot and imir boxes.

pip install pillow==13.0.0 pillow-heif==1.8.1
"""
import io
import struct
import sys

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()


def box(name, *bodies):
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), name) + body


def inside(data, *path):
    """The body of the box at the end of a path."""
    for name in path:
        at = 0
        while data[at + 4:at + 8] != name:
            at += struct.unpack(">I", data[at:at + 4])[0]
        data = data[at + 8:at + struct.unpack(">I", data[at:at + 4])[0]]
        if name == b"meta":
            data = data[4:]
    return data


def grid(pixels, tile, width, height, quality, *changes):
    """A grid of the tiles of pixels, which are as large as they are together."""
    tiles = []
    for y in range(0, pixels.shape[0], tile):
        for x in range(0, pixels.shape[1], tile):
            b = io.BytesIO()
            Image.fromarray(pixels[y:y + tile, x:x + tile]).save(b, "HEIF", quality=quality, chroma=420)
            tiles.append(b.getvalue())
    configs = {inside(t, b"meta", b"iprp", b"ipco", b"hvcC") for t in tiles}
    assert len(configs) == 1
    datas = [inside(t, b"mdat") for t in tiles]
    count, columns = len(tiles), pixels.shape[1] // tile
    ids = range(2, 2 + count)
    spec = struct.pack(">BBBBHH", 0, 0, count // columns - 1, columns - 1, width, height)

    def meta(start):
        places, at = [struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(spec))], start
        for i, d in zip(ids, datas):
            places.append(struct.pack(">HHHHII", i, 0, 0, 1, at, len(d)))
            at += len(d)
        kinds = [(1, b"grid")] + [(i, b"hvc1") for i in ids]
        return box(
            b"meta", bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", struct.pack(">IH", 0, 1)),
            box(b"iloc", struct.pack(">IBBH", 1 << 24, 0x44, 0, 1 + count), *places),
            box(b"iinf", struct.pack(">IH", 0, 1 + count), *[box(b"infe", struct.pack(">IHH4sB", 2 << 24, i, 0, k, 0)) for i, k in kinds]),
            box(b"iref", bytes(4), box(b"dimg", struct.pack(f">HH{count}H", 1, count, *ids))),
            box(b"iprp",
                box(b"ipco",
                    box(b"hvcC", *configs), box(b"ispe", struct.pack(">III", 0, tile, tile)), box(b"ispe", struct.pack(">III", 0, width, height)),
                    *changes),
                box(b"ipma", struct.pack(">II", 0, 1 + count), struct.pack(">HBB", 1, 1 + len(changes), 3),
                    bytes(0x84 + k for k in range(len(changes))),
                    *[struct.pack(">HBBB", i, 2, 0x81, 2) for i in ids])),
            box(b"idat", spec))

    ftyp = box(b"ftyp", b"heic\0\0\0\0heicmif1")
    start = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(start) + box(b"mdat", *datas)


def photo(width, height, seed=1):
    """Colours that change slowly, edges and grain."""
    y, x = np.mgrid[0:height, 0:width]
    grain = np.random.default_rng(seed).normal(0, 4, (height, width, 1))
    waves = np.dstack([128 + 100 * np.sin(x / 31 + k) * np.cos(y / 23 - k) for k in range(3)])
    return np.clip(waves + 40 * ((x // 37 + y // 29) % 2)[..., None] + grain, 0, 255).astype(np.uint8)


if len(sys.argv) > 1:  # a large one, to measure: grid.py FILE
    open(sys.argv[1], "wb").write(grid(photo(4096, 3072), 512, 4032, 3024, 60))
else:
    clap = struct.pack(">IIIIiIiI", 78, 1, 50, 1, -4, 1, -11, 2)  # from 32, 20 on
    open("grid.heic", "wb").write(grid(photo(192, 128), 64, 150, 101, 50, box(b"clap", clap), box(b"irot", b"\1"), box(b"imir", b"\0")))
