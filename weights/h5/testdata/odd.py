"""Writes odd.h5: what gonum's binding cannot write and a reader must bear. Needs h5py; run in this folder."""
import h5py
import numpy as np

with h5py.File("odd.h5", "w") as f:
    f.attrs["fixed"] = np.array([b"four", b"five5", b""], dtype="S5")  # one fills its place, without a closing zero
    f.attrs["variable"] = np.array(["äöü", "", "b"], dtype=h5py.string_dtype())
    f.attrs["one"] = "single"
    f.attrs["none"] = np.array([], dtype="S3")
    f.attrs["number"] = 7
    g = f.create_group("group")
    g.attrs["name"] = "block1_conv1"
    g["parent"] = f  # a hard link in a circle
    g["soft"] = h5py.SoftLink("/plain")
    g["outside"] = h5py.ExternalLink("other.h5", "/secret")

with h5py.File("types.h5", "w") as f:
    values = np.array([[1, -2.5], [0.5, 3]])
    for name, dtype in [("f4le", "<f4"), ("f4be", ">f4"), ("f8le", "<f8"), ("f8be", ">f8"), ("f2", "<f2"), ("f2be", ">f2"), ("i4", "<i4")]:
        f.create_dataset(name, data=values.astype(dtype))
    bf16 = h5py.h5t.IEEE_F32LE.copy()  # bfloat16, which NumPy has not: the upper half of a float32
    bf16.set_fields(15, 7, 8, 0, 7)
    bf16.set_size(2)
    bf16.set_precision(16)
    d = h5py.h5d.create(f.id, b"bf16", bf16, h5py.h5s.create_simple((2, 2)))
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, (values.astype("<f4").view("<u4") >> 16).astype("<u2"), mtype=bf16)
    f.create_dataset("deflated", data=values.astype("<f4"), chunks=(1, 2), compression="gzip")
    f.create_dataset("scalar", data=np.float32(4))
    f.create_dataset("vast", shape=(2**20, 2**10), dtype="<f4", chunks=(1024, 1024))
    f.create_dataset("external", shape=(2, 2), dtype="<f4", external=[("odd.py", 0, 16)])
    layout = h5py.VirtualLayout(shape=(2, 2), dtype="<f4")
    layout[...] = h5py.VirtualSource("other.h5", "secret", shape=(2, 2))
    f.create_virtual_dataset("virtual", layout)
    g = f.create_group("group")
    g["soft"] = h5py.SoftLink("/target")
    g["outside"] = h5py.ExternalLink("odd.h5", "/group")
    t = f.create_group("target")
    t.attrs["name"] = "found"
    t.create_dataset("found", data=values.astype("<f4"))

with h5py.File("filtered.h5", "w") as f:  # by a filter that HDF5 has to load; the chunk's bytes are raw
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    properties.set_filter(32000, h5py.h5z.FLAG_OPTIONAL, ())  # h5py registers LZF itself, under this number
    d = h5py.h5d.create(f.id, b"filtered", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4,)), properties)
    d.write_direct_chunk((0,), b"0123456789abcdef")
