package web

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// noon is the instant at which the tests look at their world.
var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

type stillClock struct{ now time.Time }

func (c *stillClock) Now() time.Time                       { return c.now }
func (c *stillClock) After(time.Duration) <-chan time.Time { return nil }

const (
	secretAddress = "hostmaster@secret-contact.example"
	staffToken    = "a-long-token-of-the-staff-0123456789"
	hostile       = "<script>alert(1)</script>\x1b[2J\u202egnp.exe\x00\"'"
)

// invented is a made-up world: some zones in each kind of trouble, the rest
// well, with names from "aa" on.
type invented struct {
	*record.Record
	clock *stillClock
}

func newRecord(t testing.TB) *record.Record {
	t.Helper()
	rec, err := record.Create(context.Background(), filepath.Join(t.TempDir(), "holdfast.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	return rec
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var realIDN = []string{"xn--p1ai", "xn--wgbh1c", "xn--fiqs8s", "xn--j6w193g", "xn--90ais", "xn--mgberp4a5d4ar", "xn--qxam", "xn--3e0b707e"}

func subjects(n int) []holdfast.Subject {
	var out []holdfast.Subject
	add := func(label string, kind holdfast.Kind) {
		name := holdfast.Name(label + ".")
		out = append(out, holdfast.Subject{Zone: name, Unicode: wire.Unicode(name), Kind: kind, IDN: strings.HasPrefix(label, "xn--")})
	}
	for _, label := range realIDN {
		add(label, holdfast.KindCountry)
	}
	for i := 0; len(out) < n && i < 26*26; i++ {
		add(string([]byte{byte('a' + i/26), byte('a' + i%26)}), holdfast.KindCountry)
	}
	syllables := []string{"ba", "ko", "ri", "sun", "tel", "mo", "net", "shop", "vi", "lan"}
	for i := 0; len(out) < n; i++ {
		add(syllables[i%10]+syllables[i/10%10]+syllables[i/100%10], holdfast.KindGeneric)
	}
	return out[:n]
}

func invent(t testing.TB, zones int) invented {
	t.Helper()
	ctx, rec, clock := context.Background(), newRecord(t), &stillClock{noon}
	all := subjects(zones)
	must(t, rec.SaveRoster(ctx, record.Roster{Serial: 2026073102, Source: "a test", Fetched: noon.Add(-time.Hour), Subjects: all}))
	sweep := holdfast.Sweep{
		ID: "sweep-1", Depth: holdfast.Core, Vantage: "test", Program: "holdfast test", Catalogue: "1", Serial: 2026073102,
		Started: noon.Add(-3 * time.Minute), Zones: zones, Questions: zones * 20,
		Outcomes: map[holdfast.Outcome]int{holdfast.Answered: zones * 19, holdfast.Timeout: zones},
		Statuses: map[holdfast.Status]int{holdfast.Secure: zones},
	}
	must(t, rec.BeginSweep(ctx, sweep))
	random := rand.New(rand.NewPCG(1, 2))
	for i, s := range all {
		m := measurementOf(t, i, s)
		must(t, rec.Measured(ctx, m))
		must(t, rec.Found(ctx, s, verdictOf(i, s, m, random), holdfast.Past{}))
	}
	sweep.Finished = noon.Add(-2 * time.Minute)
	must(t, rec.EndSweep(ctx, sweep))
	inventTrouble(t, rec, all)
	return invented{rec, clock}
}

func serversOf(i int, s holdfast.Subject) []holdfast.Server {
	var out []holdfast.Server
	for n := range 3 {
		name := holdfast.Name(fmt.Sprintf("ns%d.nic.%s", n+1, s.Zone))
		out = append(out, holdfast.Server{Name: name, Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(10*n + i%10)})},
			holdfast.Server{Name: name, Address: netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::%x", i, n+1))})
	}
	return out
}

func measurementOf(t testing.TB, i int, s holdfast.Subject) holdfast.Measurement {
	t.Helper()
	m := holdfast.Measurement{
		ID: fmt.Sprintf("m-%05d", i), Sweep: "sweep-1", Subject: s, Depth: holdfast.Full, Vantage: "test",
		Started: noon.Add(-3 * time.Minute), Finished: noon.Add(-150 * time.Second),
	}
	for n, server := range serversOf(i, s)[:2] {
		question := holdfast.Question{Name: s.Zone, Type: uint16(wire.TypeSOA)}
		query, err := wire.NewQuery(uint16(i), question).Pack()
		must(t, err)
		soa, err := wire.NewSOA(s.Zone, 3600, wire.SOA{MName: server.Name, RName: "hostmaster." + s.Zone, Serial: 2026080100, Refresh: 1800, Retry: 900, Expire: 604800, NegativeMinTTL: 300})
		must(t, err)
		text := wire.NewRecord(s.Zone, wire.TypeTXT, 60, append([]byte{byte(len(hostile))}, hostile...))
		reply, err := (&wire.Message{ID: uint16(i), Response: true, Authoritative: true, Question: []holdfast.Question{question}, Answer: []wire.Record{soa, text}}).Pack()
		must(t, err)
		e := holdfast.Exchange{
			Zone: s.Zone, Purpose: holdfast.PurposeSOA, Server: server, Question: question, Transport: holdfast.UDP,
			Sent: m.Started.Add(time.Duration(n) * time.Second), RTT: 12 * time.Millisecond, Tries: 1, Outcome: holdfast.Answered, Query: query, Reply: reply,
		}
		m.Exchanges = append(m.Exchanges, e)
	}
	last := m.Exchanges[0]
	last.Server, last.Purpose, last.Outcome, last.Reply, last.RTT, last.Detail = serversOf(i, s)[4], holdfast.PurposeSOATCP, holdfast.Timeout, nil, 0, "gave up "+hostile
	m.Exchanges = append(m.Exchanges, last)
	return m
}

// verdictOf makes the first zones ill, each in its own way.
func verdictOf(i int, s holdfast.Subject, m holdfast.Measurement, random *rand.Rand) holdfast.Verdict {
	v := holdfast.Verdict{
		Zone: s.Zone, Measurement: m.ID, Depth: m.Depth, At: noon.Add(-2 * time.Minute), Catalogue: "1",
		Status: holdfast.Secure, Algorithms: holdfast.Algorithms{[]uint8{8, 13, 8, 10}[i%4]}, Findings: []holdfast.Finding{},
	}
	fails := noon.Add(time.Duration(3+random.IntN(18*24)) * time.Hour).Add(10 * 24 * time.Hour)
	servers := serversOf(i, s)
	find := func(code, name string, severity holdfast.Severity, server holdfast.Server, class holdfast.Class, text string) {
		v.Findings = append(v.Findings, holdfast.Finding{
			Code: code, Name: name, Severity: severity, Zone: s.Zone, Server: server, RRset: class,
			Text: text, Reference: "RFC 4035 section 5.3.1", Until: fails, Evidence: []int{0, 2},
		})
	}
	lagging := -1
	switch {
	case i == 9:
		fails = noon.Add(-26 * time.Hour)
		v.Status, v.Reason, v.EDE = holdfast.Bogus, "all signatures over SOA expired "+hostile, 7
		find("SIG-01", "signature-expired", holdfast.SeverityCritical, holdfast.Server{}, holdfast.ClassSOA, "the signatures over SOA expired on all servers "+hostile)
	case i == 10:
		v.Status, v.Reason = holdfast.Unreached, "no server answered"
		find("CON-01", "no-answer", holdfast.SeverityCritical, servers[1], "", "the server does not answer over UDP")
	case i == 11:
		fails, lagging = noon.Add(5*time.Hour+20*time.Minute), 2
		find("SIG-02", "signature-expires-soon", holdfast.SeverityError, servers[2], holdfast.ClassSOA, "signatures at this server die on 1 Aug 2026 at 17:20")
		find("CST-01", "serial-differs", holdfast.SeverityWarning, servers[2], "", "the server is 13 days behind")
	case i == 12:
		v.Status = holdfast.Insecure
	case i == 13:
		v.Status, v.Reason = holdfast.Indeterminate, "the parent did not answer"
	case i < 30:
		fails = noon.Add(time.Duration(30+i*4) * time.Hour)
		find("SIG-02", "signature-expires-soon", holdfast.SeverityWarning, holdfast.Server{}, holdfast.ClassDNSKEY, "signatures over DNSKEY die within 7 days")
	case i < 90:
		find("SIG-03", "signature-outlived-by-expire", holdfast.SeverityNotice, holdfast.Server{}, holdfast.ClassSOA, "signatures die before the SOA's expire has passed")
	case i%16 == 0:
		v.Status = holdfast.Insecure
	}
	if v.Status != holdfast.Insecure {
		v.FailsAt, v.FailsBy = fails, holdfast.ClassSOA
		v.Windows = windowsOf(i, servers, fails, lagging)
	} else {
		v.Algorithms = nil
	}
	for n, server := range servers {
		one := holdfast.ServerVerdict{Server: server, Status: v.Status, FailsAt: v.FailsAt, FailsBy: v.FailsBy, Serial: 2026080100, Known: true, RTT: 12 * time.Millisecond}
		if lagging >= 0 && n != lagging {
			one.FailsAt = fails.Add(13 * 24 * time.Hour)
		}
		v.Servers = append(v.Servers, one)
	}
	return v
}

func windowsOf(i int, servers []holdfast.Server, fails time.Time, lagging int) []holdfast.Window {
	var out []holdfast.Window
	for c, class := range classOrder {
		for n, server := range servers {
			end := fails.Add(time.Duration(c*7) * time.Hour)
			if class == holdfast.ClassSOA {
				end = fails
			}
			if lagging >= 0 && n != lagging {
				end = end.Add(13 * 24 * time.Hour)
			}
			out = append(out, holdfast.Window{
				Server: server, Class: class, Inception: end.Add(-14 * 24 * time.Hour), Expiration: end,
				KeyTag: uint16(10000 + i), Algorithm: 13, Signer: "example.", TTL: 3600,
			})
		}
	}
	return out
}

func inventTrouble(t testing.TB, rec *record.Record, all []holdfast.Subject) {
	t.Helper()
	ctx := context.Background()
	m := measurementOf(t, 9, all[9])
	v := verdictOf(9, all[9], m, rand.New(rand.NewPCG(1, 2)))
	bogus := holdfast.Incident{
		ID: "i-bogus", Trouble: holdfast.TroubleExpiry, Zones: []holdfast.Name{all[9].Zone}, State: holdfast.StateOpen,
		Severity: holdfast.SeverityCritical, Peak: holdfast.SeverityCritical, Title: all[9].Zone.Short() + ": signatures over SOA have expired " + hostile,
		Opened: noon.Add(-30 * time.Hour), Updated: noon.Add(-2 * time.Minute), FailsAt: noon.Add(-26 * time.Hour), Servers: serversOf(9, all[9]),
		Findings: []holdfast.IncidentFinding{{Finding: v.Findings[0], Measurement: m.ID}},
		Log: []holdfast.IncidentEvent{
			{At: noon.Add(-30 * time.Hour), What: "opened", Severity: holdfast.SeverityWarning, Text: "signatures die in 4 h"},
			{At: noon.Add(-28 * time.Hour), What: "rose", Severity: holdfast.SeverityError, Text: "mail to " + secretAddress + " held for release"},
			{At: noon.Add(-26 * time.Hour), What: "rose", Severity: holdfast.SeverityCritical, Text: "expired on all servers " + hostile},
		},
	}
	lagging := holdfast.Incident{
		ID: "i-lag", Trouble: holdfast.TroubleExpiry, Zones: []holdfast.Name{all[11].Zone}, State: holdfast.StateOpen,
		Severity: holdfast.SeverityError, Peak: holdfast.SeverityError, Title: all[11].Zone.Short() + ": ns2 becomes bogus soon",
		Opened: noon.Add(-3 * time.Hour), Updated: noon.Add(-time.Hour), FailsAt: noon.Add(5 * time.Hour), Servers: serversOf(11, all[11])[2:3],
		Log: []holdfast.IncidentEvent{{At: noon.Add(-3 * time.Hour), What: "opened", Severity: holdfast.SeverityError, Text: "one server lags"}},
	}
	past := holdfast.Incident{
		ID: "i-past", Trouble: holdfast.TroubleReachability, Zones: []holdfast.Name{all[0].Zone, all[9].Zone}, State: holdfast.StateClosed,
		Severity: holdfast.SeverityWarning, Peak: holdfast.SeverityError, Title: "a server refused two zones",
		Opened: noon.Add(-80 * time.Hour), Updated: noon.Add(-70 * time.Hour), Closed: noon.Add(-70 * time.Hour),
		Log: []holdfast.IncidentEvent{{At: noon.Add(-80 * time.Hour), What: "opened", Severity: holdfast.SeverityError}, {At: noon.Add(-70 * time.Hour), What: "closed", Severity: holdfast.SeverityInfo}},
	}
	notice := func(id string, state holdfast.NoticeState, audience holdfast.Audience, to string) holdfast.Notice {
		return holdfast.Notice{
			ID: id, Incident: "i-bogus", Reason: holdfast.ReasonOpened, Severity: holdfast.SeverityError, Zones: bogus.Zones, Audience: audience,
			Channel: "mail", Recipient: to, MessageID: "<" + id + "@holdfast.example>", Subject: "[holdfast] " + hostile, Text: "Signatures expire.\n" + hostile,
			State: state, Created: noon.Add(-30 * time.Hour),
		}
	}
	sent := notice("n-sent", holdfast.NoticeQueued, holdfast.ForStaff, "noc@secret-contact.example")
	must(t, rec.Decide(ctx, []holdfast.Incident{bogus, lagging, past}, []holdfast.Notice{
		notice("n-held", holdfast.NoticeHeld, holdfast.ForContact, secretAddress), sent,
	}))
	must(t, rec.SaveContact(ctx, holdfast.Contact{Zone: all[9].Zone, Role: "technical", Person: "Person " + hostile, Email: secretAddress, Phone: "+1 555 0100", Source: holdfast.ContactFromFile, Fetched: noon}))
}

func decode(octets []byte) (string, error) {
	m, err := wire.Parse(octets)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range append(append(m.Answer, m.Authority...), m.Additional...) {
		fmt.Fprintln(&out, r)
	}
	return out.String(), nil
}

func (w invented) site(change func(*Config)) *Site {
	config := Config{
		Version: "test", StaffToken: staffToken, Decode: decode,
		Checks: fstest.MapFS{
			"SIG-01.md":      {Data: []byte("# SIG-01 signature-expired\n\nA signature is dead. <script>alert(1)</script> [x](javascript:alert(1))\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")},
			"README.md":      {Data: []byte("# Checks\n\n[SIG-01](SIG-01.md), [soon](sig-02-soon.md#why), [elsewhere](../operating.md), [itself](README.md)\n")},
			"sig-02-soon.md": {Data: []byte("# SIG-02: signature-expires-soon\n")},
		},
	}
	if change != nil {
		change(&config)
	}
	return New(config, w.Record, w.clock)
}

// get asks for a page, as staff where asked to.
func get(t testing.TB, site http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w
}

func zonePath(s holdfast.Subject) string { return zoneHref(s.Zone) }
