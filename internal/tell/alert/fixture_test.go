package alert

import (
	"fmt"
	"hash/crc32"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/tell/notify"
)

var start = time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(time.Duration) <-chan time.Time { return make(chan time.Time) }

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// watch is an alert over a real record, with a hand on the clock.
type watch struct {
	testing.TB
	*Alert
	path    string
	clock   *clock
	config  Config
	targets []notify.Target
	looks   int
}

func newWatch(t testing.TB, change ...func(*Config)) *watch {
	t.Helper()
	w := &watch{TB: t, path: filepath.Join(t.TempDir(), "holdfast.db"), clock: &clock{now: start}}
	w.config = Config{Staff: []string{"Staff <staff@Registry.example>"}, BaseURL: "https://watch.registry.example",
		MessageDomain: "registry.example", Sender: "Example Registry Watch, +1 555 0100"}
	for _, f := range change {
		f(&w.config)
	}
	r, err := record.Create(t.Context(), w.path)
	if err != nil {
		t.Fatal(err)
	}
	w.open(r)
	return w
}

func (w *watch) open(r *record.Record) {
	w.Helper()
	w.Cleanup(func() { _ = r.Close() })
	a, err := New(w.Context(), w.config, r, w.clock, w.targets, nil)
	if err != nil {
		w.Fatal(err)
	}
	w.Alert = a
}

// restart is a kill and a new process.
func (w *watch) restart() {
	w.Helper()
	_ = w.record.Close()
	r, err := record.Open(w.Context(), w.path)
	if err != nil {
		w.Fatal(err)
	}
	w.open(r)
}

func server(zone holdfast.Name, n int) holdfast.Server {
	name := holdfast.Name(fmt.Sprintf("ns%d.nic.%s", n, zone))
	if zone == holdfast.Root {
		name = holdfast.Name(fmt.Sprintf("%c.root-servers.net.", 'a'+n))
	}
	house := crc32.ChecksumIEEE([]byte(zone)) // each zone has addresses of its own
	return holdfast.Server{Name: name, Address: netip.AddrFrom4([4]byte{10, byte(house), byte(house >> 8), byte(n)})}
}

func subject(zone holdfast.Name) holdfast.Subject {
	return holdfast.Subject{Zone: zone, Unicode: holdfast.UName(zone.Short()), Kind: holdfast.KindGeneric}
}

// verdict is that of the next look at a zone with two servers.
func (w *watch) verdict(zone holdfast.Name, findings ...holdfast.Finding) holdfast.Verdict {
	w.looks++
	v := holdfast.Verdict{Zone: zone, Measurement: fmt.Sprintf("m%06d", w.looks), Depth: holdfast.Full, At: w.clock.Now(), Status: holdfast.Secure}
	for n := 1; n <= 2; n++ {
		v.Servers = append(v.Servers, holdfast.ServerVerdict{Server: server(zone, n), Status: holdfast.Secure})
	}
	for _, f := range findings {
		f.Zone, f.Evidence = zone, []int{3}
		v.Findings = append(v.Findings, f)
	}
	return v
}

// look lets the alert consider a look, five minutes after the last one.
func (w *watch) look(zone holdfast.Name, findings ...holdfast.Finding) holdfast.Verdict {
	w.Helper()
	w.clock.move(5 * time.Minute)
	return w.lookNow(zone, findings...)
}

func (w *watch) lookNow(zone holdfast.Name, findings ...holdfast.Finding) holdfast.Verdict {
	w.Helper()
	v := w.verdict(zone, findings...)
	w.consider(v)
	return v
}

func (w *watch) consider(v holdfast.Verdict) {
	w.Helper()
	if err := w.Consider(w.Context(), subject(v.Zone), v, "sweep-1"); err != nil {
		w.Fatal(err)
	}
}

func (w *watch) tick() {
	w.Helper()
	if err := w.Tick(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// only is the one incident that is recorded.
func (w *watch) only() holdfast.Incident {
	w.Helper()
	all := w.all()
	if len(all) != 1 {
		w.Fatalf("%d incidents are recorded, want 1: %v", len(all), all)
	}
	return all[0]
}

func (w *watch) all() []holdfast.Incident {
	w.Helper()
	all, err := w.record.Incidents(w.Context(), record.IncidentFilter{})
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// notices to a recipient, oldest first.
func (w *watch) notices(recipient string, states ...holdfast.NoticeState) []holdfast.Notice {
	w.Helper()
	all, err := w.record.Notices(w.Context(), record.NoticeFilter{Recipient: recipient, States: states})
	if err != nil {
		w.Fatal(err)
	}
	out := make([]holdfast.Notice, len(all))
	for n := range all {
		out[len(all)-1-n] = all[n]
	}
	return out
}

// told are the reasons and severities of notices to a recipient, in order:
// "opened error, raised critical".
func (w *watch) told(recipient string) string {
	w.Helper()
	var words []string
	for _, n := range w.notices(recipient) {
		word := string(n.Reason) + " " + n.Severity.String()
		if n.Audience == holdfast.ForContact {
			word += " " + string(n.State)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func (w *watch) wantTold(recipient, want string) {
	w.Helper()
	if got := w.told(recipient); got != want {
		w.Errorf("%s was told\n\t%s\nwant\n\t%s", recipient, got, want)
	}
}

const staff = "staff@registry.example"

func (w *watch) contact(zone holdfast.Name, email string) {
	w.Helper()
	err := w.record.SaveContact(w.Context(), holdfast.Contact{Zone: zone, Role: "technical", Person: "Tech Contact", Email: email,
		Phone: "+1 555 0199", Source: holdfast.ContactFromRDAP, Fetched: start})
	if err != nil {
		w.Fatal(err)
	}
}

// send settles all that is queued as sent now.
func (w *watch) send() {
	w.Helper()
	due, err := w.record.DueNotices(w.Context(), w.clock.Now(), 1000)
	if err != nil {
		w.Fatal(err)
	}
	for _, n := range due {
		if err := w.record.ClaimNotice(w.Context(), n.ID, w.clock.Now()); err != nil {
			w.Fatal(err)
		}
		if err := w.record.SettleNotice(w.Context(), n.ID, holdfast.NoticeSent, w.clock.Now(), time.Time{}, ""); err != nil {
			w.Fatal(err)
		}
	}
}

// expiring is a warning of signatures that die at an instant, at all servers.
func expiring(severity holdfast.Severity, until time.Time) holdfast.Finding {
	return holdfast.Finding{Code: "SIG-02", Name: "signature-expires-soon", Severity: severity, RRset: holdfast.ClassNS, Until: until,
		Text: "signatures over NS expire soon at all servers", Reference: "RFC 6781 section 4.4.2"}
}

func expired(since time.Time) holdfast.Finding {
	return holdfast.Finding{Code: "SIG-01", Name: "signature-expired", Severity: holdfast.SeverityCritical, RRset: holdfast.ClassNS, Until: since,
		Text: "signatures over NS have expired at all servers", Reference: "RFC 4035 section 5.3.1"}
}

func silentServer(s holdfast.Server) holdfast.Finding {
	return holdfast.Finding{Code: "CON-01", Name: "not-answering", Severity: holdfast.SeverityWarning, Server: s,
		Text: "no reply over UDP", Reference: "RFC 1035 section 4.2.1"}
}
