package remote

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// description is docs/openapi.yaml.
type description struct {
	*openapi3.T
	router routers.Router
}

func openAPI(t *testing.T) *description {
	t.Helper()
	doc := must(openapi3.NewLoader().LoadFromFile("../../docs/openapi.yaml"))(t)
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &description{doc, must(gorillamux.NewRouter(doc))(t)}
}

// TestOpenAPI: the description has all routes, and no others.
func TestOpenAPI(t *testing.T) {
	var described, real []string
	for path, item := range openAPI(t).Paths.Map() {
		for method, operation := range item.Operations() {
			var query []string
			for _, p := range slices.Concat(item.Parameters, operation.Parameters) {
				if p.Value.In == "query" {
					query = append(query, p.Value.Name)
				}
			}
			described = append(described, method+" "+path+" "+strings.Join(query, " "))
		}
	}
	for _, r := range routes {
		method, path, query := r.parts()
		real = append(real, method+" "+strings.TrimSuffix(path, "{$}")+" "+strings.Join(query, " "))
	}
	slices.Sort(described)
	slices.Sort(real)
	if !slices.Equal(described, real) {
		t.Errorf("docs/openapi.yaml describes\n%s\nand the server has\n%s", strings.Join(described, "\n"), strings.Join(real, "\n"))
	}
}

// holds checks each request and answer against the description. Requests that the server refuses may be anything.
func (d *description) holds(t *testing.T) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler) // the client gave up
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			recorder := httptest.NewRecorder()
			h.ServeHTTP(recorder, r)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if err := d.check(r, recorder); err != nil {
				t.Errorf("%s %s: %v", r.Method, r.URL, err)
			}
			for name, values := range recorder.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(recorder.Code)
			_, _ = w.Write(recorder.Body.Bytes())
		})
	}
}

func (d *description) check(r *http.Request, answer *httptest.ResponseRecorder) error {
	route, params, err := d.router.FindRoute(r)
	if err != nil {
		return err
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
	}}
	if answer.Code < 300 {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			return err
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: answer.Code, Header: answer.Header(), Options: in.Options}
	out.SetBodyBytes(answer.Body.Bytes())
	return openapi3filter.ValidateResponse(context.Background(), out)
}
