package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// maxMail and maxMailbox bound what the demo's mailbox holds; when it is full
// the oldest mail goes.
const (
	maxMail    = 1 << 20
	maxMailbox = 500
)

// mailbox is the demo's mail server and reader: what the watch sends by SMTP
// arrives here and is shown on a page. It forwards nothing.
type mailbox struct {
	listener net.Listener
	server   *smtp.Server

	mutex sync.Mutex
	mails []letter // guarded by mutex; oldest first
	count int      // guarded by mutex; of all that ever arrived
}

// letter is a mail as it arrived.
type letter struct {
	Number   int
	From, To string
	Subject  string
	Date     time.Time // as the sender's clock has it
	Reply    bool      // it continues a thread
	Text     string
}

func openMailbox() (*mailbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open mailbox: %w", err)
	}
	m := &mailbox{listener: listener}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{box: m}, nil }))
	m.server.Domain = "mailbox.demo"
	m.server.MaxMessageBytes = maxMail
	m.server.ReadTimeout, m.server.WriteTimeout = time.Minute, time.Minute
	return m, nil
}

// run serves until the context ends.
func (m *mailbox) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { m.server.Close() })
	defer stop()
	if err := m.server.Serve(m.listener); err != nil && ctx.Err() == nil && !errors.Is(err, smtp.ErrServerClosed) {
		return fmt.Errorf("mailbox: %w", err)
	}
	return nil
}

func (m *mailbox) put(l letter) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.count++
	l.Number = m.count
	m.mails = append(m.mails, l)
	if len(m.mails) > maxMailbox {
		m.mails = m.mails[1:]
	}
}

// letters are the mails, newest first.
func (m *mailbox) letters() []letter {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	out := make([]letter, len(m.mails))
	for i, l := range m.mails {
		out[len(out)-1-i] = l
	}
	return out
}

func (m *mailbox) letter(number int) (letter, bool) {
	for _, l := range m.letters() {
		if l.Number == number {
			return l, true
		}
	}
	return letter{}, false
}

// delivery is one SMTP session.
type delivery struct {
	box  *mailbox
	from string
	to   []string
}

func (d *delivery) Mail(from string, _ *smtp.MailOptions) error { d.from = from; return nil }
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error   { d.to = append(d.to, to); return nil }
func (d *delivery) Reset()                                      { d.from, d.to = "", nil }
func (d *delivery) Logout() error                               { return nil }

func (d *delivery) Data(in io.Reader) error {
	l, err := readLetter(in)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	l.From, l.To = d.from, strings.Join(d.to, ", ")
	d.box.put(l)
	return nil
}

func readLetter(in io.Reader) (letter, error) {
	message, err := mail.ReadMessage(io.LimitReader(in, maxMail))
	if err != nil {
		return letter{}, err
	}
	words := mime.WordDecoder{}
	subject, err := words.DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		subject = message.Header.Get("Subject")
	}
	date, _ := message.Header.Date()
	text, err := plainText(message)
	return letter{Subject: subject, Date: date, Reply: message.Header.Get("In-Reply-To") != "", Text: text}, err
}

// plainText is the mail's text part, decoded.
func plainText(message *mail.Message) (string, error) {
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return decoded(message.Body, message.Header.Get("Content-Transfer-Encoding"))
	}
	for parts := multipart.NewReader(message.Body, parameters["boundary"]); ; {
		part, err := parts.NextPart() // decodes quoted-printable itself
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			return decoded(part, part.Header.Get("Content-Transfer-Encoding"))
		}
	}
}

func decoded(in io.Reader, encoding string) (string, error) {
	if strings.EqualFold(encoding, "quoted-printable") {
		in = quotedprintable.NewReader(in)
	}
	var text bytes.Buffer
	_, err := io.Copy(&text, io.LimitReader(in, maxMail))
	return text.String(), err
}

var mailboxList = template.Must(template.New("mailbox").Parse(`<h1>Mailbox</h1>
<p>What the watch sent by mail, newest first. This is the demo's own mail server: nothing leaves this machine.</p>
{{if .}}<div class="scroll" tabindex="0" role="region" aria-label="Mails"><table><thead><tr><th scope="col">Sent</th><th scope="col">To</th><th scope="col">Subject</th></tr></thead><tbody>
{{range .}}<tr><td>{{.Date.UTC.Format "2006-01-02 15:04"}}</td><td>{{.To}}</td><td>{{if .Reply}}↳ {{end}}<a href="/mailbox/{{.Number}}">{{.Subject}}</a></td></tr>
{{end}}</tbody></table></div>{{else}}<p>Nothing yet. The first trouble comes within half a minute; this page does not reload by itself.</p>{{end}}`))

var mailboxLetter = template.Must(template.New("letter").Parse(`<p><a href="/mailbox">Mailbox</a></p><h1>{{.Subject}}</h1>
<p>To {{.To}}, from {{.From}}, {{.Date.UTC.Format "2006-01-02 15:04 UTC"}}{{if .Reply}}, in an earlier thread{{end}}</p>
<pre tabindex="0">{{.Text}}</pre>`))

// handler shows the mailbox inside the watch's page shell.
func (m *mailbox) handler(page func(w http.ResponseWriter, r *http.Request, title string, body template.HTML)) http.Handler {
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, r *http.Request, title string, t *template.Template, data any) {
		var body strings.Builder
		if err := t.Execute(&body, data); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		page(w, r, title, template.HTML(body.String())) // escaped by the template above
	}
	mux.HandleFunc("GET /mailbox", func(w http.ResponseWriter, r *http.Request) {
		show(w, r, "Mailbox", mailboxList, m.letters())
	})
	mux.HandleFunc("GET /mailbox/{number}", func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.PathValue("number"))
		l, ok := m.letter(number)
		if !ok {
			http.NotFound(w, r)
			return
		}
		show(w, r, l.Subject, mailboxLetter, l)
	})
	return mux
}
