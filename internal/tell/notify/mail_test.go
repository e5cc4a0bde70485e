package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/holdfastdns/holdfast"
)

func TestMailArrivesWhole(t *testing.T) {
	s := newServer(t)
	c := mailConfig(s)
	c.ReplyTo, c.ListUnsubscribe = "desk@registry.example", "mailto:stop@registry.example"
	n := notice("n1", "tech@nic.example")
	n.Audience, n.Severity = holdfast.ForContact, holdfast.SeverityCritical
	n.Subject, n.Text = "[Holdfast] CRITICAL .xn--p1ai (рф): SOA signatures expire", "Что сломано: "+strings.Repeat("x", 300)+"\n"
	n.ThreadID = "<n0@registry.example>"
	if err := newMail(t, c).Deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	got := s.got()
	if len(got) != 1 || got[0].from != "watch@registry.example" || got[0].to != "tech@nic.example" {
		t.Fatalf("envelopes %v", got)
	}
	m, err := netmail.ReadMessage(strings.NewReader(got[0].data))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"Message-Id": "<n1@registry.example>", "In-Reply-To": "<n0@registry.example>", "References": "<n0@registry.example>",
		"Auto-Submitted": "auto-generated", "From": `"Holdfast" <watch@registry.example>`, "To": "<tech@nic.example>",
		"Reply-To": "<desk@registry.example>", "List-Unsubscribe": "<mailto:stop@registry.example>", "Importance": "high",
		"Date": "Mon, 03 Aug 2026 00:00:00 +0000", "X-Holdfast-Incident": n.Incident,
	} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	if subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil || subject != n.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	for line := range strings.SplitSeq(got[0].data, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line has %d octets; RFC 5322 section 2.1.1 allows 998", len(line))
		}
	}
	if texts := parts(t, m); texts["text/plain"] != strings.ReplaceAll(n.Text, "\n", "\r\n") && texts["text/plain"] != n.Text || !strings.Contains(texts["text/html"], "<p>What is wrong.</p>") {
		t.Errorf("parts %q", texts)
	}
}

// parts are the bodies of a message by their type, decoded.
func parts(t *testing.T, m *netmail.Message) map[string]string {
	t.Helper()
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for reader := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := reader.NextPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		body, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = string(body)
	}
}

func TestMailHeadersCannotBeInjected(t *testing.T) {
	s := newServer(t)
	m := newMail(t, mailConfig(s))
	n := notice("n1", "staff@registry.example")
	n.Subject = "quiet\r\nBcc: everyone@example.net\r\n\r\nbody"
	n.Incident = "x\r\nX-Evil: 1"
	if err := m.Deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	message, err := netmail.ReadMessage(strings.NewReader(s.got()[0].data))
	if err != nil {
		t.Fatal(err)
	}
	if message.Header.Get("Bcc") != "" || message.Header.Get("X-Evil") != "" {
		t.Errorf("headers %v", message.Header)
	}
	for name, spoil := range map[string]func(*holdfast.Notice){
		"recipient": func(n *holdfast.Notice) { n.Recipient = "a@example.net>\r\nRCPT TO:<b@example.net" },
		"id":        func(n *holdfast.Notice) { n.MessageID = "<a@b>\r\nBcc: c@example.net" },
		"thread":    func(n *holdfast.Notice) { n.ThreadID = "<a b@c>" },
	} {
		bad := notice("n2", "staff@registry.example")
		spoil(&bad)
		if err := m.Deliver(t.Context(), bad); !errors.Is(err, ErrPermanent) {
			t.Errorf("%s: %v, want a refusal for good", name, err)
		}
	}
	if len(s.got()) != 1 {
		t.Errorf("%d mails went out", len(s.got()))
	}
}

func TestMailRefusals(t *testing.T) {
	answer := func(code int) func(string) error {
		return func(string) error {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 2, 0}, Message: "no"}
		}
	}
	for name, c := range map[string]struct {
		spoil     func(*server)
		permanent bool
	}{
		"greylisted":        {func(s *server) { s.onRcpt = answer(450) }, false},
		"no such mailbox":   {func(s *server) { s.onRcpt = answer(550) }, true},
		"content refused":   {func(s *server) { s.onData = answer(554) }, true},
		"content not now":   {func(s *server) { s.onData = answer(451) }, false},
		"sender not so now": {func(s *server) { s.onMail = answer(550) }, false}, // ours to mend
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			c.spoil(s)
			err := newMail(t, mailConfig(s)).Deliver(t.Context(), notice("n1", "tech@nic.example"))
			if err == nil || errors.Is(err, ErrPermanent) != c.permanent {
				t.Errorf("error %v, for good: %v, want %v", err, errors.Is(err, ErrPermanent), c.permanent)
			}
		})
	}
}

func TestMailTLS(t *testing.T) {
	cert, ca := certificate(t)
	secure := newServer(t, func(s *smtp.Server) { s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}} })
	plain := newServer(t)
	for name, c := range map[string]struct {
		server *server
		tls    string
		ca     string
		ok     bool
	}{
		"required and offered":       {secure, "", ca, true},
		"required, not trusted":      {secure, tlsRequired, "", false},
		"required, not offered":      {plain, tlsRequired, ca, false},
		"opportunistic, offered":     {secure, tlsOpportunistic, ca, true},
		"opportunistic, not offered": {plain, tlsOpportunistic, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			config := mailConfig(c.server)
			config.TLS, config.CAFile = c.tls, c.ca
			before := len(c.server.got())
			err := newMail(t, config).Deliver(t.Context(), notice("n1", "staff@registry.example"))
			if (err == nil) != c.ok || (len(c.server.got()) > before) != c.ok {
				t.Errorf("error %v, want ok %v", err, c.ok)
			}
			if errors.Is(err, ErrPermanent) {
				t.Errorf("%v is for good", err)
			}
		})
	}
}

func TestMailImplicitTLSAndPassword(t *testing.T) {
	cert, ca := certificate(t)
	s := newServer(t)
	s.password = "secret"
	_ = s.listener.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	go func() { _ = s.smtp.Serve(listener) }()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := mailConfig(s)
	c.TLS, c.CAFile, c.User, c.PasswordFile = tlsImplicit, ca, "watch", file
	if err := newMail(t, c).Deliver(t.Context(), notice("n1", "staff@registry.example")); err != nil {
		t.Fatal(err)
	}
	c.PasswordFile, c.Password = "", "wrong"
	if err := newMail(t, c).Deliver(t.Context(), notice("n2", "staff@registry.example")); err == nil || errors.Is(err, ErrPermanent) {
		t.Errorf("a wrong password gave %v, want an error that may be mended", err)
	}
}

func TestMailEndsWithItsContext(t *testing.T) {
	s := newServer(t)
	stuck := make(chan struct{})
	s.onRcpt = func(string) error { <-stuck; return nil }
	t.Cleanup(func() { close(stuck) })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := newMail(t, mailConfig(s)).Deliver(ctx, notice("n1", "staff@registry.example")); err == nil {
		t.Error("delivered by a server that said nothing")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := MailConfig{Server: "mail.example", From: "a@example.net"}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]Config{
		"notify.mail.server":           {Mail: &MailConfig{From: "a@example.net"}},
		"notify.mail.tls":              {Mail: &MailConfig{Server: "m", From: "a@example.net", TLS: "yes"}},
		"notify.mail.from":             {Mail: &MailConfig{Server: "m"}},
		"notify.mail.list_unsubscribe": {Mail: &MailConfig{Server: "m", From: "a@example.net", ListUnsubscribe: "mailto:a@b>\r\nBcc: c"}},
		"notify.mail.auth":             {Mail: &MailConfig{Server: "m", From: "a@example.net", Auth: "ntlm"}},
		"notify.webhooks.x.url":        {Webhooks: map[string]WebhookConfig{"x": {URL: "ftp://a/"}}},
		"notify.alertmanager.url":      {Alertmanager: &AlertmanagerConfig{}},
		"first_retry is longer":        {Outbox: OutboxConfig{FirstRetry: 2, MaxRetry: 1}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that names %s", err, want)
		}
	}
	for server, want := range map[string]int{"m": 587, "m:25": 25, "[::1]:2525": 2525} {
		if _, port, err := (MailConfig{Server: server}).address(); err != nil || port != want {
			t.Errorf("%s: port %d, %v", server, port, err)
		}
	}
}
