package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWebhookIsSigned(t *testing.T) {
	var header http.Header
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	hook := NewWebhook(WebhookConfig{URL: s.URL + "/in?token=x", Secret: "key"}, &clock{now: start})
	n := notice("n1", "")
	n.Payload = []byte(`{"format":"holdfast-notice/1"}`)
	if err := hook.Deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte("1785715200." + string(n.Payload))) // date -u -d 2026-08-03 +%s
	if want := "t=1785715200,v1=" + hex.EncodeToString(mac.Sum(nil)); header.Get("Holdfast-Signature") != want {
		t.Errorf("signature %q, want %q", header.Get("Holdfast-Signature"), want)
	}
	if header.Get("Holdfast-Notice") != "n1" || header.Get("Content-Type") != "application/json" || string(body) != string(n.Payload) {
		t.Errorf("header %v, body %s", header, body)
	}
}

// TestSignature is a vector made with
//
//	printf '%s.%s' 1785715200 '{}' | openssl dgst -sha256 -hmac key
func TestSignature(t *testing.T) {
	const want = "t=1785715200,v1=ef0c1822eee3fe23b33cacd7b3656c4f4bba9d94d7880447cdb3b61383985290"
	if got := Sign("key", start, []byte("{}")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWebhookAnswers(t *testing.T) {
	for status, want := range map[int]struct{ ok, permanent bool }{
		200: {true, false}, 202: {true, false}, 301: {false, false}, 400: {false, true}, 401: {false, false}, 404: {false, false},
		410: {false, true}, 422: {false, true}, 429: {false, false}, 500: {false, false}, 503: {false, false},
	} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.Repeat("no\r\n", 100000))
		}))
		err := NewWebhook(WebhookConfig{URL: s.URL + "/hook?token=topsecret"}, &clock{now: start}).Deliver(t.Context(), notice("n1", ""))
		s.Close()
		if (err == nil) != want.ok || errors.Is(err, ErrPermanent) != want.permanent || asked != 1 {
			t.Errorf("%d: error %v, asked %d times", status, err, asked)
		}
		if err != nil && (strings.Contains(err.Error(), "topsecret") || strings.ContainsAny(err.Error(), "\r\n")) {
			t.Errorf("%d: error %q tells a secret or has more than one line", status, err)
		}
	}
	err := NewWebhook(WebhookConfig{URL: "http://127.0.0.1:1/?token=topsecret"}, &clock{now: start}).Deliver(t.Context(), notice("n1", ""))
	if err == nil || errors.Is(err, ErrPermanent) || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("a closed port gave %v", err)
	}
}

func TestAlertmanagerIsPostedTo(t *testing.T) {
	var path, user, password, body string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		path = r.Method + " " + r.URL.Path
		user, password, _ = r.BasicAuth()
		b, _ := io.ReadAll(r.Body)
		body = string(b)
	}))
	defer s.Close()
	n := notice("n1", "")
	n.Payload = []byte("[]")
	if err := NewAlertmanager(AlertmanagerConfig{URL: s.URL + "/am/", User: "u", Password: "p"}).Deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if path != "POST /am/api/v2/alerts" || user != "u" || password != "p" || body != "[]" {
		t.Errorf("%s as %s:%s: %s", path, user, password, body)
	}
}

func TestChannels(t *testing.T) {
	channels, targets, err := Channels(Config{
		Mail:         &MailConfig{Server: "mail.example", From: "Watch <watch@Registry.example>"},
		Webhooks:     map[string]WebhookConfig{"b": {URL: "https://u:p@b.example/x?token=1"}, "a": {URL: "https://a.example/"}},
		Alertmanager: &AlertmanagerConfig{URL: "http://am.example:9093"},
	}, &clock{now: start})
	if err != nil {
		t.Fatal(err)
	}
	want := []Target{{"alertmanager", "http://am.example:9093"}, {"webhook:a", "https://a.example/"}, {"webhook:b", "https://b.example/x"}}
	if len(targets) != 3 || targets[0] != want[0] || targets[1] != want[1] || targets[2] != want[2] {
		t.Errorf("targets %v, want %v", targets, want)
	}
	for _, name := range []string{"mail", "alertmanager", "webhook:a", "webhook:b"} {
		if channels[name] == nil {
			t.Errorf("no channel %s", name)
		}
	}
	if got := (MailConfig{From: "Watch <watch@Registry.example>"}).SenderDomain(); got != "registry.example" {
		t.Errorf("sender's domain %q", got)
	}
}
