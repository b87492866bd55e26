"""Writes JPEG files with colour at a lower resolution, and beside each a PNG of what Pillow (13.0.0) reads in it.

    python jpeg.py
"""
import numpy as np
from PIL import Image

y, x = np.mgrid[0:19, 0:27]
red, green = (x // 5 + y // 4) % 2 * 200, (x * 9) % 256
image = Image.fromarray(np.dstack([red, green, 255 - red // 2]).astype(np.uint8))
for ratio in ["4:2:0", "4:2:2"]:
    name = "colour" + ratio.replace(":", "")
    image.save(name + ".jpg", quality=90, subsampling=ratio, optimize=True)
    Image.open(name + ".jpg").save(name + ".png", optimize=True)
