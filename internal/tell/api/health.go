package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/holdfastdns/holdfast"
)

// sweepsLooked is how many sweeps are read to find the last finished ones of
// each depth: of the many small ones of a zone in trouble, some may lie between.
const sweepsLooked = 50

// readyWait bounds how long the record may take to answer.
const readyWait = 5 * time.Second

// serveHealth says that the process is alive, nothing else.
func serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("alive\n")) // the asker may have gone
}

// serveReady says whether what the pages show is to be relied on: the record
// answers, and a sweep was finished not long ago.
func (a *api) serveReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWait)
	defer cancel()
	sweeps, err := a.record.Sweeps(ctx, sweepsLooked)
	if err != nil {
		a.config.Log.Error("not ready", "error", err)
		writeProblem(w, http.StatusServiceUnavailable, "the record does not answer")
		return
	}
	last := lastFinished(sweeps)
	age := a.clock.Now().Sub(last.Finished)
	switch {
	case last.Finished.IsZero():
		writeProblem(w, http.StatusServiceUnavailable, "no sweep has been finished yet")
	case age > a.config.ReadyAge:
		writeProblem(w, http.StatusServiceUnavailable, fmt.Sprintf("the last sweep ended %s ago, at %s", age.Round(time.Second), last.Finished.UTC().Format(time.RFC3339)))
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ready\n"))
	}
}

func lastFinished(sweeps []holdfast.Sweep) holdfast.Sweep {
	var last holdfast.Sweep
	for _, s := range sweeps {
		if s.Finished.After(last.Finished) {
			last = s
		}
	}
	return last
}

// writeProblem writes an RFC 9457 problem where no operation of the
// description is at work.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	text, err := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
	if err != nil { // two strings and a number can be written
		text = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}
