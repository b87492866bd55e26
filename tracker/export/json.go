package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// JSON writes one document with everything except the contents of pictures and files:
//
//	{"runs":[{"id":…, …, "pictures":[{"role":…, "hash":…, …}], "files":[{"name":…, "hash":…, …}], "curves":[{"name":…, "points":[[step, value], …], "total":…}]}]}
//
// A run's own fields are those of [tracker.Run]. points is the most points of a curve, selected as
// [tracker.Downsample] does; 0 writes all. Values that are not finite are the strings "NaN", "+Inf"
// and "-Inf". What is not printable is escaped.
func JSON(ctx context.Context, w io.Writer, reader tracker.Reader, ids []string, points int) error {
	out := bufio.NewWriter(terminal.JSONWriter(sink{w}))
	between := "{\"runs\":[\n"
	err := Each(ctx, reader, ids, func(run *tracker.Run, pictures []tracker.Picture) error {
		files, err := reader.Files(ctx, run.ID)
		if err != nil {
			return err
		}
		object, err := json.Marshal(struct {
			*tracker.Run
			Pictures []tracker.Picture `json:"pictures"`
			Files    []tracker.File    `json:"files"`
		}{run, append([]tracker.Picture{}, pictures...), files})
		if err != nil {
			return err
		}
		out.WriteString(between) // Flush returns the errors of out
		out.Write(bytes.TrimSuffix(object, []byte("}")))
		out.WriteString(`,"curves":[`)
		between = "\n" // each curve is on a separate line
		err = EachCurve(ctx, reader, run, points, func(c *tracker.Curve) error {
			text, err := json.Marshal(c)
			out.WriteString(between)
			out.Write(text)
			between = ",\n"
			return err
		})
		out.WriteString("]}")
		between = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	out.WriteString("\n]}\n")
	return out.Flush()
}
