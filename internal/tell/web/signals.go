package web

import (
	"context"
	"html/template"
	"net/http"
)

// Signals gives the body of a page about what resolvers say of the keys that
// they trust (RFC 8145), handed in as the judges made it; with the addresses of
// sources for those who may see them.
type Signals func(ctx context.Context, addresses bool) (template.HTML, error)

// signalsPath is the page of key tag signals.
const signalsPath = "/signals"

func (s *Site) serveSignals(w http.ResponseWriter, r *http.Request) error {
	body, err := s.config.Signals(r.Context(), s.session(r).staff)
	if err != nil {
		return err
	}
	return s.show(w, r, shell{Title: "Which keys resolvers trust", Nav: rootPath}, "signals", body)
}
