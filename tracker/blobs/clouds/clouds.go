// Package clouds lets package blobs open buckets of Google Cloud Storage, gs://, and of Azure Blob Storage, azblob://:
//
//	import _ "github.com/gouache-art/gouache/tracker/blobs/clouds"
//
// It is apart since the libraries of the two make a program 42 MB larger, and each cell of a notebook is a program: 1.5 s
// of its 3.6 s to build were theirs.
package clouds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/gouache-art/gouache/internal/connect"
	"github.com/gouache-art/gouache/tracker/blobs"
)

func init() {
	blobs.Register("gs", blobs.Provider{
		Open:        openGCS,
		Credentials: "set $GOOGLE_APPLICATION_CREDENTIALS to the file of a service account's key, or call gcloud auth application-default login",
		Status: func(err error) int {
			if answer, ok := errors.AsType[*googleapi.Error](err); ok {
				return answer.Code
			}
			return 0
		},
	})
	blobs.Register("azblob", blobs.Provider{
		Open:        openAzure,
		Credentials: "set $AZURE_STORAGE_ACCOUNT, and $AZURE_STORAGE_KEY, $AZURE_STORAGE_SAS_TOKEN or $AZURE_STORAGE_CONNECTION_STRING, or call az login",
		Status: func(err error) int {
			if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
				return answer.StatusCode
			}
			return 0
		},
	})
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
