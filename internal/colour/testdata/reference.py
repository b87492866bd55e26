"""Writes reference.json: profiles of all kinds, and what LittleCMS makes of colours in them.

    python reference.py > reference.json     # with liblcms2 2.14, NumPy 2 and Pillow 13.0.0

The conversions are relative colorimetric with 16 bits, without LittleCMS's optimisations, which are
off by up to 31 of 255 levels for 8 bits in tables and dark greys.
"""
import base64, ctypes, io, itertools, json, struct

import numpy as np
from PIL import Image

lcms = ctypes.CDLL("liblcms2.so.2")
pointer, number = ctypes.c_void_p, ctypes.c_uint
for name, result, arguments in [
    ("cmsOpenProfileFromMem", pointer, [ctypes.c_char_p, number]),
    ("cmsCreate_sRGBProfile", pointer, []),
    ("cmsCreateTransform", pointer, [pointer, number, pointer, number, number, number]),
    ("cmsDoTransform", None, [pointer, pointer, pointer, number]),
]:
    f = getattr(lcms, name)
    f.restype, f.argtypes = result, arguments


def converted(icc, channels, colours):
    """colours of [n, channels] from 0 to 65535 in sRGB."""
    kind = {1: 3, 3: 4, 4: 6}[channels] << 16 | channels << 3 | 2
    NOOPTIMIZE, NOCACHE, RELATIVE = 0x0100, 0x0040, 1
    profile = lcms.cmsOpenProfileFromMem(icc, len(icc))
    transform = lcms.cmsCreateTransform(profile, kind, lcms.cmsCreate_sRGBProfile(), 4 << 16 | 3 << 3 | 2, RELATIVE, NOOPTIMIZE | NOCACHE)
    assert transform
    source = np.ascontiguousarray(colours, np.uint16)
    result = np.zeros((len(source), 3), np.uint16)
    lcms.cmsDoTransform(transform, source.ctypes.data, result.ctypes.data, len(source))
    return result


def fixed(*values):
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def xyz(*v):
    return b"XYZ \0\0\0\0" + fixed(*v)


def curv(*points):
    return b"curv\0\0\0\0" + struct.pack(f">I{len(points)}H", len(points), *points)


def para(kind, *v):
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + fixed(*v)


def text(name, version):
    if version == 2:
        return b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + bytes(1 + 4 + 4 + 2 + 1 + 67)
    units = name.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(units), 28) + units


def profile(name, version, space, tags, pcs=b"XYZ ", kind=b"mntr"):
    tags = {b"desc": text(name, version), b"wtpt": xyz(0.9642, 1, 0.8249)} | tags
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, data in tags.items():
        if (found := body.find(data)) >= 0 and found % 4 == 0:  # shared
            table += struct.pack(">4sII", tag, at + found, len(data))
            continue
        table += struct.pack(">4sII", tag, at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s12s4s28s", at + len(body), b"", version << 24, kind, space, pcs, bytes(12), b"acsp", bytes(28))
    return (head + fixed(0.9642, 1, 0.8249)).ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def rgb(name, version, columns, curves):
    tags = {b"rXYZ": xyz(*columns[0]), b"gXYZ": xyz(*columns[1]), b"bXYZ": xyz(*columns[2])}
    return profile(name, version, b"RGB ", tags | dict(zip([b"rTRC", b"gTRC", b"bTRC"], curves if isinstance(curves, list) else [curves] * 3)))


def adapted(white, *primaries):
    """The columns of primaries that are adapted to D50 by Bradford's matrix."""
    full = lambda c: np.array([c[0] / c[1], 1, (1 - c[0] - c[1]) / c[1]])
    m = np.stack([full(p) for p in primaries], 1)
    m = m * np.linalg.solve(m, full(white))
    cones = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    scale = cones @ [0.9642, 1, 0.8249] / (cones @ full(white))
    return (np.linalg.inv(cones) @ np.diag(scale) @ cones @ m).T


D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
BT709 = adapted(D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3 = adapted(D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE = adapted(D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO = adapted(D50, (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))
BT2020 = adapted(D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
SRGB = para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
TELEVISION = para(3, 1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
sampled = lambda n, f: curv(*[round(65535 * f(i / (n - 1))) for i in range(n)])


def grey(name, version, curve, pcs=b"XYZ "):
    return profile(name, version, b"GRAY", {b"kTRC": curve}, pcs)


def table(channels, points, lab):
    """A table of Lab, or XYZ, as fractions: more of a channel is darker, and each shifts the hue."""
    for c in itertools.product(np.linspace(0, 1, points), repeat=channels):
        if channels == 1:
            light, a, b = c[0], 0, 0
        elif channels == 3:
            light, a, b = 0.3 * c[0] + 0.6 * c[1] + 0.1 * c[2], 60 * (c[0] - c[1]), 60 * (c[1] - c[2])
        else:
            light = (1 - 0.6 * c[0]) * (1 - 0.5 * c[1]) * (1 - 0.1 * c[2]) * (1 - 0.9 * c[3])
            a, b = 50 * (c[1] - 0.6 * c[0]), 70 * c[2] - 40 * c[0]
        if lab:
            yield from (light, (a + 128) / 255, (b + 128) / 255)
        else:
            yield from (0.48 * light, 0.5 * light, 0.41 * light)


def mft2(channels, points):
    body = [round(65280 * v) for v in table(channels, points, True)]  # lut16Type has Lab's older encoding
    ends = [0, 20000, 65535]
    numbers = ends * channels + body + [0, 65535] * 3
    return b"mft2\0\0\0\0" + bytes([channels, 3, points, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + struct.pack(f">HH{len(numbers)}H", 3, 2, *numbers)


def mft1(channels, points):
    body = [round(255 * v) for v in table(channels, points, True)]
    identity = list(range(256))
    return b"mft1\0\0\0\0" + bytes([channels, 3, points, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + bytes(identity * channels + body + identity * 3)


def mab(channels, points):
    a = para(0, 1.3) * channels
    clut = bytes([points] * channels).ljust(16, b"\0") + b"\2\0\0\0" + b"".join(struct.pack(">H", round(65535 * v)) for v in table(channels, points, True))
    clut += bytes(-len(clut) % 4)
    m, matrix = para(0, 1.1) * 3, fixed(1, 0, 0, 0, 0.95, 0, 0, 0.05, 1, 0, 0.01, 0)
    b = curv() * 3
    offsets = [32, 32 + len(b), 32 + len(b + matrix), 32 + len(b + matrix + m), 32 + len(b + matrix + m + clut)]
    return b"mAB \0\0\0\0" + bytes([channels, 3, 0, 0]) + struct.pack(">5I", *offsets) + b + matrix + m + clut + a


PROFILES = [
    ("Display P3, v4", 3, rgb("Display P3", 4, P3, SRGB)),
    ("Display P3, v2 sampled", 3, rgb("Display P3 sampled", 2, P3, sampled(256, lambda x: x / 12.92 if x < 0.04045 else ((x + 0.055) / 1.055) ** 2.4))),
    ("Adobe RGB, v2 gamma", 3, rgb("Adobe RGB (1998)", 2, ADOBE, curv(563))),
    ("ProPhoto, v2 gamma", 3, rgb("ProPhoto RGB", 2, PROPHOTO, curv(461))),
    ("BT.2020, v4", 3, rgb("BT.2020", 4, BT2020, TELEVISION)),
    ("identity curve", 3, rgb("linear", 2, BT709, curv())),
    ("parametric 0", 3, rgb("type 0", 4, BT709, para(0, 1.8))),
    ("parametric 1", 3, rgb("type 1", 4, BT709, para(1, 2.2, 1.1, -0.1))),
    ("parametric 2", 3, rgb("type 2", 4, BT709, para(2, 2.2, 0.9, -0.05, 0.05))),
    ("parametric 4", 3, rgb("type 4", 4, P3, para(4, 2.4, 0.94, 0.055, 0.07, 0.045, 0.002, 0.001))),
    ("three curves", 3, rgb("scanner", 2, ADOBE, [curv(0, 3000, 16000, 65535), sampled(32, lambda x: x**2.1), para(0, 1.7)])),
    ("white that is not D50", 3, rgb("unadapted", 2, [(0.4124, 0.2126, 0.0193), (0.3576, 0.7152, 0.1192), (0.1805, 0.0722, 0.9505)], curv(563))),
    ("grey gamma", 1, grey("Gray Gamma 2.2", 2, curv(563))),
    ("grey dot gain", 1, grey("Dot Gain 20%", 2, sampled(64, lambda x: x**1.75 * (0.8 + 0.2 * x)))),
    ("grey parametric", 1, grey("Gray sRGB-like", 4, para(3, 2.6, 1 / 1.055, 0.055 / 1.055, 1 / 20, 0.04045))),
    ("grey to Lab", 1, grey("Gray L*", 4, para(0, 1.2), b"Lab ")),
    ("scanner's table, mft2", 3, profile("scanner table", 2, b"RGB ", {b"A2B0": mft2(3, 4)}, b"Lab ", b"scnr")),
    ("scanner's table, mft1", 3, profile("scanner table 8", 2, b"RGB ", {b"A2B0": mft1(3, 4)}, b"Lab ", b"scnr")),
    ("table before curves", 3, profile("both", 4, b"RGB ", {b"A2B1": mab(3, 3)}, b"Lab ", b"mntr")),
    ("inks, mft2", 4, profile("Coated inks", 2, b"CMYK", {b"A2B0": mft2(4, 3)}, b"Lab ", b"prtr")),
    ("inks, mAB", 4, profile("Uncoated inks", 4, b"CMYK", {b"A2B0": mft1(4, 2), b"A2B1": mab(4, 2)}, b"Lab ", b"prtr")),
]


def encoded(image, kind, **options):
    b = io.BytesIO()
    image.save(b, kind, **options)
    return base64.b64encode(b.getvalue()).decode()


def files():
    """One picture in Display P3 in all formats, and its colours in sRGB."""
    icc = PROFILES[0][2]
    y, x = np.mgrid[0:16, 0:16]
    pixels = np.stack([17 * x, 17 * y, (40 * x + 90 * y) % 256], 2).astype(np.uint8)
    m = Image.fromarray(pixels)
    flat = Image.fromarray(np.full((16, 16, 3), (220, 90, 60), np.uint8))
    srgb = lambda p: (converted(icc, 3, p.reshape(-1, 3).astype(np.uint16) * 257)).tolist()
    return {
        "pixels": srgb(pixels),
        "flat": srgb(np.array([[[220, 90, 60]]]))[0],
        "png": encoded(m, "PNG", icc_profile=icc),
        "webp": encoded(m, "WEBP", icc_profile=icc, lossless=True),
        "tiff": encoded(m, "TIFF", icc_profile=icc),
        "jpeg": encoded(flat, "JPEG", icc_profile=icc, quality=100),
        "dark": encoded(Image.new("RGB", (16, 16)), "WEBP", quality=90),
        "inks": encoded(Image.fromarray(np.full((16, 16, 4), (30, 200, 150, 20), np.uint8), "CMYK"), "JPEG", icc_profile=PROFILES[-2][2], quality=100),
        "inksInSRGB": converted(PROFILES[-2][2], 4, np.array([[30, 200, 150, 20]]) * 257).tolist()[0],
        "grey": encoded(Image.fromarray((17 * x).astype(np.uint8)), "PNG", icc_profile=PROFILES[12][2]),
        "greyInSRGB": converted(PROFILES[12][2], 1, (17 * x).reshape(-1, 1) * 257).tolist(),
    }


def chunks():
    """What chunks of a PNG say, as profiles that say the same."""
    gamma = lambda g: para(0, g)
    chromaticities = lambda *c: b"".join(struct.pack(">I", round(100_000 * v)) for xy in c for v in xy)
    dci = ((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
    adobe = (D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
    p3 = (D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
    bg = (D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06))
    return [
        ("Display P3", {"cICP": bytes([12, 13, 0, 1])}, rgb("", 4, P3, SRGB)),
        ("BT.2020", {"cICP": bytes([9, 14, 0, 1])}, rgb("", 4, BT2020, gamma(2.4))),  # BT.1886
        ("linear", {"cICP": bytes([1, 8, 0, 1])}, rgb("", 4, BT709, gamma(1))),
        ("BT.470 BG", {"cICP": bytes([5, 5, 0, 1])}, rgb("", 4, adapted(*bg), gamma(2.8))),
        ("DCI P3, whose white is greenish", {"cICP": bytes([11, 17, 0, 1])}, rgb("", 4, adapted(*dci), para(1, 2.6, (52.37 / 48) ** (1 / 2.6), 0))),
        ("gAMA", {"gAMA": struct.pack(">I", 100_000)}, rgb("", 4, BT709, gamma(1))),
        ("gAMA and cHRM", {"gAMA": struct.pack(">I", 50_000), "cHRM": chromaticities(*adobe)}, rgb("", 4, ADOBE, gamma(2))),
        ("gAMA of 1/2.2 and other primaries", {"gAMA": struct.pack(">I", 45_455), "cHRM": chromaticities(*adobe)}, rgb("", 4, ADOBE, gamma(1 / 0.45455))),
        ("cHRM", {"cHRM": chromaticities(*p3)}, rgb("", 4, P3, SRGB)),
    ]


random = np.random.default_rng(1)
profiles = []
for name, channels, icc in PROFILES:
    colours = np.concatenate([random.integers(0, 65536, (24, channels)), random.integers(0, 4000, (6, channels)), [[0] * channels, [65535] * channels]])
    profiles.append({"name": name, "channels": channels, "icc": base64.b64encode(icc).decode(), "colours": colours.tolist(), "sRGB": converted(icc, channels, colours).tolist()})
pngs = []
for name, found, icc in chunks():
    colours = np.concatenate([random.integers(0, 65536, (12, 3)), random.integers(0, 4000, (4, 3)), [[65535] * 3]])
    chunked = {k: base64.b64encode(v).decode() for k, v in found.items()}
    pngs.append({"name": name, "chunks": chunked, "colours": colours.tolist(), "sRGB": converted(icc, 3, colours).tolist()})
print(json.dumps({"profiles": profiles, "pngs": pngs, "files": files()}))
