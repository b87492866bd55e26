package blobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcp"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"github.com/gouache-art/gouache/internal/connect"
)

// Examples are URLs of buckets, for people.
const Examples = "s3://NAME, gs://NAME, azblob://NAME or file:///FOLDER"

// provider is who keeps buckets.
type provider struct {
	open        opener
	credentials string // what to do about them
}

// opener opens a bucket by its URL. Connections end when they have fallen silent, and nothing is tried again, which the
// callers do.
type opener func(ctx context.Context, u *url.URL) (*blob.Bucket, error)

// OpenBucketURL implements blob.BucketURLOpener.
func (o opener) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	return o(ctx, u)
}

// providers are all of them, by the schemes of their URLs.
var providers = map[string]provider{
	"file":   {open: (&fileblob.URLOpener{}).OpenBucketURL},
	"s3":     {openS3, "set $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY, or use ~/.aws/credentials"},
	"gs":     {openGCS, "set $GOOGLE_APPLICATION_CREDENTIALS to the file of a service account's key, or call gcloud auth application-default login"},
	"azblob": {openAzure, "set $AZURE_STORAGE_ACCOUNT, and $AZURE_STORAGE_KEY, $AZURE_STORAGE_SAS_TOKEN or $AZURE_STORAGE_CONNECTION_STRING, or call az login"},
}

// openURL opens a bucket. The parts prefix and key of its query are of all providers.
func openURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	var mux blob.URLMux
	mux.RegisterBucket(u.Scheme, providers[u.Scheme].open)
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
	// The library reads the URL, and has connections of its own. Its client is made anew with others.
	return s3blob.OpenBucket(ctx, s3.New(client.Options(), func(o *s3.Options) {
		if c, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = c.WithDialerOptions(func(d *net.Dialer) { *d = *connect.Dialer(d.Timeout) })
		}
	}), u.Host, &opener.Options)
}

// transport returns connections to the servers of a provider.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = connect.Dialer(30 * time.Second).DialContext
	t.MaxIdleConnsPerHost = 16
	return t
}

// noQuery refuses what is left of a URL's query.
func noQuery(u *url.URL) error {
	for _, name := range slices.Sorted(maps.Keys(u.Query())) {
		return fmt.Errorf("there is no %.40q for %s: leave it out", name, u.Scheme)
	}
	return nil
}

func openGCS(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	if err := noQuery(u); err != nil {
		return nil, err
	}
	connections := transport()
	anonymous := gcp.NewAnonymousHTTPClient(connections)
	client := anonymous
	if os.Getenv("STORAGE_EMULATOR_HOST") == "" { // which Google's library reads, too
		ctx := context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, &anonymous.Client) // credentials are renewed as long as the bucket is open
		credentials, err := gcp.DefaultCredentials(ctx)
		if err == nil {
			client, err = gcp.NewHTTPClient(connections, credentials.TokenSource)
		}
		if err != nil {
			return nil, err
		}
	}
	service, err := storage.NewClient(ctx, option.WithHTTPClient(&client.Client))
	if err != nil {
		return nil, err
	}
	service.SetRetry(storage.WithPolicy(storage.RetryNever))
	return gcsblob.OpenBucket(ctx, nil, u.Host, &gcsblob.Options{Client: service})
}

func openAzure(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	o := azureblob.NewDefaultServiceURLOptions()
	if o.AccountName == "" && u.Query().Get("storage_account") == "" {
		return nil, errors.New("the name of the storage account is missing: set $AZURE_STORAGE_ACCOUNT, or add ?storage_account=NAME")
	}
	opener := &azureblob.URLOpener{MakeClient: newContainer, ServiceURLOptions: *o}
	return opener.OpenBucketURL(ctx, u)
}

// newContainer returns a client with the credentials of the environment, which are those that the library takes.
func newContainer(service azureblob.ServiceURL, name azureblob.ContainerName) (*container.Client, error) {
	at, err := url.JoinPath(string(service), string(name))
	if err != nil {
		return nil, err
	}
	core := policy.ClientOptions{Transport: &http.Client{Transport: transport()}, Retry: policy.RetryOptions{MaxRetries: -1}}
	o := &container.ClientOptions{ClientOptions: core}
	account, key := os.Getenv("AZURE_STORAGE_ACCOUNT"), os.Getenv("AZURE_STORAGE_KEY")
	all := cmp.Or(os.Getenv("AZURE_STORAGE_CONNECTION_STRING"), os.Getenv("AZURE_STORAGEBLOB_CONNECTIONSTRING"))
	switch {
	case account != "" && key != "":
		shared, err := container.NewSharedKeyCredential(account, key)
		if err != nil {
			return nil, fmt.Errorf("$AZURE_STORAGE_KEY: %w", err)
		}
		return container.NewClientWithSharedKeyCredential(at, shared, o)
	case os.Getenv("AZURE_STORAGE_SAS_TOKEN") != "": // it is in the URL
		return container.NewClientWithNoCredential(at, o)
	case all != "":
		return container.NewClientFromConnectionString(all, string(name), o)
	}
	credential, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: core})
	if err != nil {
		return nil, err
	}
	return container.NewClient(at, credential, o)
}
