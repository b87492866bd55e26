package h5

// Of what this package needs, gonum's binding lacks attributes that are arrays of strings (its Attribute.Read takes
// one string, and reads past the end of one of fixed length without a closing zero), the places where a dataset's
// numbers are stored, what a floating-point type is made of, and reading with a conversion. These are here, on the same
// library, with the same flags as gonum's.

// #cgo LDFLAGS: -lhdf5
// #cgo darwin CFLAGS: -I/usr/local/include
// #cgo darwin LDFLAGS: -L/usr/local/lib
// #cgo linux,!arm64 CFLAGS: -I/usr/local/include -I/usr/lib/x86_64-linux-gnu/hdf5/serial/include
// #cgo linux,!arm64 LDFLAGS: -L/usr/local/lib -L/usr/lib/x86_64-linux-gnu/hdf5/serial/
// #cgo linux,arm64 CFLAGS: -I/usr/local/include -I/usr/lib/aarch64-linux-gnu/hdf5/serial/include
// #cgo linux,arm64 LDFLAGS: -L/usr/local/lib -L/usr/lib/aarch64-linux-gnu/hdf5/serial/
// #include <stdlib.h>
// #include <string.h>
// #include "hdf5.h"
//
// enum { max_strings = 10000, max_bytes = 1 << 20 };
//
// // append adds a string and a zero to a buffer of max_bytes; it returns 0 if there is no room.
// static int append(char *out, size_t *used, const char *s, size_t n) {
//   if (n + 1 > max_bytes - *used) return 0;
//   memcpy(out + *used, s, n);
//   *used += n;
//   out[(*used)++] = 0;
//   return 1;
// }
//
// static int read_variable(hid_t attribute, hid_t type, hid_t space, size_t n, char *out, size_t *used) {
//   char **strings = calloc(n, sizeof *strings);
//   if (strings == NULL) return -1;
//   int result = -1;
//   if (H5Aread(attribute, type, strings) >= 0) {
//     result = 1;
//     for (size_t i = 0; i < n && result == 1; i++) {
//       const char *s = strings[i] == NULL ? "" : strings[i];
//       if (!append(out, used, s, strlen(s))) result = -1;
//     }
//     H5Dvlen_reclaim(type, space, H5P_DEFAULT, strings);
//   }
//   free(strings);
//   return result;
// }
//
// static int read_fixed(hid_t attribute, hid_t type, size_t n, char *out, size_t *used) {
//   size_t size = H5Tget_size(type);
//   if (size == 0 || size > max_bytes / n) return -1;
//   char *strings = malloc(n * size);
//   if (strings == NULL) return -1;
//   int result = H5Aread(attribute, type, strings) < 0 ? -1 : 1;
//   for (size_t i = 0; i < n && result == 1; i++) {
//     if (!append(out, used, strings + i * size, strnlen(strings + i * size, size))) result = -1;
//   }
//   free(strings);
//   return result;
// }
//
// // gouache_strings reads an attribute of strings into out, which has room for max_bytes: each string, then a zero.
// // It returns 1, or 0 if there is no attribute of strings with that name, or -1 on errors.
// static int gouache_strings(hid_t file, const char *object, const char *name, char *out, size_t *used) {
//   htri_t there = H5Aexists_by_name(file, object, name, H5P_DEFAULT);
//   if (there <= 0) return there < 0 ? -1 : 0;
//   hid_t attribute = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
//   if (attribute < 0) return -1;
//   hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
//   hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
//   int result = -1;
//   *used = 0;
//   if (type >= 0 && H5Tget_class(type) != H5T_STRING) result = 0;
//   else if (type >= 0 && n == 0) result = 1;
//   else if (type >= 0 && n > 0 && n <= max_strings) {
//     result = H5Tis_variable_str(type) > 0 ? read_variable(attribute, type, space, n, out, used)
//                                           : read_fixed(attribute, type, n, out, used);
//   }
//   if (type >= 0) H5Tclose(type);
//   if (space >= 0) H5Sclose(space);
//   H5Aclose(attribute);
//   return result;
// }
//
// // gouache_inside returns 1 if all of a dataset's numbers are in its own file, 0 if it names other files, -1 on errors.
// static int gouache_inside(hid_t dataset) {
//   hid_t properties = H5Dget_create_plist(dataset);
//   if (properties < 0) return -1;
//   int files = H5Pget_external_count(properties);
//   H5D_layout_t layout = H5Pget_layout(properties);
//   H5Pclose(properties);
//   if (files < 0 || layout < 0) return -1;
//   return files == 0 && layout != H5D_VIRTUAL;
// }
//
// // gouache_float returns the bits of a type that is one of IEEE 754's or bfloat16, which HDF5 has no name for; negative
// // if big-endian; 0 for other types. bfloat16 counts as 17.
// static int gouache_float(hid_t type) {
//   static const struct { size_t size, sign, exponent, exponent_bits, mantissa_bits, bias; int result; } known[] = {
//     {2, 15, 10, 5, 10, 15, 16}, {2, 15, 7, 8, 7, 127, 17}, {4, 31, 23, 8, 23, 127, 32}, {8, 63, 52, 11, 52, 1023, 64},
//   };
//   size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
//   H5T_order_t order = H5Tget_order(type);
//   if (H5Tget_class(type) != H5T_FLOAT || (order != H5T_ORDER_LE && order != H5T_ORDER_BE) ||
//       H5Tget_norm(type) != H5T_NORM_IMPLIED || H5Tget_offset(type) != 0 || H5Tget_precision(type) != 8 * H5Tget_size(type) ||
//       H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) return 0;
//   for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
//     if (known[i].size == H5Tget_size(type) && known[i].sign == sign && known[i].exponent == exponent &&
//         known[i].exponent_bits == exponent_bits && mantissa == 0 && known[i].mantissa_bits == mantissa_bits &&
//         known[i].bias == H5Tget_ebias(type)) return order == H5T_ORDER_BE ? -known[i].result : known[i].result;
//   }
//   return 0;
// }
//
// // gouache_read reads the n numbers of a dataset as little-endian float32, or, if half, of its own type, of 16 bits,
// // little-endian: HDF5 takes 2 s to convert those of VGG19.
// static int gouache_read(hid_t dataset, int half, void *out, hssize_t n) {
//   int result = -1;
//   hid_t space = H5Dget_space(dataset), type = H5Tcopy(half ? dataset : H5T_IEEE_F32LE);
//   if (space >= 0 && type >= 0 && H5Sget_simple_extent_npoints(space) == n && H5Tset_order(type, H5T_ORDER_LE) >= 0 &&
//       H5Tget_size(type) == (half ? 2 : 4)) result = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
//   if (space >= 0) H5Sclose(space);
//   if (type >= 0) H5Tclose(type);
//   return result;
// }
//
// static int gouache_no_plugins(void) { return H5PLset_loading_state(0); }
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"gonum.org/v1/hdf5"
)

// readStrings reads an attribute of an object. It returns nil if there is none, or if it is not made of strings.
func readStrings(f *hdf5.File, object, name string) ([]string, error) {
	cObject, cName := C.CString(object), C.CString(name)
	defer C.free(unsafe.Pointer(cObject))
	defer C.free(unsafe.Pointer(cName))
	out := (*C.char)(C.malloc(C.max_bytes))
	defer C.free(unsafe.Pointer(out))
	var used C.size_t
	switch C.gouache_strings(C.hid_t(f.ID()), cObject, cName, out, &used) {
	case 0:
		return nil, nil
	case 1:
		all := strings.Split(C.GoStringN(out, C.int(used)), "\x00")
		return all[:len(all)-1], nil
	}
	return nil, fmt.Errorf("HDF5 cannot read the attribute %s of %s", name, object)
}

// isInside tells whether a dataset's numbers are all in its own file. HDF5 lets a dataset name other files to read
// them from; such a dataset is refused.
func isInside(d *hdf5.Dataset) (bool, error) {
	switch C.gouache_inside(C.hid_t(d.ID())) {
	case 0:
		return false, nil
	case 1:
		return true, nil
	}
	return false, fmt.Errorf("HDF5 cannot tell how %s is stored", d.Name())
}

// floatType is a type of numbers that can be read.
type floatType struct {
	name string // NumPy's
	sent string // as package tensorfile calls the numbers that the child sends
}

// typeOf returns the floating-point type, zero for one that cannot be read.
func typeOf(t *hdf5.Datatype) floatType {
	types := map[C.int]floatType{16: {"float16", "F16"}, 17: {"bfloat16", "BF16"}, 32: {"float32", "F32"}, 64: {"float64", "F32"}}
	kind := C.gouache_float(C.hid_t(t.ID()))
	if kind < 0 {
		bigEndian := types[-kind]
		bigEndian.name += " (big-endian)"
		return bigEndian
	}
	return types[kind]
}

// readNumbers reads n numbers, all of a dataset, into out, as the type says.
func readNumbers(d *hdf5.Dataset, t floatType, out []byte, n int) error {
	half := C.int(0)
	if t.sent != "F32" {
		half = 1
	}
	if C.gouache_read(C.hid_t(d.ID()), half, unsafe.Pointer(unsafe.SliceData(out)), C.hssize_t(n)) < 0 {
		return errors.New("HDF5 cannot read it")
	}
	return nil
}

// forbidPlugins keeps HDF5 from loading libraries that filter data, from HDF5_PLUGIN_PATH or its own folder.
func forbidPlugins() error {
	if C.gouache_no_plugins() < 0 {
		return errors.New("HDF5 cannot be kept from loading plugins")
	}
	return nil
}
