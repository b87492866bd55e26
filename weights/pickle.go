package weights

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// The pickles of PyTorch's files are programs for a machine with a stack. unpickle runs those instructions that a
// dictionary of tensors consists of, as torch.load with weights_only does: it makes dictionaries, lists, numbers, texts,
// and what PyTorch knows as tensors. It calls nothing. A pickle is read once, its bytes and its instructions are bounded,
// no instruction takes longer than the bytes that it reads and the values that it removes, and whatever else it asks for
// is an error.
//
// The instructions are those of Python's pickletools, protocols 2 to 4. (A library was looked at, gopickle 0.3.0: it makes
// room for whatever length a text claims, and takes a short read of numbers for a whole one.)

const (
	maxPickle      = 16 << 20 // bytes: compressed, a thousand times as many fit into a file
	maxPickleText  = 1 << 16  // bytes of a text
	maxPickleSteps = 1 << 20  // instructions; a VGG19 has some 2000
	maxPickleRank  = 16       // dimensions of a tensor
)

type (
	// pickled is a dictionary, in the order of its keys. Keys that are no text are left out.
	pickled struct {
		keys   []string
		values []any
	}
	// pickledList is a list.
	pickledList struct{ values []any }
	// pickledClass is a class or a function by its name, such as "torch FloatStorage".
	pickledClass string
	// pickledStorage is where a file keeps numbers.
	pickledStorage struct {
		class pickledClass
		key   string
		size  int64 // in numbers
	}
	// pickledTensor is a part of a storage.
	pickledTensor struct {
		storage         pickledStorage
		offset          int64
		shape, distance []int64 // in numbers
	}
	// opaque is a value that nobody needs.
	opaque struct{}
	mark   struct{}
)

// unpickle reads one pickle and no byte more.
func unpickle(r *bufio.Reader) (value any, err error) {
	m := pickleMachine{r: r, memo: map[int]any{}}
	for range maxPickleSteps {
		code, err := r.ReadByte()
		if err != nil {
			return nil, fmt.Errorf("the pickle is truncated: %w", err)
		}
		m.took(1)
		if code == '.' {
			return m.pop(), m.err
		}
		if m.step(code); m.err != nil {
			return nil, m.err
		}
	}
	return nil, errLongPickle
}

var errLongPickle = errors.New("the pickle is longer than that of any network")

// pickleMachine is the state between two instructions. After an error it does nothing.
type pickleMachine struct {
	r     *bufio.Reader
	read  int // bytes
	stack []any
	memo  map[int]any
	err   error
}

// took counts bytes that were read.
func (m *pickleMachine) took(n int) {
	if m.read += n; m.read > maxPickle && m.err == nil {
		m.err = errLongPickle
	}
}

func (m *pickleMachine) push(v any) { m.stack = append(m.stack, v) }

func (m *pickleMachine) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf("the pickle is damaged: "+format, args...)
	}
}

func (m *pickleMachine) pop() any {
	if len(m.stack) == 0 {
		m.fail("it takes a value where there is none")
		return nil
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v
}

// popMark returns the values above the latest mark, which it removes, too.
func (m *pickleMachine) popMark() []any {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if m.stack[i] == any(mark{}) {
			values := append([]any{}, m.stack[i+1:]...)
			m.stack = m.stack[:i]
			return values
		}
	}
	m.fail("it has no mark")
	return nil
}

// popN returns the n last values.
func (m *pickleMachine) popN(n int) []any {
	values := make([]any, n)
	for i := range n {
		values[n-1-i] = m.pop()
	}
	return values
}

func (m *pickleMachine) bytes(n uint64) []byte {
	if n > maxPickleText {
		m.fail("a text of %d bytes", n)
		return nil
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(m.r, b); err != nil {
		m.fail("it is truncated")
		clear(b)
	}
	m.took(len(b))
	return b
}

// number reads an unsigned number of n bytes, little-endian.
func (m *pickleMachine) number(n int) uint64 {
	var b [8]byte
	copy(b[:], m.bytes(uint64(n)))
	return binary.LittleEndian.Uint64(b[:])
}

func (m *pickleMachine) line() string {
	text, err := m.r.ReadSlice('\n')
	if err != nil {
		m.fail("a line does not end")
		return ""
	}
	m.took(len(text))
	return string(text[:len(text)-1])
}

func (m *pickleMachine) step(code byte) {
	switch code {
	case 0x80: // PROTO
		m.number(1)
	case 0x95: // FRAME
		m.number(8)
	case '(':
		m.push(mark{})
	case '}':
		m.push(&pickled{})
	case ']':
		m.push(&pickledList{})
	case ')':
		m.push([]any{})
	case 't':
		m.push(m.popMark())
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		m.push(m.popN(int(code - 0x84)))
	case 'N':
		m.push(opaque{})
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		m.push(code == 0x88)
	case 'J':
		m.push(int64(int32(m.number(4))))
	case 'K':
		m.push(int64(m.number(1)))
	case 'M':
		m.push(int64(m.number(2)))
	case 0x8a: // LONG1
		m.push(long(m.bytes(m.number(1))))
	case 'G':
		m.push(math.Float64frombits(binary.BigEndian.Uint64(append(m.bytes(8), make([]byte, 8)...))))
	case 'X': // BINUNICODE
		m.push(string(m.bytes(m.number(4))))
	case 0x8c: // SHORT_BINUNICODE
		m.push(string(m.bytes(m.number(1))))
	case 'U': // SHORT_BINSTRING
		m.push(string(m.bytes(m.number(1))))
	case 'c':
		m.push(pickledClass(m.line() + " " + m.line()))
	case 0x93: // STACK_GLOBAL
		names := m.popN(2)
		module, isText := names[0].(string)
		name, also := names[1].(string)
		if !isText || !also { // tuples of tuples would print as more than any memory holds
			m.fail("it names a class with what is no text")
		}
		m.push(pickledClass(module + " " + name))
	case 'q':
		m.put(int(m.number(1)))
	case 'r':
		m.put(int(m.number(4)))
	case 0x94: // MEMOIZE
		m.put(len(m.memo))
	case 'h':
		m.get(int(m.number(1)))
	case 'j':
		m.get(int(m.number(4)))
	case 's':
		m.set(m.popN(2))
	case 'u':
		m.set(m.popMark())
	case 'a':
		m.append(m.popN(1))
	case 'e':
		m.append(m.popMark())
	case 'b': // BUILD: the attributes of a dictionary do not matter
		m.pop()
	case 'Q':
		m.push(m.storage(m.pop()))
	case 'R':
		arguments := m.pop()
		m.push(m.call(m.pop(), arguments))
	default:
		m.fail("it has the instruction %q, which no dictionary of tensors needs", code)
	}
}

// long decodes a number in two's complement. One that is longer than eight bytes is cut off: there is only PyTorch's magic.
func long(b []byte) int64 {
	var n [8]byte
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		n = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	copy(n[:], b)
	return int64(binary.LittleEndian.Uint64(n[:]))
}

func (m *pickleMachine) put(i int) {
	v := m.pop()
	m.push(v)
	m.memo[i] = v
}

func (m *pickleMachine) get(i int) {
	v, ok := m.memo[i]
	if !ok {
		m.fail("it has no value %d", i)
	}
	m.push(v)
}

// set adds keys and values to the dictionary below them.
func (m *pickleMachine) set(pairs []any) {
	d, ok := m.pop().(*pickled)
	if !ok || len(pairs)%2 != 0 {
		m.fail("it sets what is no dictionary")
		return
	}
	for i := 0; i < len(pairs); i += 2 {
		if key, ok := pairs[i].(string); ok {
			d.keys, d.values = append(d.keys, key), append(d.values, pairs[i+1])
		}
	}
	m.push(d)
}

// append adds values to the list below them.
func (m *pickleMachine) append(values []any) {
	l, ok := m.pop().(*pickledList)
	if !ok {
		m.fail("it adds to what is no list")
		return
	}
	l.values = append(l.values, values...)
	m.push(l)
}

// storage makes a storage of its persistent id: "storage", its class, its key, its device and its size.
func (m *pickleMachine) storage(id any) any {
	if parts, ok := id.([]any); ok && len(parts) >= 5 && parts[0] == any("storage") {
		class, okClass := parts[1].(pickledClass)
		key, okKey := parts[2].(string)
		size, okSize := parts[4].(int64)
		if okClass && okKey && okSize && size >= 0 {
			return pickledStorage{class, key, size}
		}
	}
	return opaque{}
}

// call makes what the few functions make that dictionaries of tensors need.
func (m *pickleMachine) call(function, arguments any) any {
	class, _ := function.(pickledClass)
	list, _ := arguments.([]any)
	switch class {
	case "collections OrderedDict":
		return &pickled{}
	case "torch._utils _rebuild_parameter":
		if len(list) > 0 {
			return list[0]
		}
	case "torch._utils _rebuild_tensor_v2":
		if len(list) >= 4 {
			storage, ok := list[0].(pickledStorage)
			offset, okOffset := list[1].(int64)
			shape, okShape := whole(list[2])
			distance, okDistance := whole(list[3])
			if ok && okOffset && okShape && okDistance {
				return pickledTensor{storage, offset, shape, distance}
			}
		}
	}
	return opaque{}
}

// whole returns a tuple of whole numbers, as many as a tensor has dimensions. A longer one could be that of each tensor.
func whole(tuple any) (numbers []int64, ok bool) {
	values, ok := tuple.([]any)
	if len(values) > maxPickleRank {
		return nil, false
	}
	for _, v := range values {
		n, isWhole := v.(int64)
		if !isWhole {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, ok
}

// tensors returns the tensors of a dictionary, or of the one in it that is called state_dict, in their order.
func (d *pickled) tensors() (names []string, tensors []pickledTensor) {
	if i := slices.Index(d.keys, "state_dict"); i >= 0 {
		if inner, ok := d.values[i].(*pickled); ok {
			d = inner
		}
	}
	for i, name := range d.keys {
		if t, ok := d.values[i].(pickledTensor); ok {
			names, tensors = append(names, strings.TrimPrefix(name, "module.")), append(tensors, t)
		}
	}
	return names, tensors
}
