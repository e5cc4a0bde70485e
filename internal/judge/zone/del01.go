package zone

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// mayLag is how long a parent server may be behind before its other word on
// the delegation is more than a passing thing. The root's servers follow a new
// serial within minutes; the start of a signature may be some hours before the
// serial was published.
const mayLag = 24 * time.Hour

func delegationMissing() judge.Check {
	return judge.Check{
		Code: "DEL-01", Name: "delegation-missing", Severity: holdfast.SeverityCritical,
		Reference: "RFC 1034 section 4.2",
		Summary:   "Every server of the parent gives a referral to the zone, and all the same: names, glue and DS.",
		Judge:     judgeReferrals,
	}
}

func judgeReferrals(c *judge.Case) []holdfast.Finding {
	given, none := referrals(c)
	last := newest(given)
	var out []holdfast.Finding
	for _, r := range none {
		f := noReferral(c, r, last)
		if fails(r) && len(given) > 0 {
			// It says nothing of the delegation, and resolvers ask the next: the
			// trouble is the parent's, and found there.
			f.Severity = holdfast.SeverityNotice
		}
		out = append(out, f)
	}
	if len(given) == 0 {
		return judge.Spread(out, len(none), holdfast.SeverityCritical,
			"no server of the parent that answers gives a referral: the zone cannot be found")
	}
	given = slices.DeleteFunc(slices.Clone(given), func(r referral) bool { return r.child })
	reference := mostGiven(slices.DeleteFunc(slices.Clone(given), func(r referral) bool { return r.behind(last) }))
	for _, r := range given {
		if r.word == reference.word {
			continue
		}
		if what := r.differs(reference); len(what) > 0 {
			f := holdfast.Finding{
				Severity: holdfast.SeverityError, Server: r.server, RRset: holdfast.ClassNS,
				Text:     "gives another delegation than most servers of the parent: " + strings.Join(what, "; "),
				Evidence: append(slices.Clone(r.evidence), reference.evidence...),
			}
			out = append(out, r.serial.soften(c, f, last))
		}
	}
	return out
}

// fails says that a server of the parent does not answer the question at all.
func fails(r judge.Reply) bool {
	return r.Message.Rcode != wire.NoError && r.Message.Rcode != wire.NXDomain
}

func noReferral(c *judge.Case, r judge.Reply, last serial) holdfast.Finding {
	how := "says that there is no such delegation"
	if fails(r) {
		how = "answers " + wire.RcodeName(r.Message.Rcode)
	}
	server := r.Exchange.Server
	f := holdfast.Finding{
		Severity: holdfast.SeverityError, Server: server, RRset: holdfast.ClassNS, Evidence: []int{r.Index},
		Text: "gives no referral to the zone: it " + how,
	}
	return parentSerial(c, server).soften(c, f, last)
}

// soften makes a notice of a finding about a parent server that is behind, for
// as long as servers may be.
func (s serial) soften(c *judge.Case, f holdfast.Finding, last serial) holdfast.Finding {
	if s.behind(last) && (s.signed.IsZero() || !c.Passed(s.signed.Add(mayLag))) {
		f.Severity = holdfast.SeverityNotice
		f.Text += fmt.Sprintf(" (it has serial %d of the parent zone, others have %d)", s.number, last.number)
	}
	return f
}

// mostGiven is the referral that most servers agree on; of equals, the first.
// Servers mostly say the very same, so only distinct words are compared.
func mostGiven(given []referral) referral {
	var distinct []referral
	said := map[string]int{}
	for _, r := range given {
		if said[r.word]++; said[r.word] == 1 {
			distinct = append(distinct, r)
		}
	}
	var best referral
	votes := 0
	for _, r := range distinct {
		n := 0
		for _, other := range distinct {
			if len(r.differs(other)) == 0 {
				n += said[other.word]
			}
		}
		if n > votes {
			best, votes = r, n
		}
	}
	return best
}

// writeWord puts all that the referral says into one string: referrals of the
// same word do not differ.
func writeWord(r referral) string {
	var b strings.Builder
	for _, name := range r.names {
		b.WriteString(string(name))
		for _, addr := range r.glue[name] {
			raw := addr.As16()
			b.Write(raw[:])
		}
		b.WriteByte(0)
	}
	fmt.Fprintf(&b, "%v", r.dsKnown)
	for _, ds := range r.ds {
		b.WriteString(ds)
	}
	return b.String()
}

// differs says in what two referrals differ, for people. Glue is compared
// where both have some for a name and family: a reply may leave out what does
// not fit (RFC 9471 section 2.2).
func (r referral) differs(other referral) []string {
	var out []string
	if !slices.Equal(r.names, other.names) {
		out = append(out, difference("name servers", r.names, other.names))
	}
	for _, name := range r.names {
		for _, f := range []family{ipv4, ipv6} {
			mine, theirs := addressesOf(r.glue[name], f), addressesOf(other.glue[name], f)
			if len(mine) > 0 && len(theirs) > 0 && !slices.Equal(mine, theirs) {
				out = append(out, difference("glue for "+string(name), mine, theirs))
			}
		}
	}
	if r.dsKnown && other.dsKnown && !slices.Equal(r.ds, other.ds) {
		out = append(out, "other DS records")
	}
	return out
}

func addressesOf(addresses []netip.Addr, f family) []string {
	var out []string
	for _, a := range addresses {
		if familyOf(a) == f {
			out = append(out, a.String())
		}
	}
	return out
}

// difference writes what one side has and the other lacks.
func difference[T ~string](what string, mine, theirs []T) string {
	more, less := without(mine, theirs), without(theirs, mine)
	switch {
	case len(more) == 0:
		return fmt.Sprintf("%s without %s", what, join(less))
	case len(less) == 0:
		return fmt.Sprintf("%s with %s more", what, join(more))
	}
	return fmt.Sprintf("%s with %s in place of %s", what, join(more), join(less))
}
