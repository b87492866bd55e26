"""Writes files.json.gz: picture files of many kinds, and what Pillow reads in them.

pip install pillow==13.0.0 pillow-heif==1.8.1 tifffile==2026.3.3 imagecodecs==2026.3.6
"""
import base64
import gzip
import io
import json
import struct
import zlib

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from PIL import Image, ImageOps, PngImagePlugin

pillow_heif.register_heif_opener()

W, H = 22, 17
y, x = np.mgrid[0:H, 0:W]
RGB = np.dstack([x * 11, y * 15, (x * 5 + y * 7) % 256]).astype(np.uint8)
DEEP = RGB.astype(np.uint16) * 257
REF = Image.fromarray(RGB)
GREY = np.array(REF.convert("L"))
INKS = np.array(REF.convert("CMYK"))
ALPHA = (x * 12).astype(np.uint8)
BLACK = (x * y) % 7 < 3  # True is white

files = {}


def add(name, data, want=None, most=0):
    """Adds a file with what Pillow reads, or with what it should read, within most levels."""
    if want is None:
        m = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        want = np.array(m.convert("RGBA"))
    if want.dtype == bool:
        want = want.astype(np.uint8) * 255
    if want.ndim == 2:
        want = np.dstack([want] * 3)
    if want.shape[2] == 3:
        want = np.dstack([want, np.full(want.shape[:2], 255, np.uint8)])
    files[name] = dict(
        file=base64.b64encode(data).decode(), width=want.shape[1], height=want.shape[0], most=most,
        want=base64.b64encode(want.tobytes()).decode())


def refuse(name, data, error):
    files[name] = dict(file=base64.b64encode(data).decode(), error=error)


def saved(m, form, **options):
    b = io.BytesIO()
    m.save(b, form, **options)
    return b.getvalue()


def tiff(array, **options):
    b = io.BytesIO()
    tifffile.imwrite(b, array, metadata=None, **options)
    return b.getvalue()


def planes(a):
    return np.moveaxis(a, -1, 0).copy()


# TIFF: byte orders, planes, tiles, compressions, further channels. Pillow has no 16-bit RGB: the want is the array.
for order, big in (("<", False), (">", False), ("<", True), (">", True)):
    kind = {"<": "little", ">": "big"}[order] + (" BigTIFF" if big else "")
    o = dict(byteorder=order, bigtiff=big)
    add(f"tiff {kind} planar", tiff(planes(RGB), photometric="rgb", planarconfig="separate", rowsperstrip=5, **o), RGB)
    add(f"tiff {kind} planar 16", tiff(planes(DEEP), photometric="rgb", planarconfig="separate", **o), RGB)
    add(f"tiff {kind} predictor 16", tiff(DEEP, photometric="rgb", compression="zlib", predictor=2, **o), RGB)
    add(f"tiff {kind} orientation", tiff(RGB, photometric="rgb", extratags=[(274, "I", 1, 6, True)], **o), np.rot90(RGB, -1))
for pack in ("zlib", "lzw", "packbits"):
    predictor = 2 if pack != "packbits" else None
    add(f"tiff {pack}", tiff(RGB, photometric="rgb", compression=pack, predictor=predictor, rowsperstrip=4), RGB)
    add(f"tiff {pack} tiles", tiff(RGB, photometric="rgb", compression=pack, predictor=predictor, tile=(16, 16)), RGB)
    add(f"tiff {pack} planar tiles", tiff(
        planes(RGB), photometric="rgb", planarconfig="separate", compression=pack, tile=(16, 16)), RGB)
both = np.dstack([RGB, ALPHA])
add("tiff alpha", tiff(both, photometric="rgb", extrasamples=["unassalpha"]))
add("tiff alpha 16", tiff(both.astype(np.uint16) * 257, photometric="rgb", extrasamples=["unassalpha"]), both)
add("tiff multiplied alpha", tiff(np.dstack([RGB, np.full((H, W), 255, np.uint8)]), photometric="rgb", extrasamples=["assocalpha"]), RGB)
add("tiff further channel", tiff(both, photometric="rgb", extrasamples=["unspecified"]), RGB)
add("tiff further channel, planar", tiff(planes(both), photometric="rgb", planarconfig="separate", extrasamples=["unspecified"]), RGB)
add("tiff two further channels", tiff(np.dstack([both, ALPHA]), photometric="rgb", extrasamples=["unspecified", "unspecified"]), RGB)
add("tiff alpha and another", tiff(np.dstack([both, ALPHA]), photometric="rgb", extrasamples=["unassalpha", "unspecified"]), both)
add("tiff grey and alpha", tiff(np.dstack([GREY, ALPHA]), photometric="minisblack", extrasamples=["unassalpha"]))
add("tiff inverted", tiff(GREY, photometric="miniswhite"))
add("tiff inverted 16", tiff(GREY.astype(np.uint16) * 257, photometric="miniswhite"), 255 - GREY)
add("tiff inks", tiff(INKS, photometric="separated"))
add("tiff inks, planar", tiff(planes(INKS), photometric="separated", planarconfig="separate"), np.array(REF.convert("CMYK").convert("RGB")))
add("tiff jpeg rgb", tiff(RGB, photometric="rgb", compression="jpeg", compressionargs={"level": 95}), most=3)
add("tiff jpeg ycbcr", tiff(RGB, photometric="ycbcr", compression="jpeg", compressionargs={"level": 95}, subsampling=(1, 1)), most=3)
add("tiff jpeg tiles", tiff(RGB, photometric="ycbcr", compression="jpeg", subsampling=(2, 2), tile=(16, 16)), most=30)
add("tiff jpeg grey", tiff(GREY, photometric="minisblack", compression="jpeg"), most=3)
add("tiff palette", saved(REF.quantize(200), "TIFF"), most=1)
add("tiff ycbcr", saved(REF.convert("YCbCr"), "TIFF", compression="raw"), most=3)
refuse("tiff float", tiff(RGB.astype(np.float32), photometric="rgb"), "is a TIFF with floating-point numbers, which cannot be read")
refuse("tiff 32", tiff(GREY.astype(np.uint32), photometric="minisblack"), "is a TIFF of 32 bits a channel, which cannot be read")
refuse("tiff zstd", tiff(RGB, photometric="rgb", compression="zstd"), "is a TIFF with Zstandard compression, which cannot be read")


def depths(bits, photometric, rows, colours=None):
    """A TIFF of few bits a sample."""
    count = W * bits
    data = b"".join(int("".join(f"{v:0{bits}b}" for v in row).ljust(-(-count // 8) * 8, "0"), 2).to_bytes(-(-count // 8), "big") for row in rows)
    entries = [(256, 3, W), (257, 3, H), (258, 3, bits), (259, 3, 1), (262, 3, photometric), (273, 4, 8), (277, 3, 1), (278, 3, H), (279, 4, len(data))]
    if colours is not None:
        entries.append((320, 3, None))
    data += b"\0" * (len(data) % 2)
    at = 8 + len(data)
    out = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        if value is None:
            out += struct.pack("<HHII", tag, kind, len(colours), at + 6 + 12 * len(entries))
        else:
            out += struct.pack("<HHII", tag, kind, 1, value)
    out += b"\0" * 4
    if colours is not None:
        out += struct.pack(f"<{len(colours)}H", *colours)
    return b"II*\0" + struct.pack("<I", at) + data + out


add("tiff grey 4", depths(4, 1, GREY >> 4), (GREY >> 4) * 17)
add("tiff grey 4 inverted", depths(4, 0, GREY >> 4), 255 - (GREY >> 4) * 17)
add("tiff grey 2", depths(2, 1, GREY >> 6), (GREY >> 6) * 85)
colours = np.arange(48).reshape(16, 3) * 5
add("tiff palette 4", depths(4, 3, GREY >> 4, (colours.T * 257).ravel()), colours.astype(np.uint8)[GREY >> 4])
add("tiff palette of 8-bit colours", depths(4, 3, GREY >> 4, colours.T.ravel()), colours.astype(np.uint8)[GREY >> 4])

# Fax, of all kinds, with both meanings of its bits. Pillow writes by libtiff.
fax = Image.fromarray(BLACK)
for pack, options in (("group3", 0), ("group3", 1), ("group3", 4), ("group3", 5), ("group4", 0), ("tiff_ccitt", 0)):
    for photometric in (0, 1):
        info = {262: photometric, 278: 6}
        if options:
            info[292] = options
        add(f"fax {pack} {options} {photometric}", saved(fax, "TIFF", compression=pack, tiffinfo=info))

# JPEG.
base = saved(REF, "JPEG", quality=95, subsampling=0)
progressive = saved(REF, "JPEG", quality=95, progressive=True)
close = dict(want=np.array(Image.open(io.BytesIO(base))), most=2)
late = dict(want=np.array(Image.open(io.BytesIO(progressive))), most=30)
add("jpeg without an end", base[:-2], **close)
add("jpeg without an end, with a trailer", base[:-2] + b"\x11" * 99, **close)
add("jpeg without an end, with a trailer of markers", base[:-2] + b"\0\0SEFH\xff\xff\xfe\1\2" * 9, **close)
add("jpeg with a trailer", base + b"SEFH\xff\xda\xff" * 9, **close)
add("jpeg of two pictures", base + progressive, **close)
add("jpeg progressive without an end", progressive[:-2], **late)
refuse("jpeg cut", base[:-40], "is cut off before its end")
refuse("jpeg cut, with a trailer", base[:-40] + b"\xff\xfe\0\4ab", "is cut off before its end")
refuse("jpeg progressive cut between scans", progressive[:progressive.rfind(b"\xff\xda")], "is cut off before its end")
inks = saved(REF.convert("CMYK"), "JPEG", quality=95)
at = inks.find(b"\xff\xee")
add("jpeg inks", inks, most=3)
add("jpeg inks without Adobe's segment", inks[:at] + inks[at + 16:], most=3)
add("jpeg rgb", saved(REF, "JPEG", quality=95, keep_rgb=True), most=3)
refuse("jpeg 12", imagecodecs.jpeg_encode(DEEP >> 4, 95, bitspersample=12), "is a JPEG of 12 bits a channel, which cannot be read")
refuse("jpeg lossless", imagecodecs.jpeg_encode(RGB, lossless=True), "is a lossless JPEG, which cannot be read")
refuse("jpeg arithmetic", base.replace(b"\xff\xc0", b"\xff\xc9", 1), "is a JPEG with arithmetic coding, which cannot be read")


def exif(orientation, kind="H", order="II"):
    e = {"II": "<", "MM": ">"}[order]
    value = struct.pack(e + kind, orientation).ljust(4, b"\0")
    return order.encode() + struct.pack(e + "HIHHHI", 42, 8, 1, 274, {"H": 3, "I": 4}[kind], 1) + value + b"\0" * 4


def segment(body):
    return base[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + base[2:]


def xmp(o):
    return [f'<rdf:Description tiff:Orientation="{o}"/>'.encode(), f"<tiff:Orientation>{o}</tiff:Orientation>".encode()][o % 2]


def text(key, value, **options):
    info = PngImagePlugin.PngInfo()
    info.add_text(key, value, **options)
    return saved(REF, "PNG", pnginfo=info)


for o in (3, 6):
    for order in ("II", "MM"):
        add(f"jpeg long orientation {o} {order}", segment(b"Exif\0\0" + exif(o, "I", order)), most=2)
    add(f"jpeg xmp {o}", segment(b"http://ns.adobe.com/xap/1.0/\0" + xmp(o)), most=2)
    add(f"png eXIf {o}", saved(REF, "PNG", exif=b"Exif\0\0" + exif(o, "I")))
    digits = (b"Exif\0\0" + exif(o)).hex()
    add(f"png raw profile {o}", text("Raw profile type exif", f"\nexif\n{len(digits) // 2:8}\n{digits[:72]}\n{digits[72:]}\n", zip=o == 3))
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp(o).decode(), zip=o == 3)
    add(f"png xmp {o}", saved(REF, "PNG", pnginfo=info))
    add(f"webp xmp {o}", saved(REF, "WebP", lossless=True, xmp=xmp(o)))
    add(f"webp exif {o}", saved(REF, "WebP", lossless=True, exif=exif(o, "I")))

# PNG.
def chunks(data):
    at, found = 8, []
    while at < len(data):
        n = struct.unpack(">I", data[at:at + 4])[0]
        found.append((data[at + 4:at + 8], data[at + 8:at + 8 + n]))
        at += 12 + n
    return found


def png(*parts):
    out = b"\x89PNG\r\n\x1a\n"
    for name, data, *wrong in parts:
        out += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ bool(wrong))
    return out


whole = chunks(saved(REF, "PNG"))
head, pixels = whole[0], b"".join(d for n, d in whole if n == b"IDAT")
end = (b"IEND", b"")
for name, data in (
        (b"tEXt", b"a\0b"), (b"gAMA", b"\0\0\xb1\x8f"), (b"cHRM", b"\0" * 32), (b"sRGB", b"\0"), (b"iCCP", b"x\0\0bad"), (b"cICP", b"\1\2\3\4"),
        (b"pHYs", b"\0" * 9), (b"tIME", b"\0" * 7), (b"bKGD", b"\0" * 6), (b"zTXt", b"k\0\0x"), (b"iTXt", b"k\0\0\0\0\0x"),
        (b"eXIf", exif(6)), (b"tRNS", b"\0" * 6), (b"acTL", b"\0" * 8), (b"abCd", b"x")):
    add(f"png wrong checksum of {name.decode()}", png(head, (name, data, True), (b"IDAT", pixels), end), RGB)
    add(f"png wrong checksum of {name.decode()} at the end", png(head, (b"IDAT", pixels), (name, data, True), end), RGB)
full = png(head, (b"IDAT", pixels))
raw = zlib.decompress(pixels)
add("png without an end", full, RGB)
for cut in (1, 4, 5, 8):
    add(f"png cut by {cut}", full[:-cut], RGB)
add("png with too many pixels", png(head, (b"IDAT", zlib.compress(raw + b"\0" * 99)), end), RGB)
add("png with rubbish behind its pixels", png(head, (b"IDAT", pixels + b"rubbish"), end), RGB)
add("png with a chunk between its pixels", png(head, (b"IDAT", pixels[:50]), (b"tEXt", b"a\0b"), (b"IDAT", pixels[50:]), end), RGB)
add("png without a checksum of its pixels", png(head, (b"IDAT", pixels[:-4]), end), RGB)
grey = chunks(saved(REF.convert("L"), "PNG"))
add("png grey with a palette", png(grey[0], (b"PLTE", b"\0" * 9), *grey[1:]), GREY)
few = chunks(saved(REF.quantize(200), "PNG"))
add("png palette with alpha", png(*few[:2], (b"tRNS", bytes(range(200))), *few[2:]))
add("png palette with too much alpha", png(*few[:2], (b"tRNS", bytes(256)), *few[2:]), np.array(REF.quantize(200).convert("RGB")))
refuse("png cut", full[:-30], "is cut off before its end")
refuse("png with too few pixels", png(head, (b"IDAT", zlib.compress(raw[:200])), end), "is cut off before its end")
refuse("png with a wrong checksum", png(head, (b"IDAT", pixels, True), end), "is damaged")
refuse("png with a wrong checksum of its pixels", png(head, (b"IDAT", pixels[:-4] + b"abcd"), end), "is damaged")
refuse("png header only", png(head), "is cut off before its end")
refuse("png of Apple", png((b"CgBI", b"\0" * 4), head, (b"IDAT", pixels), end), "is a PNG for Apple's devices only, which cannot be read")

# Animations give their first frame.
other = ImageOps.invert(REF)
add("png animated", saved(REF, "PNG", save_all=True, append_images=[other]))
add("webp animated", saved(REF, "WebP", save_all=True, append_images=[other], lossless=True))
add("webp animated, lossy", saved(REF, "WebP", save_all=True, append_images=[other], quality=90), most=4)
clear = REF.copy()
clear.putalpha(Image.fromarray(ALPHA // 2 + 100))
add("webp animated, with alpha", saved(clear, "WebP", save_all=True, append_images=[clear.rotate(180)], quality=90), most=4)
lossy = saved(REF, "WebP", quality=90)
size = struct.pack("<I", W - 1)[:3] + struct.pack("<I", H - 1)[:3]
body = b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + size + lossy[12:]
add("webp that promises alpha", b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body, most=2)
add("webp with a trailer", lossy + b"trailer", most=2)
refuse("webp cut", lossy[:-20], "is cut off before its end")
moving = saved(REF.quantize(64), "GIF", save_all=True, append_images=[other.quantize(64)])
add("gif animated", moving)
add("gif with a canvas that is too small", moving[:6] + struct.pack("<HH", 5, 4) + moving[10:], np.array(REF.quantize(64).convert("RGB")))
add("gif without a canvas", moving[:6] + b"\0" * 4 + moving[10:], np.array(REF.quantize(64).convert("RGB")))
still = saved(REF.quantize(64), "GIF")
table = 3 << (1 + (still[10] & 7))
frame = still.find(b",", 13 + table)
few_colours = np.array(REF.quantize(64).convert("RGB"))
add("gif with an unknown extension", still[:frame] + b"!\x55\3abc\0" + still[frame:], few_colours)
add("gif with rubbish behind its pixels", still[:-2] + b"\x20" + bytes(32) + b"\x20" + bytes(32) + b"\0;", few_colours)
add("gif without an end", still[:-2], few_colours)
refuse("gif cut", still[:-9], "is cut off before its end")
add("gif with rubbish between its parts", still[:frame] + b"\0\0" + still[frame:], few_colours)
add("gif without a palette", still[:10] + bytes([still[10] & 0x7f]) + still[11:13] + still[13 + table:])

# HEIC and AVIF, without subsampling, which decoders undo in different ways.
# x265 makes no pictures below 64 pixels, and those of other sizes would be cropped.
PHOTO = REF.resize((80, 64), Image.BILINEAR)
add("heic", saved(PHOTO, "HEIF", quality=95, chroma=444), most=5)
add("heic turned", saved(PHOTO, "HEIF", quality=95, chroma=444, exif=b"Exif\0\0" + exif(6)), most=5)
add("heic grey", saved(PHOTO.convert("L"), "HEIF", quality=90), most=2)
add("avif", saved(REF, "AVIF", quality=95, subsampling="4:4:4"), most=4)
for o in range(2, 9):
    add(f"avif turned {o}", saved(REF, "AVIF", quality=95, subsampling="4:4:4", exif=b"Exif\0\0" + exif(o)), most=4)
add("avif with alpha", saved(clear, "AVIF", quality=95, subsampling="4:4:4"), most=6)
refuse("heic with alpha", saved(PHOTO.convert("RGBA"), "HEIF", quality=90), "is a HEIC photograph with transparency, which cannot be read")

with gzip.GzipFile("files.json.gz", "wb", mtime=0) as f:
    f.write(json.dumps(files, indent=0).encode())
