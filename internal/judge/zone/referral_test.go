package zone

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// referred gives every server of the parent a referral to these names, each
// with glue of both families.
func (w *world) referred(names ...string) *world {
	var ns, glue []string
	for i, name := range names {
		ns = append(ns, "example. 86400 IN NS "+name)
		glue = append(glue, fmt.Sprintf("%s 86400 IN A 192.0.2.%d", name, i+1), fmt.Sprintf("%s 86400 IN AAAA 2001:db8::%x", name, i+1))
	}
	return w.each(holdfast.PurposeReferral, func(e *entry) {
		e.message = &wire.Message{Authority: w.records(ns...), Additional: w.records(glue...)}
	})
}

// A name of 255 octets makes a question of 259 behind a header of 12. The
// first NS record has an owner of 2 octets (a pointer), 10 of type, class, TTL
// and length, and its target: "a", "nic" and a pointer are 8. Each further one
// has a target of 4. An A record takes 16 octets, an AAAA record 28.
func TestReferralSize(t *testing.T) {
	var names []string
	for i := range 12 {
		names = append(names, string(rune('a'+i))+".nic.example.")
	}
	healthy(t).referred(names...).expect("DEL-06") // 271 + 20 + 11*16 + 16 + 28 = 511
	names = append(names, "m.nic.example.")
	w := healthy(t).referred(names...)
	w.expect("DEL-06", expect{warning, holdfast.Server{},
		"the referral to the zone may have 527 octets with the least glue that is needed, and 512 fit a packet without EDNS"})
	// With one server that has no IPv6 and lies elsewhere: AAAA counts all the
	// same, among those that have it.
	d := delegation{names: []holdfast.Name{"a.example.", "b.example."}, glue: map[holdfast.Name][]netip.Addr{
		"a.example.": {netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
		"b.example.": {netip.MustParseAddr("192.0.2.2")},
	}}
	if got, want := referralSize("example.", holdfast.Root, d), 271+16+16+16+28; got != want {
		t.Errorf("%d octets, want %d", got, want)
	}
	// Of a parent that does not hold the servers' names no glue is needed.
	if got, want := referralSize("example.co.uk.", "co.uk.", d), 271+(12+11)+(12+4); got != want {
		t.Errorf("%d octets, want %d", got, want)
	}
}

func TestLongestName(t *testing.T) {
	for _, zone := range []holdfast.Name{holdfast.Root, "uk.", "co.uk.", "xn--mgbx4cd0ab.", "example.",
		holdfast.Name(strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + "." + strings.Repeat("c", 60) + "."),
		holdfast.Name(strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + "." + strings.Repeat("c", 59) + "."),
		holdfast.Name(strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + "." + strings.Repeat("c", 63) + "." + strings.Repeat("d", 59) + ".")} {
		name := longest(zone)
		packed, err := wire.PackName(name)
		if err != nil || len(packed) != 255 || !name.IsSubdomainOf(zone) {
			t.Errorf("%s: %d octets, %v", zone, len(packed), err)
		}
	}
}

func TestTruncatedReferral(t *testing.T) {
	w := healthy(t).each(holdfast.PurposeReferral, func(e *entry) { e.Truncated, e.Transport = true, holdfast.TCP }, rootB)
	w.expect("DEL-06", expect{warning, holdfast.Server{}, "servers of the parent cut the referral short at 1232 octets"})
}

const dsSig = "example. 86400 IN RRSIG DS 8 1 86400 20260814000000 20260801050000 57780 . AAAA"

func TestDSAtParent(t *testing.T) {
	refer := func(e *entry) { e.message = &wire.Message{Authority: healthy(t).records(nsTexts...)} }
	const text = "answers the question for the zone's DS with a referral, as a server does that knows no DNSSEC"
	healthy(t).each(holdfast.PurposeDS, refer, rootB).expect("DEL-09", expect{grave, rootB, text})
	healthy(t).each(holdfast.PurposeDS, refer).expect("DEL-09", expect{grave, holdfast.Server{},
		"every server of the parent that answers gives a referral to the question for the zone's DS"})

	w := healthy(t)
	w.expect("DEL-09") // none has signatures: an unsigned parent
	w.each(holdfast.PurposeDS, w.answer(dsText, dsSig), rootA, rootA6).
		expect("DEL-09", expect{grave, rootB, "gives the zone's DS without signatures, where other servers of the parent sign them"})
	w.each(holdfast.PurposeDS, drop, rootB).expect("DEL-09")

	w = healthy(t)
	w.each(holdfast.PurposeDS, w.answer(dsText, dsSig)).each(holdfast.PurposeDS, func(e *entry) {
		e.message = &wire.Message{Authoritative: true, Authority: w.records(rootSOA, rootSig)}
	}, rootA6)
	w.expect("DEL-09", expect{grave, rootA6, "says that the zone has no DS, where other servers of the parent have them under the same serial"})
	// A server that is behind may not have them yet.
	w.each(holdfast.PurposeSOA, w.answer(strings.Replace(rootSOA, "2026080100", "2026073100", 1), rootSig), rootA6).expect("DEL-09")
}

// Type 59 (CDS), scheme 1 (NOTIFY), port 53, notify.nic. (RFC 9859 section 2.1).
const dsyncText = `_dsync. 3600 IN TYPE66 \# 17 003B010035066E6F74696679036E696300`

func TestNotifications(t *testing.T) {
	w := healthy(t)
	w.expect("DEL-11")
	w.add(holdfast.Root, holdfast.PurposeDSYNC, rootA, "_dsync.", wire.TypeDSYNC, &wire.Message{Authoritative: true, Answer: w.records(dsyncText)})
	w.expect("DEL-11", expect{holdfast.SeverityInfo, holdfast.Server{}, "the parent takes notifications about CDS at notify.nic. port 53"})
	e := w.add("nic.", holdfast.PurposeDSYNC, rootA, "notify.nic.", wire.TypeA, &wire.Message{Authoritative: true, Rcode: wire.NXDomain})
	w.expect("DEL-11", expect{notice, holdfast.Server{}, "the parent takes notifications about CDS at notify.nic. port 53, but notify.nic. has no address"})
	e.message = &wire.Message{Authoritative: true, Answer: w.records("notify.nic. 60 IN A 192.0.2.80")}
	w.expect("DEL-11", expect{holdfast.SeverityInfo, holdfast.Server{}, "the parent takes notifications about CDS at notify.nic. port 53"})
	e.Outcome, e.message = holdfast.Timeout, nil
	w.expect("DEL-11", expect{holdfast.SeverityInfo, holdfast.Server{}, "the parent takes notifications about CDS at notify.nic. port 53"})
}
