package web

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"testing"
)

// TestSignalsPage shows what was handed in, asks for addresses for staff only,
// and says what to do where nothing was collected.
func TestSignalsPage(t *testing.T) {
	rec, clock := newRecord(t), &stillClock{}
	asked := []bool{}
	body, fails := template.HTML("<p>A hundred sources.</p>"), error(nil)
	site := New(Config{StaffToken: "token", Signals: func(_ context.Context, addresses bool) (template.HTML, error) {
		asked = append(asked, addresses)
		return body, fails
	}}, rec, clock)
	if text := soundPage(t, get(t, site, "/signals"), http.StatusOK); !strings.Contains(text, string(body)) {
		t.Errorf("the page:\n%s", text)
	}
	body = ""
	if text := soundPage(t, get(t, site, "/signals"), http.StatusOK); !strings.Contains(text, "No signals have been collected") {
		t.Errorf("the empty page:\n%s", text)
	}
	if asked[0] || asked[1] {
		t.Error("addresses were asked for a visitor")
	}
	get(t, site, "/signals", "Authorization", "Bearer token")
	if !asked[2] {
		t.Error("addresses were kept from staff")
	}
	fails = errors.New("disk")
	if text := soundPage(t, get(t, site, "/signals"), http.StatusInternalServerError); strings.Contains(text, "disk") {
		t.Errorf("the failure:\n%s", text)
	}
	soundPage(t, get(t, New(Config{}, rec, clock), "/signals"), http.StatusNotFound)
}
