package notify

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

var start = time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)

// clock stands still until it is moved.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	waiters []waiter
}

type waiter struct {
	at time.Time
	c  chan time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := waiter{c.now.Add(d), make(chan time.Time, 1)}
	c.waiters = append(c.waiters, w)
	return w.c
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	var later []waiter
	for _, w := range c.waiters {
		if w.at.After(c.now) {
			later = append(later, w)
			continue
		}
		w.c <- c.now
	}
	c.waiters = later
}

// server is a mail server that does what a test tells it.
type server struct {
	mu       sync.Mutex
	mails    []mailed
	onMail   func(from string) error
	onRcpt   func(to string) error
	onData   func(to string) error
	tries    int
	address  string
	listener net.Listener
	smtp     *smtp.Server
	password string
}

type mailed struct{ from, to, data string }

func newServer(t *testing.T, configure ...func(*smtp.Server)) *server {
	t.Helper()
	s := &server{}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }))
	s.smtp.Domain = "mail.example"
	s.smtp.AllowInsecureAuth = true
	for _, f := range configure {
		f(s.smtp)
	}
	s.listen(t, "127.0.0.1:0")
	t.Cleanup(func() { _ = s.smtp.Close() })
	return s
}

func (s *server) listen(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.listener, s.address = listener, listener.Addr().String()
	go func() { _ = s.smtp.Serve(listener) }()
}

func (s *server) got() []mailed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]mailed(nil), s.mails...)
}

type session struct {
	server   *server
	from, to string
}

func (s *session) AuthMechanisms() []string {
	if s.server.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "watch" || password != s.server.password {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	s.server.mu.Lock()
	s.server.tries++
	s.server.mu.Unlock()
	if s.server.onMail != nil {
		return s.server.onMail(from)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	if s.server.onRcpt != nil {
		return s.server.onRcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.onData != nil {
		if err := s.server.onData(s.to); err != nil {
			return err
		}
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, mailed{s.from, s.to, string(data)})
	return nil
}

// certificate is one for 127.0.0.1, and the file that makes it trusted.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func newRecord(t *testing.T) (*record.Record, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "holdfast.db")
	r, err := record.Create(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, path
}

func mailConfig(s *server) MailConfig {
	return MailConfig{Server: s.address, TLS: tlsNone, From: "Holdfast <watch@registry.example>", Helo: "watch.registry.example"}
}

func newMail(t *testing.T, c MailConfig) *Mail {
	t.Helper()
	m, err := NewMail(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// notice is one that is ready to go.
func notice(id, recipient string) holdfast.Notice {
	return holdfast.Notice{
		ID: id, Incident: "20260803-0000-example-expiry", Reason: holdfast.ReasonOpened, Severity: holdfast.SeverityError,
		Zones: []holdfast.Name{"example."}, Audience: holdfast.ForStaff, Channel: ChannelMail, Recipient: recipient,
		MessageID: "<" + id + "@registry.example>", Subject: "[Holdfast] ERROR .example: NS signatures expire",
		Text: "What is wrong.\n", HTML: "<p>What is wrong.</p>\n", State: holdfast.NoticeQueued, Created: start, NotBefore: start,
	}
}

func decide(t *testing.T, r *record.Record, notices ...holdfast.Notice) {
	t.Helper()
	if err := r.Decide(t.Context(), nil, notices); err != nil {
		t.Fatal(err)
	}
}

func stateOf(t *testing.T, r *record.Record, id string) holdfast.Notice {
	t.Helper()
	n, err := r.Notice(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
