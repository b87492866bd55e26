"""Writes resize.json: a raster of float32 (mode F, neither rounded nor clamped) resized by Pillow (13.0.0).

    python resize.py > resize.json
"""
import json

import numpy as np
from PIL import Image

y, x = np.mgrid[0:9, 0:13]
source = (((37 * x + 101 * y + 13 * x * y) % 311) - 30).astype(np.float32)
cases = []
for width, height in [(5, 4), (6, 13), (17, 3), (19, 14), (1, 1)]:
    values = np.asarray(Image.fromarray(source).resize((width, height), Image.BICUBIC))
    cases.append({"width": width, "height": height, "values": [round(float(v), 4) for v in values.ravel()]})
print(json.dumps({"width": 13, "height": 9, "source": source.ravel().tolist(), "resized": cases}))
