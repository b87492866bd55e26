package main

import (
	"log/slog"
	"net/http"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/mlflow"
	"github.com/gouache-art/gouache/tracker/remote"
)

// programs answers other programs: with the JSON API of a store, and as MLflow's server would.
type programs struct {
	*http.ServeMux
	api    *remote.Handler
	mlflow *mlflow.Handler
}

func newPrograms(store tracker.Store, admit remote.Admit, log *slog.Logger) *programs {
	p := &programs{
		http.NewServeMux(),
		remote.NewHandler(store, admit, remote.Options{Version: versionText(), Log: log}),
		mlflow.NewHandler(store, mlflow.Options{Log: log, Admit: admit}),
	}
	p.Handle(remote.Prefix+"/", p.api)
	p.Handle(mlflow.Prefix, p.mlflow)
	return p
}

// Close ends what runs beside the requests. The store may be closed after that.
func (p *programs) Close() {
	p.api.Close() // a server that shuts down would wait for those who wait for changes
	p.mlflow.Close()
}
