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
    for name, dtype in [("f4le", "<f4"), ("f4be", ">f4"), ("f8le", "<f8"), ("f8be", ">f8"), ("f2", "<f2"), ("i4", "<i4")]:
        f.create_dataset(name, data=values.astype(dtype))
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
