package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/record"
	"github.com/holdfastdns/holdfast/internal/wire"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

type stillClock struct{ now time.Time }

func (c *stillClock) Now() time.Time                       { return c.now }
func (c *stillClock) After(time.Duration) <-chan time.Time { return nil }

const (
	staffToken    = "a-long-token-of-the-staff-0123456789"
	secretAddress = "hostmaster@secret-contact.example"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// watched is a small made-up world: three zones, one of them bogus, with all
// that the nouns can hold filled in, so that the description is put to the test.
func watched(t testing.TB) (*record.Record, *stillClock) {
	t.Helper()
	ctx := context.Background()
	rec, err := record.Create(ctx, filepath.Join(t.TempDir(), "holdfast.db"))
	must(t, err)
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	server := holdfast.Server{Name: "ns1.nic.ab.", Address: netip.MustParseAddr("192.0.2.1")}
	subjects := []holdfast.Subject{
		{Zone: "ab.", Unicode: "ab", Kind: holdfast.KindCountry, Delegation: &holdfast.Delegation{
			NS: []holdfast.Name{server.Name}, Glue: map[holdfast.Name][]netip.Addr{server.Name: {server.Address}},
			DS: []holdfast.DS{{KeyTag: 60000, Algorithm: 13, DigestType: 2, Digest: []byte{1, 2, 3}}}}},
		{Zone: "xn--p1ai.", Unicode: "рф", Kind: holdfast.KindCountry, IDN: true},
		{Zone: "shop.", Unicode: "shop", Kind: holdfast.KindGeneric},
	}
	must(t, rec.SaveRoster(ctx, record.Roster{Serial: 4026073102, Source: "a test", Fetched: noon, Subjects: subjects}))
	sweep := holdfast.Sweep{ID: "s-1", Depth: holdfast.Core, Vantage: "test", Program: "holdfast test", Catalogue: "1", Serial: 4026073102,
		Started: noon.Add(-3 * time.Minute), Zones: 3, Questions: 60, Outcomes: map[holdfast.Outcome]int{holdfast.Answered: 59, holdfast.Timeout: 1}, Statuses: map[holdfast.Status]int{holdfast.Bogus: 1}}
	must(t, rec.BeginSweep(ctx, sweep))
	question := holdfast.Question{Name: "ab.", Type: uint16(wire.TypeSOA)}
	query, err := wire.NewQuery(7, question).Pack()
	must(t, err)
	m := holdfast.Measurement{ID: "m-1", Sweep: "s-1", Subject: subjects[0], Depth: holdfast.Full, Vantage: "test", Started: noon.Add(-3 * time.Minute), Finished: noon.Add(-2 * time.Minute),
		Exchanges: []holdfast.Exchange{
			{Zone: "ab.", Purpose: holdfast.PurposeSOA, Server: server, Question: question, Transport: holdfast.UDP, Sent: noon.Add(-3 * time.Minute), RTT: 12345678, Tries: 1, Outcome: holdfast.Answered, Query: query, Reply: append([]byte(nil), query...)},
			{Zone: "ab.", Purpose: holdfast.PurposeSOATCP, Server: server, Question: question, Transport: holdfast.TCP, Sent: noon.Add(-3 * time.Minute), Tries: 2, Outcome: holdfast.WrongSource, Query: query, Detail: "from elsewhere", From: netip.MustParseAddr("2001:db8::9")},
		}}
	must(t, rec.Measured(ctx, m))
	finding := holdfast.Finding{Code: "SIG-01", Name: "signature-expired", Severity: holdfast.SeverityCritical, Zone: "ab.", Server: server, RRset: holdfast.ClassSOA,
		Text: "dead", Reference: "RFC 4035 section 5.3.1", EDE: 7, Until: noon.Add(-time.Hour), Evidence: []int{0}, Count: 2}
	verdict := holdfast.Verdict{Zone: "ab.", Measurement: "m-1", Depth: holdfast.Full, At: noon.Add(-2 * time.Minute), Catalogue: "1", Status: holdfast.Bogus, EDE: 7, Reason: "expired",
		FailsAt: noon.Add(-time.Hour), FailsBy: holdfast.ClassSOA, Algorithms: holdfast.Algorithms{8, 13},
		Servers:  []holdfast.ServerVerdict{{Server: server, Status: holdfast.Bogus, EDE: 7, FailsAt: noon.Add(-time.Hour), FailsBy: holdfast.ClassSOA, Serial: 4026080100, Known: true, RTT: 12345678, Reason: "expired"}},
		Windows:  []holdfast.Window{{Server: server, Class: holdfast.ClassSOA, Inception: noon.Add(-15 * 24 * time.Hour), Expiration: noon.Add(-time.Hour), KeyTag: 60000, Algorithm: 13, Signer: "ab.", TTL: 3600}},
		Findings: []holdfast.Finding{finding}, Suppressed: map[string]string{"SIG-02": "SIG-01"}}
	must(t, rec.Found(ctx, subjects[0], verdict, pastOf(server)))
	healthy := holdfast.Measurement{ID: "m-2", Sweep: "s-1", Subject: subjects[1], Depth: holdfast.Full, Started: noon, Finished: noon}
	must(t, rec.Measured(ctx, healthy))
	must(t, rec.Found(ctx, subjects[1], holdfast.Verdict{Zone: "xn--p1ai.", Measurement: "m-2", Depth: holdfast.Full, At: noon, Catalogue: "1", Status: holdfast.Secure, Algorithms: holdfast.Algorithms{8}, FailsAt: noon.Add(100 * time.Hour), FailsBy: holdfast.ClassNS}, holdfast.Past{}))
	sweep.Finished = noon.Add(-2 * time.Minute)
	must(t, rec.EndSweep(ctx, sweep))
	incident := holdfast.Incident{ID: "i-1", Trouble: holdfast.TroubleExpiry, Zones: []holdfast.Name{"ab."}, State: holdfast.StateOpen, Severity: holdfast.SeverityCritical, Peak: holdfast.SeverityCritical, Title: "ab: expired",
		Opened: noon.Add(-2 * time.Hour), Updated: noon, FailsAt: noon.Add(-time.Hour), Reopened: 1, Servers: []holdfast.Server{server}, Findings: []holdfast.IncidentFinding{{Finding: finding, Measurement: "m-1"}},
		Log: []holdfast.IncidentEvent{{At: noon, What: "opened", Severity: holdfast.SeverityCritical, Text: "mail to " + secretAddress + " held"}}}
	closed := holdfast.Incident{ID: "i-0", Trouble: holdfast.TroubleChain, Zones: []holdfast.Name{"shop."}, State: holdfast.StateClosed, Title: "over", Opened: noon.Add(-9 * time.Hour), Updated: noon.Add(-8 * time.Hour), Closed: noon.Add(-8 * time.Hour)}
	notice := holdfast.Notice{ID: "n-1", Incident: "i-1", Reason: holdfast.ReasonOpened, Severity: holdfast.SeverityCritical, Zones: []holdfast.Name{"ab."}, Audience: holdfast.ForContact, Channel: "mail", Recipient: secretAddress,
		MessageID: "<n-1@x>", ThreadID: "<n-0@x>", Subject: "expired", Text: "text", HTML: "<p>text</p>", Payload: []byte(`{"a":1}`), State: holdfast.NoticeHeld, Created: noon, NotBefore: noon.Add(time.Minute)}
	second := notice
	second.ID, second.MessageID = "n-2", "<n-2@x>"
	must(t, rec.Decide(ctx, []holdfast.Incident{incident, closed}, []holdfast.Notice{notice, second}))
	must(t, rec.SaveContact(ctx, holdfast.Contact{Zone: "ab.", Role: "technical", Person: "Secret-Contact Person", Organisation: "NIC", Email: secretAddress, Phone: "+1 555 0100", Source: holdfast.ContactFromFile, Fetched: noon}))
	return rec, &stillClock{noon}
}

// pastOf is a past with every list and every field filled in.
func pastOf(server holdfast.Server) holdfast.Past {
	at := func(days int) time.Time { return noon.Add(time.Duration(days) * 24 * time.Hour) }
	return holdfast.Past{
		Since: at(-90), Until: at(0), Looks: 2000, Full: at(-1),
		Keys:     []holdfast.KeyPast{{ID: "k-1", Flags: 257, Algorithm: 13, Tag: 60000, Absent: at(-9), Published: at(-8), Everywhere: at(-7), Active: at(-6), Retired: at(-5), Revoked: at(-4), Gone: at(-3)}},
		DS:       []holdfast.DSPast{{ID: "d-1", DS: holdfast.DS{KeyTag: 60000, Algorithm: 13, DigestType: 2, Digest: []byte{1, 2}}, Key: "k-1", Absent: at(-9), Published: at(-8), Gone: at(-3)}},
		Editions: []holdfast.EditionPast{{Of: holdfast.ClassDNSKEY, Members: []string{"k-1"}, Signers: []string{"k-1"}, TTL: 4000000000, Expires: at(9), Published: at(-8), Quiet: at(-7), Last: at(-4), Gone: at(-3)}},
		CDS:      holdfast.CDSPast{ID: "c-1", Since: at(-5)},
		Signing: []holdfast.SigningPast{{Class: holdfast.ClassSOA, Inception: at(-7), Expiration: at(21), Renewed: at(-7), Dies: at(20),
			Renewals: []holdfast.Renewal{{At: at(-7), Gap: 7 * 24 * time.Hour, Left: 21 * 24 * time.Hour, Least: -time.Hour, Life: 28 * 24 * time.Hour}},
			Trials:   []holdfast.SignatureTrial{{Server: server, Serial: 4026080100, Tag: 60000, Good: 3, Bad: 2, Turns: 1, Since: at(-2), Until: at(0), Failed: at(-1), Failing: true}}}},
		Servers:    []holdfast.ServerPast{{Server: server, Serial: 4026080100, Given: at(-1), Timers: "t", NS: "n", Changed: at(-1), Peak: 4026080200, PeakUntil: at(-1), Behind: at(-1), Lossy: 0xfff, Dark: 1}},
		Delegation: holdfast.DelegationPast{Items: []string{"NS ns1.nic.ab."}, Changed: at(-1), Added: []string{"NS ns1.nic.ab."}, Removed: []string{"NS ns2.nic.ab."}},
	}
}

func handler(t testing.TB, change func(*Config)) (http.Handler, *stillClock) {
	t.Helper()
	rec, clock := watched(t)
	config := Config{Version: "test", Catalogue: "1", StaffToken: staffToken, Decode: func(octets []byte) (string, error) {
		m, err := wire.Parse(octets)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("id %d", m.ID), nil
	}}
	if change != nil {
		change(&config)
	}
	return New(config, rec, clock), clock
}

func ask(h http.Handler, method, path, token, text string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(text))
	if text != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestAnswersAreAsDescribed asks every operation of the OpenAPI document and
// validates what comes, good or bad, against the schema that the document
// gives for it. An operation that no request here reaches fails the test.
func TestAnswersAreAsDescribed(t *testing.T) {
	h, _ := handler(t, nil)
	text := ask(h, "GET", "/api/v1/openapi.json", "", "").Body.Bytes()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	must(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	must(t, compiler.AddResource("mem:///openapi.json", document))
	var described struct {
		Paths map[string]map[string]struct {
			OperationID string                     `json:"operationId"`
			Responses   map[string]json.RawMessage `json:"responses"`
		} `json:"paths"`
	}
	must(t, json.Unmarshal(text, &described))
	reached := map[string]bool{}
	for _, one := range []struct {
		method, pattern, path, token, body string
		status                             int
	}{
		{"GET", "/status", "/status", "", "", 200},
		{"GET", "/status", "/status?status=bogus&kind=country-code&algorithm=13&worst=error&text=A&sort=worst&limit=1", "", "", 200},
		{"GET", "/status", "/status?status=purple", "", "", 422},
		{"GET", "/status", "/status?limit=5001", "", "", 422},
		{"GET", "/status", "/status?limit=0", "", "", 422},
		{"GET", "/zones/{zone}", "/zones/ab", "", "", 200},
		{"GET", "/zones/{zone}", "/zones/XN--P1AI.", "", "", 200},
		{"GET", "/zones/{zone}", "/zones/none", "", "", 404},
		{"GET", "/zones/{zone}", "/zones/a..b", "", "", 422},
		{"GET", "/zones/{zone}", "/zones/@", "", "", 404},
		{"GET", "/zones/{zone}/windows", "/zones/ab/windows", "", "", 200},
		{"GET", "/zones/{zone}/windows", "/zones/ab/windows?since=2026-07-01T00:00:00Z", "", "", 200},
		{"GET", "/zones/{zone}/windows", "/zones/ab/windows?since=yesterday", "", "", 422},
		{"GET", "/zones/{zone}/windows", "/zones/none/windows", "", "", 404},
		{"GET", "/zones/{zone}/findings", "/zones/ab/findings", "", "", 200},
		{"GET", "/zones/{zone}/findings", "/zones/none/findings", "", "", 404},
		{"GET", "/zones/{zone}/past", "/zones/ab/past", "", "", 200},
		{"GET", "/zones/{zone}/past", "/zones/shop/past", "", "", 200},
		{"GET", "/zones/{zone}/past", "/zones/none/past", "", "", 404},
		{"GET", "/zones/{zone}/past", "/zones/a..b/past", "", "", 422},
		{"GET", "/sweeps", "/sweeps", "", "", 200},
		{"GET", "/forecast", "/forecast", "", "", 200},
		{"GET", "/forecast", "/forecast?at=2027-01-01T00:00:00Z", "", "", 200},
		{"GET", "/forecast", "/forecast?at=soon", "", "", 422},
		{"GET", "/roster", "/roster", "", "", 200},
		{"GET", "/incidents", "/incidents", "", "", 200},
		{"GET", "/incidents", "/incidents?state=open,closed&zone=ab&since=2026-01-01T00:00:00Z&limit=1&offset=0", "", "", 200},
		{"GET", "/incidents", "/incidents?state=purple", "", "", 422},
		{"GET", "/incidents/{id}", "/incidents/i-1", "", "", 200},
		{"GET", "/incidents/{id}", "/incidents/none", "", "", 404},
		{"GET", "/evidence/{measurement}", "/evidence/m-1", "", "", 200},
		{"GET", "/evidence/{measurement}", "/evidence/none", "", "", 404},
		{"GET", "/evidence/{measurement}/{n}", "/evidence/m-1/0", "", "", 200},
		{"GET", "/evidence/{measurement}/{n}", "/evidence/m-1/1", "", "", 200},
		{"GET", "/evidence/{measurement}/{n}", "/evidence/m-1/2", "", "", 404},
		{"GET", "/evidence/{measurement}/{n}", "/evidence/m-1/-1", "", "", 422},
		{"GET", "/contacts", "/contacts", staffToken, "", 200},
		{"GET", "/contacts", "/contacts", "", "", 401},
		{"GET", "/notices", "/notices", staffToken, "", 200},
		{"GET", "/notices", "/notices?state=held&incident=i-1&limit=1&offset=1", staffToken, "", 200},
		{"GET", "/notices", "/notices", "wrong", "", 401},
		{"GET", "/notices/{id}", "/notices/n-1", staffToken, "", 200},
		{"GET", "/notices/{id}", "/notices/none", staffToken, "", 404},
		{"POST", "/notices/{id}/release", "/notices/n-1/release", "", "", 401},
		{"POST", "/notices/{id}/release", "/notices/n-1/release", staffToken, "", 200},
		{"POST", "/notices/{id}/release", "/notices/n-1/release", staffToken, "", 409},
		{"POST", "/notices/{id}/drop", "/notices/n-2/drop", staffToken, `{"why":"mended"}`, 200},
		{"POST", "/notices/{id}/drop", "/notices/n-2/drop", staffToken, "", 409},
		{"POST", "/notices/{id}/drop", "/notices/none/drop", staffToken, "", 404},
		{"POST", "/notices/{id}/drop", "/notices/n-1/drop", staffToken, `{"why":7}`, 422},
		{"POST", "/notices/{id}/drop", "/notices/n-1/drop", staffToken, `{"why":"` + strings.Repeat("x", 20<<10) + `"}`, 413},
	} {
		t.Run(one.method+" "+one.path[:min(len(one.path), 60)]+fmt.Sprint(" ", one.status), func(t *testing.T) {
			w := ask(h, one.method, prefix+one.path, one.token, one.body)
			if w.Code != one.status {
				t.Fatalf("status %d, want %d: %s", w.Code, one.status, w.Body)
			}
			operation, found := described.Paths[prefix+one.pattern][strings.ToLower(one.method)]
			if !found {
				t.Fatal("the operation is not described")
			}
			code, kind := fmt.Sprint(one.status), "application~1json"
			if one.status >= 400 {
				kind = "application~1problem+json"
			} else {
				reached[operation.OperationID] = true
			}
			if _, found := operation.Responses[code]; !found {
				t.Fatalf("the answer %s is not described", code)
			}
			if got := w.Header().Get("Content-Type"); got != strings.ReplaceAll(kind, "~1", "/") {
				t.Errorf("Content-Type is %q", got)
			}
			pointer := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(prefix + one.pattern)
			schema, err := compiler.Compile("mem:///openapi.json#/paths/" + pointer + "/" + strings.ToLower(one.method) + "/responses/" + code + "/content/" + kind + "/schema")
			must(t, err)
			value, err := jsonschema.UnmarshalJSON(w.Body)
			must(t, err)
			if err := schema.Validate(value); err != nil {
				t.Errorf("the answer is not as described: %v", err)
			}
		})
	}
	for path, operations := range described.Paths {
		for method, operation := range operations {
			if !reached[operation.OperationID] {
				t.Errorf("no request reached %s %s", method, path)
			}
		}
	}
}

func read[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var out T
	if err := json.NewDecoder(w.Body).Decode(&out); err != nil {
		t.Fatalf("%d: %v", w.Code, err)
	}
	return out
}

func TestStatusFilters(t *testing.T) {
	h, _ := handler(t, nil)
	for query, want := range map[string]string{
		"":                       "ab. shop. xn--p1ai.",
		"sort=worst":             "ab. xn--p1ai. shop.",
		"sort=failure":           "ab. xn--p1ai. shop.",
		"status=secure":          "xn--p1ai.",
		"status=unmeasured":      "shop.",
		"idn=true":               "xn--p1ai.",
		"kind=generic":           "shop.",
		"algorithm=8":            "ab. xn--p1ai.",
		"algorithm=13":           "ab.",
		"worst=warning":          "ab.",
		"text=%D1%80%D1%84":      "xn--p1ai.",
		"text=P1":                "xn--p1ai.",
		"limit=1&offset=1":       "shop.",
		"limit=1&offset=1000000": "",
	} {
		list := read[zoneList](t, ask(h, "GET", "/api/v1/status?"+query, "", ""))
		var names []string
		for _, z := range list.Zones {
			names = append(names, string(z.Zone))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
		if list.Total != 3 || list.Statuses["bogus"] != 1 || list.Statuses[unmeasured] != 1 {
			t.Errorf("%s: totals are %+v", query, list)
		}
	}
}

func TestFieldNamesAreTheNouns(t *testing.T) {
	h, _ := handler(t, nil)
	text := ask(h, "GET", "/api/v1/zones/ab", "", "").Body.String()
	for _, want := range []string{`"fails_at":"2026-08-01T11:00:00Z"`, `"algorithms":[8,13]`, `"severity":"critical"`, `"serial":4026080100`, `"rrset":"SOA"`, `"key_tag":60000`, `"address":"192.0.2.1"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the zone lacks %s: %s", want, text)
		}
	}
	evidence := ask(h, "GET", "/api/v1/evidence/m-1/0", "", "").Body.String()
	if !strings.Contains(evidence, `"query_text":"id 7"`) || !strings.Contains(evidence, `"reply":"AAc`) {
		t.Errorf("evidence: %s", evidence)
	}
}

// TestThePastIsTheNoun reads the answer back into the noun: nothing is lost on
// the way. The evidence beside it does not claim to have one.
func TestThePastIsTheNoun(t *testing.T) {
	h, _ := handler(t, nil)
	got := read[holdfast.Past](t, ask(h, "GET", "/api/v1/zones/ab/past", "", ""))
	want := pastOf(holdfast.Server{Name: "ns1.nic.ab.", Address: netip.MustParseAddr("192.0.2.1")})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the past is\n%+v, want\n%+v", got, want)
	}
	if text := strings.TrimSpace(ask(h, "GET", "/api/v1/zones/shop/past", "", "").Body.String()); text != "{}" {
		t.Errorf("of a zone that was never judged, %s is known", text)
	}
	evidence := read[map[string]json.RawMessage](t, ask(h, "GET", "/api/v1/evidence/m-1", "", ""))
	if string(evidence["format"]) != `"holdfast-evidence/1"` || evidence["past"] != nil {
		t.Errorf("evidence has the format %s and the past %s", evidence["format"], evidence["past"])
	}
}

func TestSerialsFitTheirDescription(t *testing.T) {
	h, _ := handler(t, nil)
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Format string }
			}
		}
	}
	must(t, json.Unmarshal(ask(h, "GET", "/api/v1/openapi.json", "", "").Body.Bytes(), &document))
	if got := document.Components.Schemas["ServerVerdict"].Properties["serial"].Format; got != "int64" {
		t.Errorf("a serial is described as %q; it may exceed 31 bits", got)
	}
	if w := ask(h, "GET", "/api/v1/openapi.yaml", "", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "openapi: 3.1.0") {
		t.Errorf("openapi.yaml: %d", w.Code)
	}
}

func TestNobodyElseSeesAddresses(t *testing.T) {
	h, _ := handler(t, nil)
	for _, path := range []string{"/status", "/zones/ab", "/zones/ab/findings", "/zones/ab/windows", "/zones/ab/past", "/incidents", "/incidents/i-1", "/sweeps", "/roster", "/evidence/m-1", "/evidence/m-1/0", "/contacts", "/notices", "/notices/n-1", "/openapi.json"} {
		for _, token := range []string{"", "wrong", staffToken + "x"} {
			w := ask(h, "GET", prefix+path, token, "")
			if strings.Contains(strings.ToLower(w.Body.String()), "secret-contact") || strings.Contains(w.Body.String(), "555 0100") {
				t.Errorf("%s shows strangers an address: %s", path, w.Body)
			}
		}
	}
	if w := ask(h, "GET", "/metrics", "", ""); strings.Contains(w.Body.String(), "secret") {
		t.Error("the metrics show an address")
	}
	if w := ask(h, "GET", prefix+"/contacts", staffToken, ""); !strings.Contains(w.Body.String(), secretAddress) {
		t.Error("staff do not see the contact")
	}
	closed, _ := handler(t, func(c *Config) { c.StaffToken = "" })
	for _, header := range []string{"", "Bearer ", "Bearer"} {
		r := httptest.NewRequest("GET", prefix+"/contacts", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		closed.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("without a token configured, %q gets %d", header, w.Code)
		}
	}
}

func TestStrayRequestsGetProblems(t *testing.T) {
	h, _ := handler(t, nil)
	for _, one := range []struct {
		method, path string
		status       int
	}{{"GET", "/api/v1/nothing", 404}, {"GET", "/api/v1/", 404}, {"POST", "/api/v1/status", 405}, {"DELETE", "/api/v1/notices/n-1", 405}, {"GET", "/api/v1/notices/n-1/release", 405}} {
		w := ask(h, one.method, one.path, "", "")
		var problem struct {
			Title  string
			Status int
		}
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Code != one.status || problem.Status != one.status || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %v %s", one.method, one.path, w.Code, w.Header(), w.Body)
		}
		if one.status == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", one.method, one.path)
		}
	}
}

func TestBrokenRecordIsOneProblem(t *testing.T) {
	rec, clock := watched(t)
	h := New(Config{}, rec, clock)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequest("GET", "/api/v1/incidents", nil).WithContext(ctx)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "sql") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestCompression(t *testing.T) {
	h, _ := handler(t, nil)
	r := httptest.NewRequest("GET", "/api/v1/openapi.json", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(w.Header().Get("Vary"), "Accept-Encoding") {
		t.Errorf("headers: %v", w.Header())
	}
	if _, err := io.Copy(io.Discard, w.Body); err != nil {
		t.Error(err)
	}
}
