package blobs

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// failing is a bucket of a provider whose files are all not found, by an error.
type failing struct {
	driver.Bucket
	err error
}

func (f failing) Attributes(context.Context, string) (*driver.Attributes, error) { return nil, f.err }
func (failing) ErrorCode(error) gcerrors.ErrorCode                               { return gcerrors.NotFound }
func (failing) Close() error                                                     { return nil }

// answered is an error of a provider that has the status of an answer.
type answered int

func (a answered) Error() string { return http.StatusText(int(a)) }

// TestMissing: only what a server says is not there is missing. The library takes more for that.
func TestMissing(t *testing.T) {
	Register("answers", Provider{Status: func(err error) int {
		a, _ := errors.AsType[answered](err)
		return int(a)
	}})
	defer delete(providers, "answers")
	for _, c := range []struct {
		err     error
		missing bool
	}{
		{errors.New("no such key"), true},
		{answered(http.StatusNotFound), true},
		{answered(http.StatusForbidden), false},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, false},
	} {
		b := &Bucket{name: "s3://b", bucket: blob.NewBucket(failing{err: c.err})}
		has, err := b.Has(t.Context(), "key", 1)
		if has || (err == nil) != c.missing || err != nil && strings.Contains(err.Error(), "make the bucket") {
			t.Errorf("%v: %v, %v", c.err, has, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
