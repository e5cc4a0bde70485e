package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const (
	staffCookie  = "holdfast-staff"
	staffSession = 12 * time.Hour // a working day with its edges
	// formLimit bounds what a form may send: a token and a reason.
	formLimit = 8 << 10
)

// session is who asks.
type session struct {
	staff  bool
	cookie string // the session's cookie, where it is by one
}

// session says who asks: staff by a cookie of this site, by the bearer token,
// or, where the site is open, by asking under a loopback name.
func (s *Site) session(r *http.Request) session {
	if cookie, err := r.Cookie(staffCookie); err == nil && s.cookieHolds(cookie.Value) {
		return session{staff: true, cookie: cookie.Value}
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && s.tokenHolds(token) {
		return session{staff: true}
	}
	return session{staff: s.config.StaffOpen && loopbackName(r.Host)}
}

// loopbackName says whether a Host header names this machine itself. A page
// elsewhere whose name was made to point at 127.0.0.1 still sends its own name.
func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

// tokenHolds compares in constant time; hashing first hides the length too.
func (s *Site) tokenHolds(token string) bool {
	if s.config.StaffToken == "" {
		return false
	}
	want, got := sha256.Sum256([]byte(s.config.StaffToken)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// sealed is a text that only this site, with this token, could have written.
func (s *Site) sealed(what, text string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(what + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// newCookie is a session that ends at an instant: "seconds since 1970.seal".
// The token itself is not in it, and a change of the token ends all sessions.
func (s *Site) newCookie(ends time.Time) string {
	text := strconv.FormatInt(ends.Unix(), 10)
	return text + "." + s.sealed("session", text)
}

func (s *Site) cookieHolds(value string) bool {
	text, seal, found := strings.Cut(value, ".")
	ends, err := strconv.ParseInt(text, 10, 64)
	return s.config.StaffToken != "" && found && err == nil &&
		hmac.Equal([]byte(seal), []byte(s.sealed("session", text))) && s.clock.Now().Unix() < ends
}

// formToken goes into every form that changes something, and only a page of
// this session could have shown it.
func (s *Site) formToken(who session) string {
	if !who.staff {
		return ""
	}
	return s.sealed("form", who.cookie)
}

// formHolds says whether a form was shown by us to this session. A request by
// bearer token is no browser's, so it needs no form.
func (s *Site) formHolds(r *http.Request, who session) bool {
	if who.cookie == "" && !s.config.StaffOpen {
		return true
	}
	return hmac.Equal([]byte(r.PostFormValue("form")), []byte(s.formToken(who)))
}

func (s *Site) staffOnly(serve page) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		who := s.session(r)
		switch {
		case !who.staff && r.Method == http.MethodGet && s.config.StaffToken != "":
			http.Redirect(w, r, "/sign-in?to="+localPath(r.URL.Path), http.StatusSeeOther)
			return nil
		case !who.staff:
			return refusal{http.StatusForbidden, "This page is for staff."}
		case r.Method == http.MethodPost:
			r.Body = http.MaxBytesReader(w, r.Body, formLimit)
			if !s.formHolds(r, who) {
				return refusal{http.StatusForbidden, "The form is not of this session. Load the page again and repeat."}
			}
		}
		return serve(w, r)
	}
}

// localPath is a path of this site, whatever a visitor was made to follow.
func localPath(path string) string {
	for _, known := range []string{"/notices", "/contacts", "/incidents", "/zone/"} {
		if path == known || strings.HasPrefix(path, known) && !strings.ContainsAny(path, "\\\r\n:?#&%") {
			return path
		}
	}
	return "/notices"
}

type signInView struct {
	To     string
	Wrong  bool
	Closed bool // no token is configured
}

func (s *Site) serveSignIn(w http.ResponseWriter, r *http.Request) error {
	view := signInView{To: localPath(r.URL.Query().Get("to")), Closed: s.config.StaffToken == ""}
	return s.show(w, r, shell{Title: "Sign in", Nav: "/sign-in"}, "sign-in", view)
}

func (s *Site) signIn(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	to := localPath(r.PostFormValue("to"))
	if !s.tokenHolds(r.PostFormValue("token")) {
		s.config.Log.Warn("sign-in refused", "from", r.RemoteAddr)
		body, err := s.render("sign-in", signInView{To: to, Wrong: true, Closed: s.config.StaffToken == ""})
		if err != nil {
			return err
		}
		s.send(w, r, http.StatusForbidden, shell{Title: "Sign in", Nav: "/sign-in", Body: body})
		return nil
	}
	s.setCookie(w, r, s.newCookie(s.clock.Now().Add(staffSession)), int(staffSession.Seconds()))
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (s *Site) signOut(w http.ResponseWriter, r *http.Request) error {
	s.setCookie(w, r, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (s *Site) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	secure := r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
	http.SetCookie(w, &http.Cookie{
		Name: staffCookie, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	})
}
