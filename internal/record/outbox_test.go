package record

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

func notice(id string, state holdfast.NoticeState, at time.Time) holdfast.Notice {
	return holdfast.Notice{ID: id, Incident: "i1", Reason: holdfast.ReasonOpened, Severity: holdfast.SeverityWarning, Zones: []holdfast.Name{"a."},
		Audience: holdfast.ForStaff, Channel: "mail", Recipient: "staff@holdfast.example", MessageID: "<" + id + "@holdfast.example>",
		Subject: "a is ill", Text: "It is.", State: state, Created: at, NotBefore: at}
}

func incident(id string, severity holdfast.Severity, at time.Time, zones ...holdfast.Name) holdfast.Incident {
	return holdfast.Incident{ID: id, Trouble: holdfast.TroubleExpiry, Zones: zones, State: holdfast.StateOpen, Severity: severity, Peak: severity,
		Title: "signatures expire", Opened: at, Updated: at, Log: []holdfast.IncidentEvent{{At: at, What: "opened", Severity: severity, Text: "t"}},
		Findings: []holdfast.IncidentFinding{{Finding: holdfast.Finding{Code: "SIG-01", Zone: zones[0]}, Measurement: "m1"}}}
}

func TestIncidents(t *testing.T) {
	r := create(t)
	mild, bad, worst := incident("i1", holdfast.SeverityWarning, morning, "a."), incident("i2", holdfast.SeverityError, morning.Add(time.Hour), "a.", "b."),
		incident("i3", holdfast.SeverityError, morning.Add(2*time.Hour), "c.")
	noError(t, r.Decide(t.Context(), []holdfast.Incident{mild, bad, worst}, nil))
	bad.State, bad.Updated, bad.Zones = holdfast.StateClosed, morning.Add(3*time.Hour), []holdfast.Name{"b."}
	noError(t, r.Decide(t.Context(), []holdfast.Incident{bad}, nil))
	noError(t, r.Decide(t.Context(), nil, nil))
	for name, c := range map[string]struct {
		filter IncidentFilter
		want   []holdfast.Incident
	}{
		"all":   {IncidentFilter{}, []holdfast.Incident{worst, bad, mild}},
		"open":  {IncidentFilter{States: []holdfast.State{holdfast.StateOpen, holdfast.StatePending}}, []holdfast.Incident{worst, mild}},
		"zone":  {IncidentFilter{Zone: "a."}, []holdfast.Incident{mild}},
		"since": {IncidentFilter{Since: morning.Add(3 * time.Hour)}, []holdfast.Incident{bad}},
		"limit": {IncidentFilter{Limit: 1}, []holdfast.Incident{worst}},
		"none":  {IncidentFilter{Zone: "a.", States: []holdfast.State{holdfast.StateClosed}}, nil},
	} {
		got, err := r.Incidents(t.Context(), c.filter)
		noError(t, err)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
	if got, err := r.Incident(t.Context(), "i2"); err != nil || !reflect.DeepEqual(got, bad) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := r.Incident(t.Context(), "i9"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown incident: %v", err)
	}
}

func TestDecideIsAllOrNothing(t *testing.T) {
	r := create(t)
	bad := notice("n2", holdfast.NoticeSent, morning) // no notice is born sent
	err := r.Decide(t.Context(), []holdfast.Incident{incident("i1", holdfast.SeverityError, morning, "a.")},
		[]holdfast.Notice{notice("n1", holdfast.NoticeQueued, morning), bad})
	if !errors.Is(err, ErrState) {
		t.Fatalf("%v, want ErrState", err)
	}
	if got, err := r.Incidents(t.Context(), IncidentFilter{}); err != nil || len(got) != 0 {
		t.Errorf("%d incidents, %v, want none", len(got), err)
	}
	if got, err := r.Notices(t.Context(), NoticeFilter{}); err != nil || len(got) != 0 {
		t.Errorf("%d notices, %v, want none", len(got), err)
	}
}

// The state machine, exhaustively: each act in each state.
func TestNoticeStates(t *testing.T) {
	later := morning.Add(time.Hour)
	acts := map[string]func(r *Record, id string) error{
		"claim":   func(r *Record, id string) error { return r.ClaimNotice(t.Context(), id, later) },
		"release": func(r *Record, id string) error { return r.ReleaseNotice(t.Context(), id, later) },
		"drop":    func(r *Record, id string) error { return r.DropNotice(t.Context(), id, later, "moot") },
		"settle sent": func(r *Record, id string) error {
			return r.SettleNotice(t.Context(), id, holdfast.NoticeSent, later, time.Time{}, "")
		},
		"settle retry": func(r *Record, id string) error {
			return r.SettleNotice(t.Context(), id, holdfast.NoticeQueued, later, later.Add(time.Minute), "451 try later")
		},
		"settle fail": func(r *Record, id string) error {
			return r.SettleNotice(t.Context(), id, holdfast.NoticeFailed, later, time.Time{}, "550 no such user")
		},
		"settle held": func(r *Record, id string) error {
			return r.SettleNotice(t.Context(), id, holdfast.NoticeHeld, later, time.Time{}, "")
		},
	}
	paths := map[holdfast.NoticeState][]string{ // how to get there from held
		holdfast.NoticeHeld: {}, holdfast.NoticeQueued: {"release"}, holdfast.NoticeSending: {"release", "claim"},
		holdfast.NoticeSent: {"release", "claim", "settle sent"}, holdfast.NoticeFailed: {"release", "claim", "settle fail"}, holdfast.NoticeDropped: {"drop"},
	}
	allowed := map[holdfast.NoticeState]map[string]holdfast.NoticeState{
		holdfast.NoticeHeld:    {"release": holdfast.NoticeQueued, "drop": holdfast.NoticeDropped},
		holdfast.NoticeQueued:  {"claim": holdfast.NoticeSending, "drop": holdfast.NoticeDropped},
		holdfast.NoticeSending: {"settle sent": holdfast.NoticeSent, "settle retry": holdfast.NoticeQueued, "settle fail": holdfast.NoticeFailed},
	}
	r := create(t)
	for state, path := range paths {
		for act, do := range acts {
			id := string(state) + act
			noError(t, r.Decide(t.Context(), nil, []holdfast.Notice{notice(id, holdfast.NoticeHeld, morning)}))
			for _, step := range path {
				noError(t, acts[step](r, id))
			}
			err := do(r, id)
			want, may := allowed[state][act]
			if !may {
				want = state
				if !errors.Is(err, ErrState) {
					t.Errorf("%s when %s: %v, want ErrState", act, state, err)
				}
			} else if err != nil {
				t.Errorf("%s when %s: %v", act, state, err)
			}
			if got, err := r.Notice(t.Context(), id); err != nil || got.State != want {
				t.Errorf("%s when %s made it %s (%v), want %s", act, state, got.State, err, want)
			}
		}
	}
	for act, do := range acts {
		if err := do(r, "unknown"); !errors.Is(err, ErrNotFound) && act != "settle held" {
			t.Errorf("%s of an unknown notice: %v, want ErrNotFound", act, err)
		}
	}
}

func TestRetriesAreCounted(t *testing.T) {
	r := create(t)
	n := notice("n", holdfast.NoticeQueued, morning)
	n.HTML, n.Payload, n.ThreadID, n.Also = "<p>It is.</p>", []byte(`{"a":1}`), "<t@holdfast.example>", []string{"i2"}
	noError(t, r.Decide(t.Context(), nil, []holdfast.Notice{n}))
	got, err := r.Notice(t.Context(), "n")
	noError(t, err)
	if !reflect.DeepEqual(got, n) {
		t.Errorf("\n got %+v\nwant %+v", got, n)
	}
	again := morning.Add(time.Minute)
	noError(t, r.ClaimNotice(t.Context(), "n", morning))
	noError(t, r.SettleNotice(t.Context(), "n", holdfast.NoticeQueued, morning, again, "451 try later"))
	if due, err := r.DueNotices(t.Context(), again.Add(-1), 0); err != nil || len(due) != 0 {
		t.Errorf("due before its time: %v, %v", due, err)
	}
	due, err := r.DueNotices(t.Context(), again, 0)
	if err != nil || len(due) != 1 || due[0].LastError != "451 try later" || due[0].Attempts != 1 {
		t.Fatalf("due: %+v, %v", due, err)
	}
	noError(t, r.ClaimNotice(t.Context(), "n", again))
	noError(t, r.SettleNotice(t.Context(), "n", holdfast.NoticeSent, again.Add(time.Second), time.Time{}, ""))
	got, err = r.Notice(t.Context(), "n")
	if err != nil || got.Attempts != 2 || !got.Sent.Equal(again.Add(time.Second)) || got.LastError != "" {
		t.Errorf("%+v, %v", got, err)
	}
	// Decided once more, as after a crash: it is not sent again.
	noError(t, r.Decide(t.Context(), nil, []holdfast.Notice{n}))
	if got, err := r.Notice(t.Context(), "n"); err != nil || got.State != holdfast.NoticeSent {
		t.Errorf("decided twice: %s, %v", got.State, err)
	}
}

func TestNoticeLists(t *testing.T) {
	r := create(t)
	a, b, c, d := notice("a", holdfast.NoticeQueued, morning), notice("b", holdfast.NoticeHeld, morning.Add(time.Minute)),
		notice("c", holdfast.NoticeQueued, morning.Add(2*time.Minute)), notice("d", holdfast.NoticeDropped, morning.Add(3*time.Minute))
	b.Recipient, b.Audience, b.Incident, c.Also = "tech@a.example", holdfast.ForContact, "i2", []string{"i2"}
	noError(t, r.Decide(t.Context(), nil, []holdfast.Notice{a, b, c, d}))
	for name, x := range map[string]struct {
		filter NoticeFilter
		want   string
	}{
		"all": {NoticeFilter{}, "dcba"}, "held or dropped": {NoticeFilter{States: []holdfast.NoticeState{"held", "dropped"}}, "db"},
		"incident": {NoticeFilter{Incident: "i2"}, "cb"}, "recipient": {NoticeFilter{Recipient: "tech@a.example"}, "b"},
		"since": {NoticeFilter{Since: c.Created}, "dc"}, "limit": {NoticeFilter{Limit: 2}, "dc"},
	} {
		got, err := r.Notices(t.Context(), x.filter)
		noError(t, err)
		if ids(got) != x.want {
			t.Errorf("%s: %s, want %s", name, ids(got), x.want)
		}
	}
	if due, err := r.DueNotices(t.Context(), morning.Add(time.Hour), 0); err != nil || ids(due) != "ac" {
		t.Errorf("due: %s, %v, want the oldest first", ids(due), err)
	}
	if last, err := r.LastNoticeTo(t.Context(), a.Recipient, holdfast.ForStaff); err != nil || last.ID != "c" {
		t.Errorf("last: %s, %v, want the newest not dropped", last.ID, err)
	}
	if _, err := r.LastNoticeTo(t.Context(), a.Recipient, holdfast.ForContact); !errors.Is(err, ErrNotFound) {
		t.Errorf("last of another audience: %v", err)
	}
}

func ids(notices []holdfast.Notice) (s string) {
	for _, n := range notices {
		s += n.ID
	}
	return s
}

// Of many who claim a notice at once one gets it.
func TestOneClaimWins(t *testing.T) {
	r := create(t)
	noError(t, r.Decide(t.Context(), nil, []holdfast.Notice{notice("n", holdfast.NoticeQueued, morning)}))
	var wait sync.WaitGroup
	won := make(chan bool, 20)
	for range cap(won) {
		wait.Go(func() {
			if err := r.ClaimNotice(t.Context(), "n", morning); err == nil {
				won <- true
			} else if !errors.Is(err, ErrState) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if len(won) != 1 {
		t.Errorf("%d claims won", len(won))
	}
}

func TestRecoverSending(t *testing.T) {
	r := create(t)
	noError(t, r.Decide(t.Context(), nil, []holdfast.Notice{notice("n", holdfast.NoticeQueued, morning), notice("m", holdfast.NoticeHeld, morning)}))
	noError(t, r.ClaimNotice(t.Context(), "n", morning))
	now := morning.Add(time.Hour)
	if due, err := r.DueNotices(t.Context(), now, 0); err != nil || len(due) != 0 {
		t.Errorf("due while it is being sent: %s, %v", ids(due), err)
	}
	if n, err := r.RecoverSending(t.Context(), now); n != 1 || err != nil {
		t.Errorf("%d recovered, %v, want 1", n, err)
	}
	due, err := r.DueNotices(t.Context(), now, 0)
	if err != nil || ids(due) != "n" || due[0].MessageID != "<n@holdfast.example>" || due[0].Attempts != 1 || due[0].LastError == "" {
		t.Errorf("due: %+v, %v", due, err)
	}
}
