// Package tensorboard writes runs as TensorBoard's event files, and reads event files of other programs, such as those
// of PyTorch, Keras and Lightning.
//
// A folder of event files is a run. A file is a sequence of records: the length as a uint64, its checksum, the data, its
// checksum, all little-endian. A checksum is a CRC-32C, rotated right by 15 bits, plus 0xa282ead8. The data are an Event
// of tensorflow/core/util/event.proto, whose Summary is that of tensorflow/core/framework/summary.proto; the first one
// names the version of the file. What is said of hyperparameters is that of tensorboard/plugins/hparams, plugin_data.proto
// and api.proto.
package tensorboard

import (
	"hash/crc32"

	"google.golang.org/protobuf/encoding/protowire"
)

// version is the file_version of the first event.
const version = "brain.Event:2"

// Fields of the messages, by their numbers.
const (
	eventWallTime, eventStep, eventFileVersion, eventSummary = 1, 2, 3, 5

	summaryValue = 1

	valueTag, valueSimple, valueImage, valueTensor, valueMetadata = 1, 2, 4, 8, 9

	imageHeight, imageWidth, imageColorspace, imageData = 1, 2, 3, 4

	metadataPlugin          = 1
	pluginName, pluginBytes = 1, 2

	tensorType, tensorShape, tensorContent                       = 1, 2, 4
	tensorFloat, tensorDouble, tensorInt, tensorText, tensorLong = 5, 6, 7, 8, 10

	hparamsVersion, hparamsStart, hparamsEnd = 1, 3, 4
	startHParams, startGroup, startTime      = 1, 4, 5
	endStatus, endTime                       = 1, 2
	mapKey, mapValue                         = 1, 2
	jsonNumber, jsonText, jsonBool           = 2, 3, 4 // of google.protobuf.Value
)

// Values of enumerations.
const (
	colorspaceRGB = 3

	statusSuccess, statusFailure, statusRunning = 1, 2, 3

	typeFloat, typeDouble, typeInt, typeLong = 1, 2, 3, 9
)

// Names of plugins and their tags.
const (
	pluginScalars, pluginImages, pluginHParams = "scalars", "images", "hparams"

	tagSessionStart, tagSessionEnd = "_hparams_/session_start_info", "_hparams_/session_end_info"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum returns the checksum of a record's length or data.
func checksum(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// message is an encoded message of protocol buffers.
type message []byte

func (m message) text(field protowire.Number, v string) message {
	return protowire.AppendString(protowire.AppendTag(m, field, protowire.BytesType), v)
}

func (m message) bytes(field protowire.Number, v []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
}

func (m message) number(field protowire.Number, v int64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
}

func (m message) fixed32(field protowire.Number, bits uint32) message {
	return protowire.AppendFixed32(protowire.AppendTag(m, field, protowire.Fixed32Type), bits)
}

func (m message) fixed64(field protowire.Number, bits uint64) message {
	return protowire.AppendFixed64(protowire.AppendTag(m, field, protowire.Fixed64Type), bits)
}

// field is one field of a message: its bits if it is a number, its data otherwise.
type field struct {
	number protowire.Number
	bits   uint64
	data   message
}

// each calls do with each field of a message, until the end or the first error.
func (m message) each(do func(field) error) error {
	for rest := []byte(m); len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return protowire.ParseError(n)
		}
		rest = rest[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.bits, n = protowire.ConsumeVarint(rest)
		case protowire.Fixed64Type:
			f.bits, n = protowire.ConsumeFixed64(rest)
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(rest)
			f.bits = uint64(bits)
		case protowire.BytesType:
			f.data, n = protowire.ConsumeBytes(rest)
		default:
			n = protowire.ConsumeFieldValue(number, kind, rest)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		rest = rest[n:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}
