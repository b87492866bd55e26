package imagefile

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
)

// The codes of runs of white and black pixels: of 0 to 63 pixels, then of 64, 128 and so on to 1728 (ITU-T T.4, tables 2
// and 3a), and those of 1792 to 2560, which both have (3b).
const whiteRuns = `
	00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010
	101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010
	00000011 00011010 00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 00101010
	00101011 00101100 00101101 00000100 00000101 00001010 00001011 01010010 01010011 01010100 01010101 00100100
	00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 00110011 00110100 11011 10010 010111
	0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010 011010011
	011010100 011010101 011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001 010011010
	011000 010011011`

const blackRuns = `
	0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000
	0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111
	00000011000 000011001010 000011001011 000011001100 000011001101 000001101000 000001101001 000001101010
	000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111 000001101100
	000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 000001100100
	000001100101 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000
	000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111 0000001111
	000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 0000001101101
	0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100
	0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101
	0000001011010 0000001011011 0000001100100 0000001100101`

const longRuns = `
	00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110
	000000010111 000000011100 000000011101 000000011110 000000011111`

// modeCodes are the codes of a line that refers to the one above, by their mode (T.4, table 4).
var modeCodes = map[int]string{
	faxPass: "0001", faxAcross: "001", faxExtension: "0000001",
	faxDown - 3: "0000010", faxDown - 2: "000010", faxDown - 1: "010", faxDown: "1",
	faxDown + 1: "011", faxDown + 2: "000011", faxDown + 3: "0000011",
}

const (
	faxPass = iota
	faxAcross
	faxExtension
	_
	_
	_
	faxDown // straight down; up to 3 pixels to the left have smaller numbers, to the right larger ones
)

// faxCode is what a code means, and how many bits it has; none if there is no such code.
type faxCode struct{ value, length int }

// faxTable is indexed by the next bits of a file, as many as the longest code has.
type faxTable [1 << faxBits]faxCode

const faxBits = 13

func (t *faxTable) set(code string, value int) {
	first, _ := strconv.ParseUint(code, 2, faxBits)
	free := faxBits - len(code)
	for i := range 1 << free {
		t[int(first)<<free+i] = faxCode{value, len(code)}
	}
}

// faxTables are those of white runs, black runs and modes.
var faxTables = sync.OnceValue(func() *[3]faxTable {
	var tables [3]faxTable
	for i, text := range []string{whiteRuns, blackRuns} {
		for n, code := range strings.Fields(text + longRuns) {
			tables[i].set(code, max(n, 64*(n-63)))
		}
	}
	for mode, code := range modeCodes {
		tables[2].set(code, mode)
	}
	return &tables
})

// Options of T.4.
const (
	fax2D           = 1
	faxUncompressed = 2
)

// fax reads lines of runs. golang.org/x/image/ccitt reads neither lines that refer to others in group 3, nor fill bits,
// nor compression 2.
type fax struct {
	data   []byte
	at     int // bit
	width  int
	tables *[3]faxTable
}

var errFaxCode = errors.New("its fax has a wrong code")

// unpackFax fills a buffer with lines of a bit a pixel, of which 1 is black.
func unpackFax(ctx context.Context, buffer, packed []byte, width, rows, pack, options int) error {
	if options&faxUncompressed != 0 && pack == packG3 {
		return unread("a fax with uncompressed parts")
	}
	f := &fax{packed, 0, width, faxTables()}
	clear(buffer)
	var above, line []int // where colours change, the first time to black
	for y := range rows {
		if y%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		refers := pack == packG4
		switch pack {
		case packRLE:
			f.at = (f.at + 7) &^ 7
		case packG3:
			f.endOfLine()
			if options&fax2D != 0 {
				refers = f.next(1) == 0
				f.at++
			}
		}
		if f.at >= 8*len(packed) {
			return cutOff()
		}
		var err error
		if refers {
			line, err = f.refer(line[:0], above)
		} else {
			line, err = f.runs(line[:0])
		}
		if err != nil {
			return err
		}
		paint(buffer[y*((width+7)/8):], line, width)
		above, line = line, above
	}
	return nil
}

// next returns the next n bits, at most 16; beyond the end they are 0.
func (f *fax) next(n int) int {
	var v uint32
	for i := range 3 {
		v <<= 8
		if k := f.at/8 + i; k < len(f.data) {
			v |= uint32(f.data[k])
		}
	}
	return int(v << (8 + f.at%8) >> (32 - n))
}

// endOfLine skips the code that ends lines, and the zeros before it, if it comes next.
func (f *fax) endOfLine() {
	at := f.at
	for at < 8*len(f.data) && f.data[at/8]<<(at%8)>>7 == 0 {
		if at++; at%8 == 0 {
			for at/8 < len(f.data) && f.data[at/8] == 0 {
				at += 8
			}
		}
	}
	if at-f.at >= 11 && at < 8*len(f.data) {
		f.at = at + 1
	}
}

// code returns what the next code of a table means.
func (f *fax) code(table int) (int, error) {
	c := f.tables[table][f.next(faxBits)]
	if c.length == 0 && f.at+faxBits > 8*len(f.data) || f.at+c.length > 8*len(f.data) {
		return 0, cutOff()
	}
	if c.length == 0 {
		return 0, errFaxCode
	}
	f.at += c.length
	return c.value, nil
}

// run returns the length of the next run of a colour.
func (f *fax) run(colour int) (int, error) {
	sum := 0
	for {
		n, err := f.code(colour)
		if err != nil {
			return 0, err
		}
		if sum += n; n < 64 {
			return sum, nil
		}
		if sum > f.width {
			return 0, errFaxCode
		}
	}
}

// runs appends the changes of a line from its runs, white first.
func (f *fax) runs(line []int) ([]int, error) {
	for at := 0; at < f.width; at = line[len(line)-1] {
		var err error
		if line, err = f.across(line, at, 1); err != nil {
			return nil, err
		}
	}
	return line, nil
}

// refer appends the changes of a line that refer to those of the line above (T.4, section 4.2.1.3.1).
func (f *fax) refer(line, above []int) ([]int, error) {
	change := func(i int) int {
		if i < len(above) {
			return above[i]
		}
		return f.width
	}
	at, first := 0, 0 // where the line has come to, and the change above that is next to the right
	for begun := false; at < f.width; begun = true {
		// The first change above beyond at, to the colour that the line does not have.
		for first = max(first-2, 0); first%2 != len(line)%2 || change(first) <= at && (begun || change(first) < at) && change(first) < f.width; {
			first++
		}
		mode, err := f.code(2)
		switch {
		case err != nil:
			return nil, err
		case mode == faxExtension:
			return nil, unread("a fax with uncompressed parts")
		case mode == faxPass:
			at = change(first + 1)
		case mode == faxAcross:
			if line, err = f.across(line, at, 2); err != nil {
				return nil, err
			}
			at = line[len(line)-1]
		default:
			to := change(first) + mode - faxDown
			if to < at || to > f.width {
				return nil, errFaxCode
			}
			at = to
			line = append(line, at)
		}
	}
	return line, nil
}

// across appends changes from their runs, of which the first begins at from.
func (f *fax) across(line []int, from, count int) ([]int, error) {
	for range count {
		n, err := f.run(len(line) % 2)
		if err != nil {
			return nil, err
		}
		if from += n; from > f.width {
			return nil, errFaxCode
		}
		line = append(line, from)
	}
	return line, nil
}

// paint sets the bits of a line between each change to black and the next.
func paint(row []byte, line []int, width int) {
	for i := 0; i < len(line); i += 2 {
		to := width
		if i+1 < len(line) {
			to = line[i+1]
		}
		for x := line[i]; x < to; x++ {
			row[x/8] |= 0x80 >> (x % 8)
		}
	}
}
