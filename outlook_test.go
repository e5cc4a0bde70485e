package holdfast

import (
	"net/netip"
	"testing"
	"time"
)

// TestOutlook: resolvers go to servers that are well, so a zone lasts as long
// as the best of them; and no longer than what it hangs on.
func TestOutlook(t *testing.T) {
	now := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	one, two := Server{"ns1.example.", netip.MustParseAddr("192.0.2.1")}, Server{"ns2.example.", netip.MustParseAddr("192.0.2.2")}
	parent := Server{"a.root.test.", netip.MustParseAddr("198.51.100.1")}
	healthy := Verdict{Zone: "example.", At: now, Status: Secure,
		Servers: []ServerVerdict{{Server: one, Status: Secure}, {Server: two, Status: Secure}},
		Windows: []Window{
			{Server: parent, Class: ClassDS, Expiration: day(20)},
			{Server: one, Class: ClassSOA, Expiration: day(10)}, {Server: one, Class: ClassDNSKEY, Expiration: day(12)}, {Server: one, Class: ClassCDS, Expiration: day(1)},
			{Server: two, Class: ClassSOA, Expiration: day(5)}, {Server: two, Class: ClassDNSKEY, Expiration: day(12)},
		}}
	insecure := Verdict{Zone: "example.", At: now, Status: Insecure, Servers: []ServerVerdict{{Server: one, Status: Insecure}},
		Windows: []Window{{Server: parent, Class: ClassDS, Expiration: day(20)}}}
	silent := Verdict{Zone: "example.", At: now, Status: Unreached}
	for _, c := range []struct {
		what    string
		verdict Verdict
		at      int
		above   time.Time
		status  Status
		failed  int
		fails   time.Time
		by      Class
	}{
		{"before anything dies", healthy, 4, time.Time{}, Secure, 0, day(10), ClassSOA},
		{"one server of two is bogus", healthy, 6, time.Time{}, Secure, 1, day(10), ClassSOA},
		{"both are", healthy, 11, time.Time{}, Bogus, 2, day(10), ClassSOA},
		{"a signature counts at its last second", healthy, 10, time.Time{}, Secure, 1, day(10), ClassSOA},
		{"the keys above die first", healthy, 9, day(8), Bogus, 1, day(8), ClassDS},
		{"an unsigned zone lives while its proof does", insecure, 19, time.Time{}, Insecure, 0, day(20), ClassDS},
		{"and not longer", insecure, 21, time.Time{}, Bogus, 0, day(20), ClassDS},
		{"of a silent zone nothing is said", silent, 100, day(1), Unreached, 0, time.Time{}, ""},
	} {
		o := c.verdict.Outlook(day(c.at), c.above)
		if o.Status != c.status || len(o.Failed) != c.failed || !o.FailsAt.Equal(c.fails) || o.FailsBy != c.by {
			t.Errorf("%s: %s, %d servers failed, at %s by %s; want %s, %d, %s by %s", c.what, o.Status, len(o.Failed), o.FailsAt, o.FailsBy, c.status, c.failed, c.fails, c.by)
		}
	}
	if dies := healthy.KeysDie(); !dies.Equal(day(12)) {
		t.Errorf("the keys die at %s", dies)
	}
}
