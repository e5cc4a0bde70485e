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

var mailboxPages = template.Must(template.New("").Funcs(template.FuncMap{
	"bare": bare,
	"sent": func(t time.Time) string { return t.UTC().Format("2 Jan 15:04") },
	"on":   linked,
}).Parse(`{{define "list"}}<h1>Mailbox</h1>
<p>What the watch sent by mail, newest first. This is the demo's own mail server: nothing leaves this machine.</p>
{{if .}}<div class="scroll" tabindex="0" role="region" aria-label="Mails"><table><caption class="hidden">Mails, newest first</caption><thead><tr><th scope="col">Sent (UTC)</th><th scope="col">To</th><th scope="col">Subject</th></tr></thead><tbody>
{{range .}}<tr><td class="time">{{sent .Date}}</td><td>{{.To}}</td><th scope="row">{{if .Reply}}<span aria-label="continues a thread">↳</span> {{end}}<a href="/mailbox/{{.Number}}">{{bare .Subject}}</a></th></tr>
{{end}}</tbody></table></div>{{else}}<p>Nothing yet. The first trouble comes within half a minute, and this page shows it by itself.</p>{{end}}{{end}}

{{define "letter"}}<p class="crumbs"><a href="/mailbox">Mailbox</a> › mail {{.Letter.Number}}</p>
<h1>{{bare .Letter.Subject}}</h1>
<dl class="facts"><div><dt>To</dt><dd>{{.Letter.To}}</dd></div><div><dt>From</dt><dd>{{.Letter.From}}</dd></div><div><dt>Sent</dt><dd>{{sent .Letter.Date}} UTC</dd></div>{{if .Letter.Reply}}<div><dt>Thread</dt><dd>continued</dd></div>{{end}}</dl>
<pre tabindex="0" class="mail" role="region" aria-label="Text of the mail">{{on .Base .Letter.Text}}</pre>{{end}}`))

// linked is a mail's text in which addresses of our own page can be followed.
// Others stay text: the demo leads nowhere else.
func linked(base, text string) template.HTML {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, base)
		out.WriteString(template.HTMLEscapeString(before))
		if !found {
			return template.HTML(out.String()) // every piece was escaped above or below
		}
		end := strings.IndexAny(rest, " \t\r\n<>\"')")
		if end < 0 {
			end = len(rest)
		}
		address := template.HTMLEscapeString(base + rest[:end])
		out.WriteString(`<a href="` + address + `">` + address + `</a>`)
		text = rest[end:]
	}
}

// handler shows the mailbox inside the watch's page shell. base is the page's
// own address.
func (m *mailbox) handler(base string, page func(w http.ResponseWriter, r *http.Request, title string, body template.HTML)) http.Handler {
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, r *http.Request, title, name string, data any) {
		var body strings.Builder
		if err := mailboxPages.ExecuteTemplate(&body, name, data); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		page(w, r, title, template.HTML(body.String())) // escaped by the template above
	}
	mux.HandleFunc("GET /mailbox", func(w http.ResponseWriter, r *http.Request) {
		show(w, r, "Mailbox", "list", m.letters())
	})
	mux.HandleFunc("GET /mailbox/{number}", func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.PathValue("number"))
		l, ok := m.letter(number)
		if !ok {
			http.NotFound(w, r)
			return
		}
		show(w, r, bare(l.Subject), "letter", struct {
			Base   string
			Letter letter
		}{base, l})
	})
	return mux
}
