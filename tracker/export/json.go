package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"

	"github.com/gouache-art/gouache/tracker"
)

// JSON writes one document with everything except the pictures' files:
//
//	{"runs":[{"id":…, …, "pictures":[{"role":…, "hash":…, …}], "curves":[{"name":…, "points":[[step, value], …], "total":…}]}]}
//
// A run's own fields are those of [tracker.Run]. points is the most points of a curve, selected as
// [tracker.Downsample] does; 0 writes all. Values that are not finite are the strings "NaN", "+Inf"
// and "-Inf".
func JSON(ctx context.Context, w io.Writer, reader tracker.Reader, ids []string, points int) error {
	if err := checkIDs(ids); err != nil {
		return err
	}
	out := bufio.NewWriter(sink{w})
	between := "{\"runs\":[\n"
	for _, id := range ids {
		out.WriteString(between) // Flush returns its errors
		if err := writeRun(ctx, out, reader, id, points); err != nil {
			return err
		}
		between = ",\n"
	}
	out.WriteString("\n]}\n")
	return out.Flush()
}

// writeRun writes a run's object: first everything except the curves, then each curve on a separate
// line.
func writeRun(ctx context.Context, out *bufio.Writer, reader tracker.Reader, id string, points int) error {
	run, err := reader.Run(ctx, id)
	if err != nil {
		return err
	}
	pictures, err := reader.Pictures(ctx, id, tracker.PictureQuery{})
	if err != nil {
		return err
	}
	if pictures == nil {
		pictures = []tracker.Picture{}
	}
	object, err := json.Marshal(struct {
		*tracker.Run
		Pictures []tracker.Picture `json:"pictures"`
	}{run, pictures})
	if err != nil {
		return err
	}
	out.Write(bytes.TrimSuffix(object, []byte("}")))
	out.WriteString(`,"curves":[`)
	between := "\n"
	err = eachCurve(ctx, reader, run, points, func(c *tracker.Curve) error {
		text, err := json.Marshal(c)
		out.WriteString(between)
		out.Write(text)
		between = ",\n"
		return err
	})
	out.WriteString("]}")
	return err
}
