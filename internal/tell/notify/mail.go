package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/holdfastdns/holdfast"
)

// MailConfig is how mails leave: one server, by SMTP.
type MailConfig struct {
	// Server is "host:port" or "host"; without a port 587, or 465 where TLS is
	// "implicit".
	Server string `toml:"server"`
	// TLS is "required" (STARTTLS or nothing, the default), "opportunistic"
	// (STARTTLS where offered), "implicit" (TLS from the first byte) or "none".
	TLS string `toml:"tls"`
	// CAFile holds certificates (PEM) to trust beside the system's.
	CAFile string `toml:"ca_file"`
	// User and Password log in where User is not empty. PasswordFile is read
	// instead of Password, without its final line break.
	User         string `toml:"user"`
	Password     string `toml:"password"`
	PasswordFile string `toml:"password_file"`
	// Auth is "plain" (the default), "login", "cram-md5" or "scram-sha-256".
	// The first two need TLS, but to the machine itself.
	Auth string `toml:"auth"`
	// From is the sender: "Holdfast <holdfast@registry.example>". ReplyTo is
	// where answers go, if elsewhere.
	From    string `toml:"from"`
	ReplyTo string `toml:"reply_to"`
	// Helo is the name given in EHLO; the machine's name where empty.
	Helo string `toml:"helo"`
	// ListUnsubscribe is a mailto: or https: address (RFC 2369) at which those
	// who do not want mails from us say so. It is put into mails to contacts.
	ListUnsubscribe string `toml:"list_unsubscribe"`
	// Timeout is for a whole delivery. 60s where zero.
	Timeout holdfast.Duration `toml:"timeout"`
}

const (
	tlsRequired      = "required"
	tlsOpportunistic = "opportunistic"
	tlsImplicit      = "implicit"
	tlsNone          = "none"
)

var authTypes = map[string]mail.SMTPAuthType{
	"": mail.SMTPAuthPlain, "plain": mail.SMTPAuthPlain, "login": mail.SMTPAuthLogin,
	"cram-md5": mail.SMTPAuthCramMD5, "scram-sha-256": mail.SMTPAuthSCRAMSHA256,
}

func (c MailConfig) check() error {
	var errs []error
	if _, _, err := c.address(); err != nil {
		errs = append(errs, fmt.Errorf("notify.mail.server: %w", err))
	}
	switch c.TLS {
	case "", tlsRequired, tlsOpportunistic, tlsImplicit, tlsNone:
	default:
		errs = append(errs, fmt.Errorf(`notify.mail.tls is %q: want "required", "opportunistic", "implicit" or "none"`, c.TLS))
	}
	if _, ok := authTypes[c.Auth]; !ok {
		errs = append(errs, fmt.Errorf(`notify.mail.auth is %q: want "plain", "login", "cram-md5" or "scram-sha-256"`, c.Auth))
	}
	if _, err := netmail.ParseAddress(c.From); err != nil {
		errs = append(errs, fmt.Errorf("notify.mail.from is %q: %w", c.From, err))
	}
	if _, err := netmail.ParseAddress(c.ReplyTo); c.ReplyTo != "" && err != nil {
		errs = append(errs, fmt.Errorf("notify.mail.reply_to is %q: %w", c.ReplyTo, err))
	}
	if c.Password != "" && c.PasswordFile != "" {
		errs = append(errs, errors.New("notify.mail: password and password_file are both set: keep one"))
	}
	if u, err := url.Parse(c.ListUnsubscribe); c.ListUnsubscribe != "" &&
		(err != nil || u.Scheme != "mailto" && u.Scheme != "https" || !uriText.MatchString(c.ListUnsubscribe)) {
		errs = append(errs, fmt.Errorf("notify.mail.list_unsubscribe is %q: want an address that begins with mailto: or https://", c.ListUnsubscribe))
	}
	if c.Timeout < 0 {
		errs = append(errs, errors.New("notify.mail.timeout is negative"))
	}
	return errors.Join(errs...)
}

// uriText is what may stand between the angle brackets of RFC 2369.
var uriText = regexp.MustCompile(`^[!-;=?-~]+$`)

// address is the host and port of the server.
func (c MailConfig) address() (host string, port int, err error) {
	if c.Server == "" {
		return "", 0, errors.New(`it is empty: want "host:port"`)
	}
	host, text, err := net.SplitHostPort(c.Server)
	if err != nil {
		port = 587 // submission, RFC 6409
		if c.TLS == tlsImplicit {
			port = 465 // RFC 8314 section 3.3
		}
		return strings.Trim(c.Server, "[]"), port, nil
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 || host == "" {
		return "", 0, fmt.Errorf("%q: want host:port", c.Server)
	}
	return host, port, nil
}

// SenderDomain is the domain that mails come from: a good right-hand side for
// Message-IDs.
func (c MailConfig) SenderDomain() string {
	if parsed, err := netmail.ParseAddress(c.From); err == nil {
		if _, domain, ok := strings.Cut(parsed.Address, "@"); ok {
			return strings.ToLower(domain)
		}
	}
	return ""
}

// Mail delivers notices by SMTP, each over a connection of its own. It may be
// used by many goroutines at once.
type Mail struct {
	config   MailConfig
	host     string
	port     int
	timeout  time.Duration
	tls      *tls.Config
	password string
}

// NewMail reads the files that a configuration names.
func NewMail(c MailConfig) (*Mail, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	m := &Mail{config: c, timeout: c.Timeout.Of(), password: c.Password}
	m.host, m.port, _ = c.address()
	if m.timeout == 0 {
		m.timeout = time.Minute
	}
	m.tls = &tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read notify.mail.ca_file: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read notify.mail.ca_file: %s holds no certificate in PEM form", c.CAFile)
		}
		m.tls.RootCAs = pool
	}
	if c.PasswordFile != "" {
		text, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("read notify.mail.password_file: %w", err)
		}
		m.password = strings.TrimRight(string(text), "\r\n")
	}
	return m, nil
}

// Deliver hands a notice to the mail server. A recipient or a content that the
// server refuses with 5xx is refused for good; every other failure, a sender
// or a password refused among them, is ours to mend and may be tried again.
func (m *Mail) Deliver(ctx context.Context, n holdfast.Notice) error {
	message, err := m.message(n)
	if err != nil {
		return permanent(fmt.Errorf("write mail %s: %w", n.ID, err))
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	client, err := m.client(ctx)
	if err != nil {
		return fmt.Errorf("prepare for mail server %s: %w", m.config.Server, err)
	}
	err = client.DialAndSendWithContext(ctx, message)
	if message.IsDelivered() {
		// What failed was the farewell. To try again would deliver it twice.
		return nil
	}
	if err == nil {
		err = errors.New("the server did not confirm it")
	}
	err = fmt.Errorf("send mail by %s: %w", m.config.Server, err)
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 &&
		(refused.Reason == mail.ErrSMTPRcptTo || refused.Reason == mail.ErrSMTPData || refused.Reason == mail.ErrSMTPDataClose) {
		return permanent(err)
	}
	return err
}

func (m *Mail) client(ctx context.Context) (*mail.Client, error) {
	policies := map[string]mail.TLSPolicy{"": mail.TLSMandatory, tlsRequired: mail.TLSMandatory,
		tlsOpportunistic: mail.TLSOpportunistic, tlsImplicit: mail.NoTLS, tlsNone: mail.NoTLS}
	options := []mail.Option{
		mail.WithPort(m.port), mail.WithTimeout(m.timeout), mail.WithTLSConfig(m.tls),
		mail.WithTLSPolicy(policies[m.config.TLS]), mail.WithDialContextFunc(m.dial(ctx)),
		// Each connection is for one mail: nothing to look after or to reset.
		mail.WithoutNoop(), mail.WithoutRset(),
	}
	if m.config.TLS == tlsImplicit {
		options = append(options, mail.WithSSL())
	}
	if m.config.Helo != "" {
		options = append(options, mail.WithHELO(m.config.Helo))
	}
	if m.config.User != "" {
		options = append(options, mail.WithSMTPAuth(authTypes[m.config.Auth]), mail.WithUsername(m.config.User), mail.WithPassword(m.password))
	}
	return mail.NewClient(m.host, options...)
}

// dial makes connections that end with the delivery's context: the library
// minds it only until the connection stands.
func (m *Mail) dial(delivery context.Context) mail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(delivery, func() { _ = conn.Close() })
		if m.config.TLS != tlsImplicit {
			return conn, nil
		}
		secure := tls.Client(conn, m.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secure, nil
	}
}

// identifier is a Message-ID as we make them (RFC 5322 section 3.6.4), with its
// brackets.
var identifier = regexp.MustCompile(`^<[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9.-]+>$`)

// message is a notice as a mail. Its date is that of the decision: it stays
// the same mail over all tries.
func (m *Mail) message(n holdfast.Notice) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.From(m.config.From); err != nil {
		return nil, err
	}
	if err := msg.To(n.Recipient); err != nil {
		return nil, err
	}
	if m.config.ReplyTo != "" {
		if err := msg.ReplyTo(m.config.ReplyTo); err != nil {
			return nil, err
		}
	}
	if !identifier.MatchString(n.MessageID) {
		return nil, fmt.Errorf("%q is no Message-ID", n.MessageID)
	}
	msg.SetMessageIDWithValue(strings.Trim(n.MessageID, "<>"))
	if n.ThreadID != "" {
		if !identifier.MatchString(n.ThreadID) {
			return nil, fmt.Errorf("%q is no Message-ID", n.ThreadID)
		}
		msg.SetGenHeader(mail.HeaderInReplyTo, n.ThreadID)
		msg.SetGenHeader(mail.HeaderReferences, n.ThreadID)
	}
	msg.SetDateWithValue(n.Created.UTC())
	msg.Subject(oneLine(n.Subject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5.1
	if n.Incident != "" {
		msg.SetGenHeader("X-Holdfast-Incident", oneLine(n.Incident))
	}
	if n.Audience == holdfast.ForContact && m.config.ListUnsubscribe != "" {
		msg.SetListUnsubscribe(m.config.ListUnsubscribe)
	}
	if n.Severity >= holdfast.SeverityCritical && n.Reason != holdfast.ReasonClosed {
		msg.SetImportance(mail.ImportanceHigh)
	}
	msg.SetBodyString(mail.TypeTextPlain, n.Text)
	if n.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, n.HTML)
	}
	return msg, m.extras(msg, n)
}

// extras are what mails to subscribers have beside their text: a calendar, and
// how to be written to no more, with one click where the other side knows it
// (RFC 8058 section 3.1, which wants https).
func (m *Mail) extras(msg *mail.Msg, n holdfast.Notice) error {
	if n.Unsubscribe != "" {
		if !uriText.MatchString(n.Unsubscribe) {
			return errors.New("the address to unsubscribe at is no URI")
		}
		msg.SetListUnsubscribe(n.Unsubscribe)
		if strings.HasPrefix(n.Unsubscribe, "https:") {
			msg.SetListUnsubscribePost()
		}
	}
	if len(n.Calendar) == 0 {
		return nil
	}
	text, err := Calendar(n.Calendar, n.Created)
	if err != nil {
		return err
	}
	return msg.AttachReader("steps.ics", bytes.NewReader(text), mail.WithFileContentType("text/calendar; charset=utf-8; method=PUBLISH"))
}

// oneLine keeps a text from ending its header. Texts are clean when they are
// decided on; this door does not rely on it.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
