// Package databases lets package stores open stores in PostgreSQL, postgres://, with their pictures in S3 or a folder:
//
//	import _ "github.com/gouache-art/gouache/tracker/stores/databases"
//
// It is apart since the libraries of the two make a program 25 MB larger, and each cell of a notebook is a program: a quarter
// of the time to build one was theirs. Package blobs/clouds adds Google's and Azure's object stores.
package databases

import (
	"context"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/postgres"
	"github.com/gouache-art/gouache/tracker/stores"
)

func init() { stores.Register(open) }

func open(ctx context.Context, place string, o stores.Options) (tracker.Store, error) {
	db, err := postgres.Open(ctx, place, postgres.Options{ReadOnly: o.ReadOnly, Blobs: o.Blobs})
	if err != nil {
		return nil, err // and no typed nil
	}
	return db, nil
}
