package blobs

import (
	"context"
	"errors"
	"net"
	"net/url"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"

	"github.com/gouache-art/gouache/internal/connect"
)

// providers open buckets by their URLs. Their connections end when they have fallen silent.
var providers = func() *blob.URLMux {
	mux := &blob.URLMux{}
	mux.RegisterBucket("file", &fileblob.URLOpener{})
	mux.RegisterBucket("s3", s3Opener{})
	return mux
}()

type s3Opener struct{}

func (s3Opener) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	q := u.Query()
	q.Set("response_checksum_validation", "when_required") // Open compares better ones, and the SDK warns of files that were sent in parts
	u.RawQuery = q.Encode()
	opener := &s3blob.URLOpener{}
	bucket, err := opener.OpenBucketURL(ctx, u)
	if err != nil {
		return nil, err
	}
	var client *s3.Client
	if !bucket.As(&client) {
		return nil, errors.New("the library has no client of S3")
	}
	// The library reads the URL, and has connections of its own. Its client is made anew with others.
	return s3blob.OpenBucket(ctx, s3.New(client.Options(), func(o *s3.Options) {
		if c, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = c.WithDialerOptions(func(d *net.Dialer) { *d = *connect.Dialer(d.Timeout) })
		}
	}), u.Host, &opener.Options)
}
