package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/holdfastdns/holdfast"
)

// rootRoutes are the root's keys; without a source of them the operation is not
// there.
func (a *api) rootRoutes() {
	if a.config.Root == nil {
		return
	}
	register(a, huma.Operation{
		OperationID: "root", Method: http.MethodGet, Path: "/root",
		Summary:     "The root's keys: who signs, which phase of a rollover, what comes next",
		Description: "The DNSKEY RRset as most of the root's servers gave it at the last look, the calendar of the root's key-signing keys with the source of each date, the steps still to come or overdue, and what signed key responses promise. A date with planned: true was announced and is confirmed by no source at hand.",
	}, func(ctx context.Context, _ *struct{}) (holdfast.RootState, error) { return a.config.Root(ctx) })
}
