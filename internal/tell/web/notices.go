package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
)

// noticesShown bounds the list of notices that are done with.
const noticesShown = 200

type noticesView struct {
	Now  time.Time
	Form string
	Held []holdfast.Notice
	Way  []holdfast.Notice // queued or being sent
	Done []holdfast.Notice
}

func (s *Site) serveNotices(w http.ResponseWriter, r *http.Request) error {
	view := noticesView{Now: s.clock.Now(), Form: s.formToken(s.session(r))}
	for _, group := range []struct {
		to     *[]holdfast.Notice
		limit  int
		states []holdfast.NoticeState
	}{
		{&view.Held, 1000, []holdfast.NoticeState{holdfast.NoticeHeld}},
		{&view.Way, 1000, []holdfast.NoticeState{holdfast.NoticeQueued, holdfast.NoticeSending}},
		{&view.Done, noticesShown, []holdfast.NoticeState{holdfast.NoticeSent, holdfast.NoticeDropped, holdfast.NoticeFailed}},
	} {
		notices, err := s.record.Notices(r.Context(), record.NoticeFilter{States: group.states, Limit: group.limit})
		if err != nil {
			return err
		}
		*group.to = notices
	}
	return s.show(w, r, shell{Title: "Notices", Nav: "/notices"}, "notices", view)
}

type noticeView struct {
	holdfast.Notice
	Now     time.Time
	Form    string
	Body    string
	CanSend bool
	CanDrop bool
}

func (s *Site) serveNotice(w http.ResponseWriter, r *http.Request) error {
	n, err := s.record.Notice(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	view := noticeView{Notice: n, Now: s.clock.Now(), Form: s.formToken(s.session(r)), Body: clean(n.Text)}
	if view.Body == "" {
		view.Body = clean(string(n.Payload))
	}
	view.CanSend = n.State == holdfast.NoticeHeld
	view.CanDrop = view.CanSend || n.State == holdfast.NoticeQueued
	return s.show(w, r, shell{Title: clean(n.Subject), Nav: "/notices"}, "notice", view)
}

// settleNotice releases or drops a notice, as a person at the page decided.
func (s *Site) settleNotice(w http.ResponseWriter, r *http.Request) error {
	id, now := r.PathValue("id"), s.clock.Now()
	var err error
	switch r.PathValue("verb") {
	case "release":
		err = s.record.ReleaseNotice(r.Context(), id, now)
	case "drop":
		why := strings.TrimSpace(r.PostFormValue("why"))
		err = s.record.DropNotice(r.Context(), id, now, cmp.Or(why[:min(len(why), 500)], "dropped on the page"))
	default:
		return notFound("A notice can be released or dropped, nothing else.")
	}
	if err != nil {
		return err
	}
	s.config.Log.Info("notice settled on the page", "notice", id, "verb", r.PathValue("verb"), "from", r.RemoteAddr)
	http.Redirect(w, r, "/notices#"+url.PathEscape(id), http.StatusSeeOther)
	return nil
}

func (s *Site) serveContacts(w http.ResponseWriter, r *http.Request) error {
	contacts, err := s.record.Contacts(r.Context())
	if err != nil {
		return err
	}
	slices.SortFunc(contacts, func(a, b holdfast.Contact) int { return cmp.Compare(a.Zone, b.Zone) })
	return s.show(w, r, shell{Title: "Contacts", Nav: "/contacts"}, "contacts", struct {
		Now      time.Time
		Contacts []holdfast.Contact
	}{s.clock.Now(), contacts})
}
