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
	"github.com/gouache-art/gouache/tracker"
)

// Examples are URLs of buckets, for people.
const Examples = "s3://NAME, gs://NAME, azblob://NAME or file:///FOLDER"

// Provider is who keeps buckets.
type Provider struct {
	// Open opens a bucket by its URL. Its connections end when they have fallen silent, and it tries nothing again, which
	// the callers do.
	Open func(ctx context.Context, u *url.URL) (*blob.Bucket, error)
	// Credentials says what to do about them.
	Credentials string
	// Status returns the status of the answer that an error of the provider has, such as 404, and 0 for any other error.
	// It may be nil.
	Status func(err error) int
}

// opener opens buckets for the library.
type opener func(ctx context.Context, u *url.URL) (*blob.Bucket, error)

// OpenBucketURL implements blob.BucketURLOpener.
func (o opener) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	return o(ctx, u)
}

// providers are all of them, by the schemes of their URLs.
var providers = map[string]Provider{
	"file": {Open: (&fileblob.URLOpener{}).OpenBucketURL},
	"s3": {Open: openS3, Credentials: "set $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY, or use ~/.aws/credentials", Status: func(err error) int {
		if answer, ok := errors.AsType[*awshttp.ResponseError](err); ok {
			return answer.HTTPStatusCode()
		}
		return 0
	}},
}

// elsewhere are the schemes that package clouds registers.
var elsewhere = []string{"gs", "azblob"}

// Register makes a provider known by the scheme of its URLs. It is meant to be called by an init function, like
// [image.RegisterFormat].
//
// [image.RegisterFormat]: https://pkg.go.dev/image#RegisterFormat
func Register(scheme string, p Provider) { providers[scheme] = p }

// status returns the status of the answer that an error has, or 0.
func status(err error) int {
	for _, p := range providers {
		if p.Status == nil {
			continue
		}
		if code := p.Status(err); code != 0 {
			return code
		}
	}
	return 0
}

// openURL opens a bucket. The parts prefix and key of its query are of all providers.
func openURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	var mux blob.URLMux
	mux.RegisterBucket(u.Scheme, opener(providers[u.Scheme].Open))
	return mux.OpenBucketURL(ctx, u)
}

func openS3(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
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
	if client.Options().Region == "" {
		return nil, tracker.Errorf(tracker.CodeInvalid, "the bucket s3://%s has no region: add region=us-east-1 to its URL, or the region in which it is, or set $AWS_REGION", u.Host)
	}
	// The library reads the URL, and has connections of its own. Its client is made anew with others.
	return s3blob.OpenBucket(ctx, s3.New(client.Options(), func(o *s3.Options) {
		if c, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = c.WithDialerOptions(func(d *net.Dialer) { *d = *connect.Dialer(d.Timeout) })
		}
	}), u.Host, &opener.Options)
}
