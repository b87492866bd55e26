package h5

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/gouache-art/gouache/weights"
)

// The program asks its child in JSON. The child answers with JSON behind its length, then with numbers. The first
// answer, which lists the tensors, needs no question.
type (
	question struct {
		Attribute *attributeName `json:",omitempty"`
		Read      int            // a tensor, if no attribute is asked for
	}
	attributeName struct{ Group, Name string }

	answer struct {
		Error   string           `json:",omitempty"`
		Tensors []weights.Tensor `json:",omitempty"`
		Values  []string         // of the attribute
		Sent    string           `json:",omitempty"` // the type of the numbers, as package tensorfile calls it
		Bytes   int64            `json:",omitempty"` // so many follow: the numbers
	}
)

// maxAnswer bounds the JSON, in bytes. The tensors of VGG19 take 10 kB.
const maxAnswer = 16 << 20

func writeAnswer(w io.Writer, a answer, numbers []byte) error {
	a.Bytes = int64(len(numbers))
	text, err := json.Marshal(a)
	if err == nil && len(text) > maxAnswer {
		text, err = json.Marshal(answer{Error: "its names take more room than those of any file of weights"})
		numbers = nil
	}
	if err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	_, err = w.Write(numbers)
	return err
}

// readAnswer reads an answer but for its numbers. The child may have been taken over by the file that it reads.
func readAnswer(r io.Reader) (a answer, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return a, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size > maxAnswer {
		return a, fmt.Errorf("the answer has %d bytes", size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return a, err
	}
	return a, json.Unmarshal(text, &a)
}
