package registry

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
)

const rdapDE = `{
  "objectClassName": "domain", "handle": "DE_DOM", "ldhName": "de",
  "entities": [
    {"objectClassName": "entity", "roles": ["administrative"],
     "vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "Board"], ["email", {}, "text", "board@denic.example"]]]},
    {"objectClassName": "entity", "roles": ["technical"],
     "vcardArray": ["vcard", [
       ["version", {}, "text", "4.0"],
       ["fn", {}, "text", "Business  Services"],
       ["org", {}, "text", ["DENIC eG", "NOC"]],
       ["adr", {}, "text", ["", "", "", "", "", "", "Germany"]],
       ["tel", {"type": "fax"}, "uri", "tel:+49.0000"],
       ["tel", {"type": ["voice", "work"]}, "uri", "tel:+49.6900"],
       ["email", {}, "text", "tech@denic.example"]]]}
  ]
}`

func TestParseRDAP(t *testing.T) {
	got, err := parseRDAP([]byte(rdapDE), "de.")
	want := holdfast.Contact{Zone: "de.", Role: "technical", Person: "Business Services", Organisation: "DENIC eG",
		Email: "tech@denic.example", Phone: "+49.6900", Source: holdfast.ContactFromRDAP}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	nested := `{"ldhName":"DE.","entities":[{"roles":["registrar"],"entities":[{"roles":["technical"],"vcardArray":["vcard",[["email",{},"text","a@b.example"]]]}]}]}`
	if got, err := parseRDAP([]byte(nested), "de."); err != nil || got.Email != "a@b.example" {
		t.Errorf("nested: %+v, %v", got, err)
	}
}

func TestParseRDAPSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"<html>":           "not RDAP",
		`{"ldhName":"fr"}`: `about "fr"`,
		`{}`:               `about ""`,
		`{"ldhName":"de"}`: "no technical contact",
		`{"ldhName":"de","entities":[{"roles":["technical"]}]}`:                                                            "no technical contact",
		`{"ldhName":"de","entities":[{"roles":["technical"],"vcardArray":["vcard",7]}]}`:                                   "no technical contact",
		`{"ldhName":"de","entities":[{"roles":["technical"],"vcardArray":["vcard",[[1,2,3,4],["email",{},"text"]]]}]}`:     "no technical contact",
		`{"ldhName":"de","entities":[{"roles":["technical"],"vcardArray":["vcard",[["email",{},"text","not one"]]]}]}`:     "not a mail address",
		`{"ldhName":"de","entities":[{"roles":["technical"],"vcardArray":["vcard",[["email",{},"text",{"a":"b"}]]]}]}`:     "no technical contact",
		`{"ldhName":"de","entities":{"roles":["technical"]}}`:                                                              "not RDAP",
		`{"ldhName":"de","entities":[{"roles":["technical"],"vcardArray":["vcard",[["email",{},"text","a@b\u0000.c"]]]}]}`: "not a mail address",
	} {
		if _, err := parseRDAP([]byte(text), "de."); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// quick is a configuration without pauses.
func quick(rdap string) Config {
	return Config{RDAP: rdap, WHOIS: "192.0.2.43:43", Interval: holdfast.Duration(time.Nanosecond), Timeout: holdfast.Duration(2 * time.Second)}
}

func TestRDAP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "holdfast/test" || r.Header.Get("Accept") != "application/rdap+json" {
			t.Errorf("asked with %v", r.Header)
		}
		switch r.URL.Path {
		case "/domain/de":
			_, _ = io.WriteString(w, rdapDE)
		case "/domain/busy":
			w.WriteHeader(http.StatusTooManyRequests)
		case "/domain/huge":
			_, _ = io.WriteString(w, strings.Repeat(" ", maxReply+10))
		case "/domain/slow":
			<-r.Context().Done()
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	config := quick(server.URL + "/domain")
	config.Timeout = holdfast.Duration(200 * time.Millisecond)
	source := NewRDAP(config, server.Client(), "holdfast/test", systemClock{})
	contact, err := source.Contact(context.Background(), "de.")
	if err != nil || contact.Email != "tech@denic.example" || contact.Fetched.IsZero() {
		t.Errorf("got %+v, %v", contact, err)
	}
	for zone, want := range map[holdfast.Name]string{"busy.": "429", "huge.": "more than", "slow.": "deadline"} {
		if _, err := source.Contact(context.Background(), zone); err == nil || errors.Is(err, ErrNoContact) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", zone, err)
		}
	}
	for _, zone := range []holdfast.Name{"gone.", "."} {
		if _, err := source.Contact(context.Background(), zone); !errors.Is(err, ErrNoContact) {
			t.Errorf("%s: %v", zone, err)
		}
	}
}

// The form of whois.iana.org, with invented values.
const whoisDE = `% IANA WHOIS server
% for more information on IANA, visit http://www.iana.org
% This query returned 1 object

domain:       DE

organisation: DENIC eG
address:      Frankfurt am Main
address:      Germany

contact:      administrative
name:         Board
organisation: DENIC eG
phone:        +49 1
e-mail:       board@denic.example

contact:      technical
name:         Business Services
organisation: DENIC eG
address:      Germany
phone:        +49 69 00
fax-no:       +49 69 01
e-mail:       tech@denic.example

nserver:      A.NIC.DE 192.0.2.1
e-mail:       stray@nserver.example

source:       IANA
`

func TestParseWHOIS(t *testing.T) {
	want := holdfast.Contact{Zone: "de.", Role: "technical", Person: "Business Services", Organisation: "DENIC eG",
		Email: "tech@denic.example", Phone: "+49 69 00", Source: holdfast.ContactFromWHOIS}
	for name, text := range map[string]string{"LF": whoisDE, "CRLF": strings.ReplaceAll(whoisDE, "\n", "\r\n")} {
		if got, err := parseWHOIS(text, "de."); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                                   "no technical contact",
		"% This query returned 0 objects.\n": "no technical contact",
		strings.Replace(whoisDE, "contact:      technical", "contact:      billing", 1): "no technical contact",
		strings.Replace(whoisDE, "domain:       DE", "domain:       FR", 1):             `about "FR"`,
		strings.Replace(whoisDE, "tech@denic.example", "by phone", 1):                   "not a mail address",
	} {
		if _, err := parseWHOIS(text, "de."); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// fakeWHOIS answers questions in memory.
func fakeWHOIS(t *testing.T, answer func(question string, conn net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, network, address string) (net.Conn, error) {
		if network != "tcp" || address != "192.0.2.43:43" {
			t.Errorf("dialled %s %s", network, address)
		}
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			question, err := bufio.NewReader(far).ReadString('\n')
			if err == nil {
				answer(question, far)
			}
		}()
		return near, nil
	}
}

func TestWHOIS(t *testing.T) {
	source := NewWHOIS(quick(""), fakeWHOIS(t, func(question string, conn net.Conn) {
		if question != "de\r\n" {
			t.Errorf("asked %q", question)
		}
		_, _ = io.WriteString(conn, whoisDE)
	}), systemClock{})
	contact, err := source.Contact(context.Background(), "de.")
	if err != nil || contact.Email != "tech@denic.example" || contact.Fetched.IsZero() {
		t.Errorf("got %+v, %v", contact, err)
	}
	if _, err := source.Contact(context.Background(), "."); !errors.Is(err, ErrNoContact) {
		t.Errorf("the root: %v", err)
	}
}

func TestWHOISIsBounded(t *testing.T) {
	flood := NewWHOIS(quick(""), fakeWHOIS(t, func(_ string, conn net.Conn) {
		for {
			if _, err := conn.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}), systemClock{})
	if _, err := flood.Contact(context.Background(), "de."); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a flood: %v", err)
	}
	config := quick("")
	config.Timeout = holdfast.Duration(50 * time.Millisecond)
	silent := NewWHOIS(config, fakeWHOIS(t, func(_ string, conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }), systemClock{})
	if _, err := silent.Contact(context.Background(), "de."); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silence: %v", err)
	}
}

func TestReadCSV(t *testing.T) {
	at := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	text := "\ufefftld,kind,manager,tech_org,tech_email\nde,country-code,\"DENIC, eG\",\"DENIC, eG\",tech@denic.example\nzz,,,,\n"
	source, err := ReadCSV(strings.NewReader(text), "contacts.csv", at)
	if err != nil {
		t.Fatal(err)
	}
	want := holdfast.Contact{Zone: "de.", Role: "technical", Organisation: "DENIC, eG", Email: "tech@denic.example", Source: holdfast.ContactFromFile, Fetched: at}
	if got, err := source.Contact(context.Background(), "de."); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := source.Contact(context.Background(), "zz."); !errors.Is(err, ErrNoContact) {
		t.Errorf("a row without an address: %v", err)
	}
	for text, want := range map[string]string{
		"":                     "empty",
		"tld,mail\n":           "columns tld and tech_email",
		"tld,tech_email\nde\n": "line 2",
		"tld,tech_email\nde,a@b.example\nfr,nobody\n":      "line 3",
		"tld,tech_email\nde,a@b.example\nde,c@d.example\n": "line 3: de. is there twice",
		"tld,tech_email\n..,a@b.example\n":                 "line 2",
		"tld,tech_email\n\"de,a@b.example\n":               "line",
	} {
		if _, err := ReadCSV(strings.NewReader(text), "contacts.csv", at); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "contacts.csv") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestRealContacts reads IANA's facts, and counts those whose mail hangs on
// the very TLD: of the shared data's 1,438 there are some hundreds.
func TestRealContacts(t *testing.T) {
	file, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "data", "iana", "tld-contacts.csv"))
	if err != nil {
		t.Skipf("no real contacts: %v", err)
	}
	defer file.Close()
	source, err := ReadCSV(file, "tld-contacts.csv", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	contacts := source.(fixed).contacts
	own := 0
	for zone, contact := range contacts {
		if Depends(contact, zone, nil) != "" {
			own++
		}
	}
	if len(contacts) < 1400 || own < 50 || own > len(contacts)/2 {
		t.Errorf("%d contacts, %d of them under their own TLD", len(contacts), own)
	}
	if got := contacts["aaa."]; got.Email != "tech@registry.godaddy" || got.Organisation != "GoDaddy Registry" {
		t.Errorf("got %+v", got)
	}
}

// sound fails where a contact came through that mail could not be sent to.
func sound(t *testing.T, c holdfast.Contact, err error) {
	t.Helper()
	if err != nil {
		return
	}
	for _, text := range []string{c.Email, c.Person, c.Organisation, c.Phone} {
		if strings.ContainsAny(text, "\r\n\x00") || len([]rune(text)) > 400 {
			t.Errorf("%q came through", text)
		}
	}
	if !strings.Contains(c.Email, "@") || c.Role != "technical" {
		t.Errorf("%+v came through", c)
	}
}

func FuzzParseRDAP(f *testing.F) {
	f.Add([]byte(rdapDE))
	f.Add([]byte(`{"ldhName":"de","entities":[{"roles":["technical"],"vcardArray":[[],[[]]]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := parseRDAP(body, "de.")
		sound(t, c, err)
	})
}

func FuzzParseWHOIS(f *testing.F) {
	f.Add(whoisDE)
	f.Add("domain: de\ncontact: technical\ne-mail: a@b.example\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseWHOIS(text, "de.")
		sound(t, c, err)
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add("tld,tech_email,tech_org\nde,a@b.example,\"x, y\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		source, err := ReadCSV(strings.NewReader(text), "fuzz", time.Unix(0, 0))
		if err != nil {
			return
		}
		for _, c := range source.(fixed).contacts {
			sound(t, c, nil)
		}
	})
}
