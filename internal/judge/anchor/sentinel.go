package anchor

import "fmt"

// Sentinel is what one resolver answered to the names of RFC 8509 for one key,
// and to the controls beside them.
type Sentinel struct {
	Is, Not Reply // root-key-sentinel-is-ta-TAG and -not-ta-TAG
	Bogus   Reply // a name whose signature does not verify
	Signed  Reply // a name that is signed well; ReplyNone where it was not asked for
	Bare    Reply // the same with CD; ReplyNone where it was not asked for
	// Validates says that the resolver is known to be set up to validate, from
	// its configuration or from earlier answers: only then can no validation be
	// told from none any more.
	Validates bool
}

// Class is what a resolver is by its answers. The first five are those of
// RFC 8509 section 3.
type Class string

const (
	Vnew  Class = "Vnew"  // validates, and trusts the key
	Vold  Class = "Vold"  // validates, and does not trust it
	Vind  Class = "Vind"  // validates, and knows no sentinel
	NonV  Class = "nonV"  // does not validate
	Other Class = "other" // several resolvers behind one address, or something between

	// FailedOpen is a resolver that was set up to validate, and does not: every
	// anchor that it had is revoked (RFC 5011 section 5). By its answers alone it
	// cannot be told from NonV.
	FailedOpen Class = "insecure-by-revocation"
	// Broken validates with anchors that lead nowhere: all that is signed fails,
	// and nothing but validation is in the way.
	Broken Class = "broken"
	// Silent did not answer.
	Silent Class = "silent"
)

// Classify says what a resolver is by its answers for one key.
func Classify(s Sentinel) Class {
	y := func(a Reply) bool { return a.Answered() }
	n := func(a Reply) bool { return a == ReplyFail }
	switch {
	case s.Is == ReplyNone && s.Not == ReplyNone && s.Bogus == ReplyNone:
		return Silent
	case n(s.Is) && n(s.Not) && n(s.Bogus) && n(s.Signed) && y(s.Bare):
		return Broken
	case y(s.Is) && y(s.Not) && y(s.Bogus) && s.Validates && s.Signed != ReplySecure:
		return FailedOpen
	case y(s.Is) && y(s.Not) && y(s.Bogus):
		return NonV
	case y(s.Is) && n(s.Not) && n(s.Bogus):
		return Vnew
	case n(s.Is) && y(s.Not) && n(s.Bogus):
		return Vold
	case y(s.Is) && y(s.Not) && n(s.Bogus):
		return Vind
	}
	return Other
}

// Explain says in a sentence what a class means for those who ask that
// resolver, when the root comes to be signed by the key alone.
func (c Class) Explain(tag uint16) string {
	switch c {
	case Vnew:
		return fmt.Sprintf("it validates and trusts key %d: the rollover to it does no harm", tag)
	case Vold:
		return fmt.Sprintf("it validates and does not trust key %d: once the root is signed by that key alone, every signed name fails", tag)
	case Vind:
		return fmt.Sprintf("it validates, and does not say which keys it trusts: whether it trusts key %d cannot be told from outside (RFC 8509 need not be implemented)", tag)
	case NonV:
		return "it does not validate: a rollover does no harm, and forged data passes"
	case FailedOpen:
		return "it was set up to validate and does not: names without AD, bogus names answered. That is what RFC 5011 section 5 asks for when every trusted key is revoked, and nobody is told"
	case Broken:
		return "it validates with anchors that lead nowhere: every signed name fails, and answers come once checking is disabled (CD). Its anchors are stale"
	case Silent:
		return "it did not answer"
	}
	return "its answers fit none of the patterns: several resolvers may stand behind one address, or forwarders with differing anchors (RFC 8509 section 3.1)"
}

// Impact is what a rollover means for somebody who has several resolvers and
// whose system asks the next when one fails (RFC 8509 section 4).
type Impact string

const (
	Unharmed  Impact = "unharmed" // one at least does not validate
	Uncertain Impact = "unknown"  // cannot be told
	Safe      Impact = "safe"     // one at least trusts the new key
	Harmed    Impact = "harmed"   // none will validate
)

// Several is the test for several resolvers at once: what came of a bogus name,
// of not-ta with the key in use, and of is-ta with the new key, asked by a
// system that goes on to the next resolver when one fails (RFC 8509 section
// 4.3).
func Several(bogus, notCurrent, isNew Reply) Impact {
	ok := func(a Reply) bool { return a.Answered() }
	bad := func(a Reply) bool { return a == ReplyFail }
	switch {
	case ok(bogus):
		return Unharmed
	case bad(bogus) && ok(notCurrent):
		return Uncertain
	case bad(bogus) && bad(notCurrent) && ok(isNew):
		return Safe
	case bad(bogus) && bad(notCurrent) && bad(isNew):
		return Harmed
	}
	return Uncertain
}
