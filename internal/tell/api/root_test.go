package api

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

func TestRoot(t *testing.T) {
	rec, clock := watched(t)
	at := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	h := New(Config{Root: func(context.Context) (holdfast.RootState, error) {
		return holdfast.RootState{At: at, Set: &holdfast.RootSet{Phase: holdfast.RootSwitched, TTL: 172800, Keys: []holdfast.RootSetKey{{Tag: 38696, Shown: 38696, KSK: true, Signs: true}}}}, nil
	}}, rec, clock)
	w := ask(h, "GET", "/api/v1/root", "", "")
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var got holdfast.RootState
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Set == nil || got.Set.Phase != holdfast.RootSwitched || !got.At.Equal(at) || got.Set.Keys[0].Tag != 38696 {
		t.Errorf("got %+v", got)
	}
	if described := ask(h, "GET", "/api/v1/openapi.json", "", ""); !strings.Contains(described.Body.String(), `"/api/v1/root"`) {
		t.Error("the description does not know /root")
	}
	if w := ask(New(Config{}, rec, clock), "GET", "/api/v1/root", "", ""); w.Code != 404 {
		t.Errorf("without a source the answer has status %d", w.Code)
	}
}
