package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// shell is what stands around every page's body.
type shell struct {
	Title string
	Nav   string // path of the entry of the bar that the page belongs to
	Live  bool   // the page may be fetched again by itself
	With  string // path of a script of its own; empty: none
	Body  template.HTML
}

// shellView is the shell with what the site adds to it.
type shellView struct {
	shell
	Site, Version       string
	Style, Script, Icon string
	Links               []Link
	Staff, SignedIn     bool
	CanSignIn           bool
	Form                string // token for the form that signs out
	Now                 int64  // milliseconds since 1970, by the site's clock
	Rate                float64
	Refresh             int64 // milliseconds
}

// Page writes a page of the site around a body that another room made: the
// same head, bar, foot and headers. nav is the path of the link in the bar
// that the page belongs to. The body must hold no style or script of its own:
// the browser would not run it.
func (s *Site) Page(w http.ResponseWriter, r *http.Request, title, nav string, body template.HTML) {
	s.send(w, r, http.StatusOK, shell{Title: title, Nav: nav, Live: true, Body: body})
}

// render fills a template with data.
func (s *Site) render(name string, data any) (template.HTML, error) {
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, name, data); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return template.HTML(out.String()), nil
}

// wrap puts the shell around a body.
func (s *Site) wrap(r *http.Request, in shell) ([]byte, error) {
	session := s.session(r)
	var links []Link
	if !s.config.TestbedOnly {
		links = append(links, Link{"/", "Zones"}, Link{"/incidents", "Incidents"}, Link{"/forecast", "Forecast"}, Link{"/sweeps", "Sweeps"})
	}
	if s.config.Root != nil && !s.config.TestbedOnly {
		links = append(links, Link{rootPath, "Root keys"})
	}
	if s.config.Checks != nil && !s.config.TestbedOnly {
		links = append(links, Link{"/checks", "Checks"})
	}
	if s.config.Testbed != nil {
		links = append(links, Link{testbedPath, "Test zones"})
	}
	links = append(links, s.sentinelLinks()...)
	if session.staff {
		links = append(links, Link{"/notices", "Notices"}, Link{"/contacts", "Contacts"})
	}
	view := shellView{
		shell: in, Site: s.config.Title, Version: s.config.Version,
		Style: s.style.path, Script: s.script.path, Icon: s.icon.path,
		Links: append(links, s.config.Links...),
		Staff: session.staff, SignedIn: session.cookie != "", CanSignIn: s.config.StaffToken != "",
		Form: s.formToken(session),
		Now:  s.clock.Now().UnixMilli(), Rate: s.config.ClockRate, Refresh: s.config.Refresh.Milliseconds(),
	}
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, "shell", view); err != nil {
		return nil, fmt.Errorf("render shell: %w", err)
	}
	return out.Bytes(), nil
}

// show renders a template within the shell and sends it.
func (s *Site) show(w http.ResponseWriter, r *http.Request, in shell, name string, data any) error {
	body, err := s.render(name, data)
	if err != nil {
		return err
	}
	in.Body = body
	s.send(w, r, http.StatusOK, in)
	return nil
}

func (s *Site) send(w http.ResponseWriter, r *http.Request, status int, in shell) {
	text, err := s.wrap(r, in)
	if err != nil {
		s.config.Log.Error("cannot show page", "path", r.URL.Path, "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	s.sendPacked(w, r, status, pack(text))
}

// packed is a page ready to go: as it is and compressed, with the tag by which
// a browser knows it again.
type packed struct {
	plain, small []byte
	tag          string
}

var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, 5) // level 5 is valid: no error
	return z
}}

func pack(text []byte) packed {
	sum := sha256.Sum256(text)
	var small bytes.Buffer
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(&small)
	// Writing to a buffer does not fail.
	_, _ = z.Write(text)
	_ = z.Close()
	return packed{text, small.Bytes(), base64.RawURLEncoding.EncodeToString(sum[:12])}
}

// sendPacked sends a page, or only says that it has not changed. What staff
// see, and what was marked so before, is kept in no cache.
func (s *Site) sendPacked(w http.ResponseWriter, r *http.Request, status int, p packed) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Accept-Encoding, Cookie, Authorization")
	if s.session(r).staff || h.Get("Cache-Control") == "no-store" {
		h.Set("Cache-Control", "no-store")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	body, tag := p.plain, `"`+p.tag+`"`
	if acceptsGzip(r) {
		body, tag = p.small, `"`+p.tag+`-gzip"`
		h.Set("Content-Encoding", "gzip")
	}
	if status == http.StatusOK {
		h.Set("ETag", tag)
		if matchesTag(r.Header.Get("If-None-Match"), tag) {
			h.Del("Content-Type")
			h.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the visitor may have gone; nothing is to be done
	}
}

// acceptsGzip reads Accept-Encoding as far as it matters: gzip is wanted
// unless it is not named or has a weight of zero (RFC 9110 section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, found := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			value, err := strconv.ParseFloat(q, 64)
			return !found || err == nil && value > 0
		}
	}
	return false
}

// matchesTag compares weakly, as If-None-Match wants (RFC 9110 section 13.1.2).
func matchesTag(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == tag {
			return true
		}
	}
	return false
}

// asset is an embedded file under a path that changes with its content, so
// that browsers may keep it for ever.
type asset struct {
	path, kind string
	packed
}

func newAsset(name, extension, kind string) asset {
	text, err := assets.ReadFile("assets/" + name + "." + extension)
	if err != nil {
		panic("web: embedded asset is missing: " + err.Error())
	}
	p := pack(text)
	return asset{path: "/assets/" + name + "-" + p.tag[:8] + "." + extension, kind: kind, packed: p}
}

func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	if acceptsGzip(r) {
		body = a.small
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
