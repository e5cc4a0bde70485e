package rootkey

import (
	"fmt"
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func unknownKey(calendar holdfast.Calendar) judge.Check {
	return judge.Check{
		Code: "RKR-03", Name: "root-key-unknown", Severity: holdfast.SeverityNotice,
		Reference: "RFC 9718 section 2.1",
		Summary:   "every key-signing key of the root is one of the trust anchors at hand, or of the calendar",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c, calendar)
			if v == nil {
				return nil
			}
			var found []holdfast.Finding
			for _, at := range v.copies {
				if severity, text := unknown(at); text != "" {
					found = append(found, holdfast.Finding{Severity: severity, Server: at.server, RRset: holdfast.ClassDNSKEY, Text: text, Evidence: []int{at.reply}})
				}
			}
			if len(found) == 0 {
				return nil
			}
			return judge.Spread(found, len(v.copies), found[0].Severity, "on every server, "+found[0].Text)
		},
	}
}

// unknown is what is to be said of a server's key-signing keys that neither an
// anchor nor the calendar knows.
func unknown(at copied) (holdfast.Severity, string) {
	for _, k := range at.set.KSKs() {
		anchored := slices.ContainsFunc(at.chain.Keys, func(known judge.Key) bool {
			return known.Anchored && known.Algorithm == k.Algorithm && known.Tag == k.Tag
		})
		switch {
		case k.Name != "" || anchored || k.Revoked:
		case k.Signs:
			return holdfast.SeverityWarning, fmt.Sprintf("key %d (algorithm %d) signs the root's keys, and is neither among the trust anchors here nor in the calendar: look at IANA's root-anchors.xml, and renew the anchors of this program", k.Tag, k.Algorithm)
		default:
			return holdfast.SeverityNotice, fmt.Sprintf("key %d (algorithm %d) is published as a key-signing key of the root, and is neither among the trust anchors here nor in the calendar: a rollover begins, or somebody adds what is not IANA's", k.Tag, k.Algorithm)
		}
	}
	return 0, ""
}

func leftUnrevoked(calendar holdfast.Calendar) judge.Check {
	return judge.Check{
		Code: "RKR-05", Name: "root-key-left-unrevoked", Severity: holdfast.SeverityWarning,
		Reference: "RFC 5011 section 6.3",
		Summary:   "a key of the root that was trusted leaves only after it was shown as revoked for 30 days",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c, calendar)
			if v == nil {
				return nil
			}
			var out []holdfast.Finding
			for _, p := range v.past.Keys {
				if p.Flags&wire.FlagSEP == 0 || p.Gone.IsZero() || p.Active.IsZero() {
					continue // a key that never signed may have been a stand-by, or a trial
				}
				name := nameOf(holdfast.RootSetKey{Name: v.nameOf(p), Tag: p.Tag, Algorithm: p.Algorithm})
				shown := p.Gone.Sub(p.Revoked)
				switch {
				case p.Revoked.IsZero():
					out = append(out, v.about(holdfast.SeverityWarning, fmt.Sprintf(
						"%s is gone since %s and was never seen revoked: those who follow RFC 5011 go on trusting it (section 4.1, the state Missing); publish it again with REVOKE, signed by itself", name, stamp(p.Gone))))
				case shown < timers().Remove-day: // a look may have come late
					out = append(out, v.about(holdfast.SeverityWarning, fmt.Sprintf(
						"%s is gone since %s, %s after it was first seen revoked: it was to stay for the remove hold-down of 30 days, and who did not ask meanwhile goes on trusting it", name, stamp(p.Gone), length(shown))))
				}
			}
			return out
		},
	}
}

// nameOf is a past key's name in the calendar, by its tag: its content is gone.
func (v *view) nameOf(p holdfast.KeyPast) string {
	if k, ok := v.calendar.Key(p.Tag); ok && !v.foreign && k.Algorithm == p.Algorithm {
		return k.Name
	}
	return ""
}

func revocation(calendar holdfast.Calendar) judge.Check {
	return judge.Check{
		Code: "RKR-06", Name: "root-key-revocation", Severity: holdfast.SeverityNotice,
		Reference: "RFC 5011 section 5",
		Summary:   "a key of the root is revoked, or is to be within 60 days: who trusts no other becomes insecure without a sound",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c, calendar)
			if v == nil {
				return nil
			}
			const stale = "a resolver that follows RFC 5011 and trusts no other key then trusts none, and treats everything as unsigned: names resolve, without AD, bogus ones too. Look for stale resolvers by their telemetry (RFC 8145), and at your own with `holdfast anchors audit`"
			for _, k := range v.set.KSKs() {
				if k.Revoked && k.Signs {
					return []holdfast.Finding{v.about(holdfast.SeverityNotice, fmt.Sprintf("%s is revoked: %s", nameOf(k), stale))}
				}
			}
			for _, e := range Expected(v.set, v.calendar) {
				if e.Step == holdfast.RootRevoked && !e.Seen && !v.foreign && c.Within(e.At, ahead) && !c.Passed(e.At) {
					f := v.about(holdfast.SeverityNotice, fmt.Sprintf("%s: %s", clause(e), stale))
					f.Until = e.At
					return []holdfast.Finding{f}
				}
			}
			return nil
		},
	}
}

// ahead is how long before a planned revocation it is worth a word: two
// hold-downs, in which a stale resolver can still be mended by itself if it is
// told of the new key's predecessor in time.
const ahead = 60 * day

func answerSize(calendar holdfast.Calendar) judge.Check {
	return judge.Check{
		Code: "RKR-07", Name: "root-keys-answer-large", Severity: holdfast.SeverityInfo,
		Reference: "RFC 9715 section 3.1",
		Summary:   "whether the answer with the root's keys fits a UDP packet that passes everywhere in one piece",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c, calendar)
			if v == nil || v.set.Size <= safeUDP {
				return nil
			}
			f := v.about(holdfast.SeverityInfo, fmt.Sprintf("the answer with the root's keys and their signatures has %d octets, more than the %d that pass everywhere in one piece: resolvers that ask for no more come again over TCP", v.set.Size, safeUDP))
			return []holdfast.Finding{f}
		},
	}
}

// safeUDP is what a UDP answer may have, in octets, to pass every path in one
// piece: what resolvers have asked for by default since DNS Flag Day 2020, and
// what the KSK operator means to stay below.
const safeUDP = 1232
