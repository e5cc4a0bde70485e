package main

import (
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// postOffice is a mail server for tests. It keeps all that it acknowledges,
// and can be closed and opened again on the same port.
type postOffice struct {
	address string // of its listener; set by the first open

	mu     sync.Mutex
	server *smtp.Server // nil while it is closed; owned by mu
	door   net.Listener // of server; owned by mu
	mails  []sentMail   // oldest first; owned by mu
	taken  func()       // called before a mail is acknowledged, where not nil
}

// sentMail is a mail as it arrived.
type sentMail struct {
	to, subject, messageID, inReplyTo, raw string
}

func (p *postOffice) open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		return nil
	}
	address := p.address
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	p.address, p.door = listener.Addr().String(), listener
	p.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &posting{office: p}, nil }))
	p.server.Domain = "mail.test"
	p.server.ErrorLog = log.New(io.Discard, "", 0) // clients that are killed are no news
	p.server.ReadTimeout, p.server.WriteTimeout = 10*time.Second, 10*time.Second
	go func(s *smtp.Server) { _ = s.Serve(listener) }(p.server) // ends with close
	return nil
}

func (p *postOffice) close() {
	p.mu.Lock()
	server, door := p.server, p.door
	p.server = nil
	p.mu.Unlock()
	if server != nil {
		// The server knows its listener only once Serve runs.
		_ = door.Close()
		_ = server.Close()
	}
}

// all are the mails so far, oldest first.
func (p *postOffice) all() []sentMail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]sentMail(nil), p.mails...)
}

// posting is one SMTP session.
type posting struct {
	office *postOffice
	to     []string
}

func (s *posting) Mail(string, *smtp.MailOptions) error { return nil }
func (s *posting) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "refused@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	s.to = append(s.to, to)
	return nil
}
func (s *posting) Reset()        { s.to = nil }
func (s *posting) Logout() error { return nil }

func (s *posting) Data(in io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(in, 1<<20))
	if err != nil {
		return err
	}
	message, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return fmt.Errorf("read subject: %w", err)
	}
	s.office.mu.Lock()
	s.office.mails = append(s.office.mails, sentMail{
		to: strings.Join(s.to, ","), subject: subject, raw: string(raw),
		messageID: message.Header.Get("Message-ID"), inReplyTo: message.Header.Get("In-Reply-To"),
	})
	taken := s.office.taken
	s.office.mu.Unlock()
	if taken != nil {
		taken()
	}
	return nil
}
