package app

import (
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/tell/web"
)

// TestJudgeSentinel holds what the page says to RFC 8509 sections 3 and 4.3.
func TestJudgeSentinel(t *testing.T) {
	const y, n, u = web.Loaded, web.Unloaded, web.Unclear
	ask := func(insecure, signed, bogus, isOld, notOld, isNew, notNew web.Loading) web.SentinelAnswers {
		return web.SentinelAnswers{Insecure: insecure, Signed: signed, Bogus: bogus, Keys: []web.SentinelKeyAnswers{{Tag: 20326, Is: isOld, Not: notOld}, {Tag: 38696, Is: isNew, Not: notNew}}}
	}
	validates := func(a web.SentinelAnswers) web.SentinelAnswers { a.Validates = true; return a }
	asked := func(a web.SentinelAnswers) web.SentinelAnswers { a.Asked = true; return a }
	bare := func(a web.SentinelAnswers) web.SentinelAnswers { a.Bare = y; return a }
	for name, c := range map[string]struct {
		answers web.SentinelAnswers
		classes string // for the two keys; empty: nothing can be told
		says    string // of several resolvers, or of the trouble
	}{
		"trusts both":                 {ask(y, y, n, y, n, y, n), "Vnew Vnew", "one resolver at least trusts the new key"},
		"trusts the old alone":        {ask(y, y, n, y, n, n, y), "Vnew Vold", "will make signed names fail"},
		"trusts the new alone":        {ask(y, y, n, n, y, y, n), "Vold Vnew", "cannot be told"},
		"knows no sentinel":           {ask(y, y, n, y, y, y, y), "Vind Vind", "cannot be told"},
		"does not validate":           {ask(y, y, y, y, y, y, y), "nonV nonV", "does not validate"},
		"validates no more":           {validates(ask(y, y, y, y, y, y, y)), "insecure-by-revocation insecure-by-revocation", "does not validate"},
		"two that disagree":           {ask(y, y, n, n, n, n, n), "other other", "will make signed names fail"},
		"stale":                       {bare(ask(n, n, n, n, n, n, n)), "broken broken", "will make signed names fail"},
		"nothing loads":               {ask(n, n, n, n, n, n, n), "", "dig +cd"},
		"nothing loads, though asked": {asked(ask(n, n, n, n, n, n, n)), "", "and was answered"},
		"the unsigned does not load":  {ask(n, y, n, y, y, y, y), "", "something else is in the way"},
		"not tried to the end":        {ask(y, u, n, y, y, y, y), "", "not tried to its end"},
		"against all sense":           {ask(y, n, y, y, y, y, y), "", "No resolver does that"},
	} {
		v := judgeSentinel(c.answers)
		var classes []string
		for _, k := range v.Keys {
			classes = append(classes, k.Class)
			if k.Means == "" || k.Badge == "" {
				t.Errorf("%s: %s is not explained", name, k.Class)
			}
		}
		if got := strings.Join(classes, " "); got != c.classes {
			t.Errorf("%s: %s, want %s", name, got, c.classes)
		}
		if said := strings.ToLower(v.Trouble + v.Several); !strings.Contains(said, strings.ToLower(c.says)) {
			t.Errorf("%s: %q, want %q in it", name, said, c.says)
		}
	}
}

// TestSentinelKeys: a key that was never published is not asked about unless
// somebody says so, and one without a tag cannot be.
func TestSentinelKeys(t *testing.T) {
	date := []holdfast.RootDate{{Step: holdfast.RootPublished}}
	keys, current, next := sentinelKeys(holdfast.Calendar{Keys: []holdfast.RootKey{{Name: "a", Tag: 1, Dates: date}, {Name: "b", Tag: 2, Dates: date}, {Name: "none"}, {Name: "kept", Tag: 9}, {Name: "c", Tag: 3, Dates: date}}})
	if len(keys) != 4 || current != 2 || next != 3 || keys[0].Chosen || !keys[1].Chosen || keys[2].Chosen || !keys[3].Chosen {
		t.Errorf("%+v, %d to %d", keys, current, next)
	}
}

// TestTestbedConfig: what is wrong in the section is said by its key.
func TestTestbedConfig(t *testing.T) {
	const right = "[testbed]\nzone = \"bed.example\"\nservers = [\"ns1.bed.example 192.0.2.53\"]\nweb = [\"192.0.2.80\"]\n"
	if _, err := readConfig([]byte(right)); err != nil {
		t.Errorf("what is right: %v", err)
	}
	for text, want := range map[string]string{
		strings.Replace(right, "bed.example\"\n", "bed..example\"\n", 1): "testbed.zone",
		strings.Replace(right, " 192.0.2.53", "", 1):                     "has no address",
		strings.Replace(right, "ns1.bed", "a.b.bed", 1):                  "right below the zone",
		strings.Replace(right, "192.0.2.80", "somewhere", 1):             "testbed.web",
		right + "names = \"ftp://*\"\n":                                  "testbed.names",
		right + "names = \"http://bed.example\"\n":                       "testbed.names",
		right + "contact = \"nobody\"\n":                                 "testbed.contact",
		right + "ttl = \"2d\"\n":                                         "testbed.ttl",
		right + "[testbed.dns]\nlisten = [\"0.0.0.0:53\"]\n":             "testbed.dns.listen",
		right + "[testbed.dns.limit]\nanswers = -5\n":                    "testbed.dns.limit",
		strings.Replace(right, "web = [\"192.0.2.80\"]\n", "", 1):        "where the page is",
		strings.Replace(right, "bed.example\"\n", ".\"\n", 1):            "a zone of its own",
		right + "[testbed.zones]\npaces = [\"yearly\"]\n":                "paces",
	} {
		if _, err := readConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}
