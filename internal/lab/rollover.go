package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// RollKind names a way in which a zone's keys change.
type RollKind string

// The ways of rolling keys, as RFC 6781 section 4, RFC 7583, RFC 8901, RFC 5011
// and RFC 8078 describe them; Rolls documents each.
const (
	ZSKPrePublish         RollKind = "zsk-prepublish"
	ZSKDoubleSignature    RollKind = "zsk-doublesig"
	KSKDoubleSignature    RollKind = "ksk-doublesig"
	KSKDoubleDS           RollKind = "ksk-doubleds"
	CSKDoubleSignature    RollKind = "csk"
	AlgorithmConservative RollKind = "algorithm-conservative"
	AlgorithmLiberal      RollKind = "algorithm-liberal"
	KSKRevoke             RollKind = "revoke"
	GoInsecure            RollKind = "insecure"
	GoSecure              RollKind = "secure"
	Multisigner1Join      RollKind = "multisigner1-join"
	Multisigner1Leave     RollKind = "multisigner1-leave"
	Multisigner2Join      RollKind = "multisigner2-join"
	Multisigner2Leave     RollKind = "multisigner2-leave"
)

// Hazard is a way of rolling keys wrongly.
type Hazard string

const (
	SignEarly Hazard = "sign-early" // the new key signs, alone, from its publication on
	KeyEarly  Hazard = "key-early"  // the old key goes while what refers to it is in caches
	KeyFirst  Hazard = "key-first"  // the old key goes while the parent's DS refers to it alone
	DSEarly   Hazard = "ds-early"   // the DS changes with the publication of its key
	DSWrong   Hazard = "ds-wrong"   // the DS changes to a key that there is not
	NoImport  Hazard = "no-import"  // a second provider joins, and neither has the other's ZSK
)

// RollDoc documents one kind of rollover; docs/formats/lab.md has a line for
// each.
type RollDoc struct {
	Kind    RollKind
	Hazards []Hazard // that it may be ordered with
	Text    string
}

// Rolls documents every kind of rollover. K is the TTL of DNSKEY, D that of
// DS, M the highest in the zone; between steps lies also an hour for the copies
// of the zone and of its parent to follow.
var Rolls = []RollDoc{
	{ZSKPrePublish, []Hazard{SignEarly, KeyEarly}, "a new ZSK is published; after K it signs instead of the old; after M the old goes (RFC 6781 section 4.1.1.1)"},
	{ZSKDoubleSignature, []Hazard{SignEarly, KeyEarly}, "a new ZSK is published and signs beside the old; after the greater of K and M the old goes (RFC 6781 section 4.1.1.2)"},
	{KSKDoubleSignature, []Hazard{KeyEarly, KeyFirst, DSEarly, DSWrong}, "a new KSK is published and signs beside the old; after K the CDS, then the DS change to it; after D the old goes (RFC 6781 section 4.1.2)"},
	{KSKDoubleDS, []Hazard{KeyEarly, DSWrong}, "the CDS, then the DS speak of a new KSK also; after D it takes the place of the old; after K the CDS, then the DS of the old go (RFC 7583 section 3.3.2)"},
	{CSKDoubleSignature, []Hazard{SignEarly, KeyEarly, KeyFirst, DSEarly, DSWrong}, "a new CSK is published and signs all beside the old; after the greater of K and M the CDS, then the DS change; after D the old goes"},
	{AlgorithmConservative, []Hazard{SignEarly, KeyEarly, KeyFirst, DSEarly, DSWrong}, "signatures of a new algorithm; after M its keys; after K the CDS, then the DS change; after D the old keys go; after K their signatures (RFC 6781 section 4.1.4)"},
	{AlgorithmLiberal, []Hazard{SignEarly, KeyEarly, KeyFirst, DSEarly, DSWrong}, "keys and signatures of a new algorithm at once; after the greater of K and M the CDS, then the DS change; after D all of the old goes"},
	{KSKRevoke, []Hazard{DSEarly, DSWrong}, "a new KSK is published and signs beside the old; after K the CDS, then the DS change; after D the old is revoked (RFC 5011 section 2.1); after 30 days it goes"},
	{GoInsecure, []Hazard{KeyEarly, KeyFirst}, "the CDS asks for deletion (RFC 8078 section 4), then the DS goes; after D the zone is unsigned"},
	{GoSecure, []Hazard{DSEarly, DSWrong}, "the zone is unsigned before; it is signed; after the greater of K and M the DS is there"},
	{Multisigner1Join, []Hazard{NoImport}, "the ZSK of the partner is published at both (RFC 8901 section 2.1.1); after K its servers are in the NS RRsets"},
	{Multisigner1Leave, []Hazard{KeyEarly}, "the partner's servers leave the NS RRsets; after the TTLs of NS and M its ZSK goes"},
	{Multisigner2Join, []Hazard{NoImport, DSEarly}, "each provider imports the other's ZSK (RFC 8901 section 2.1.2); the CDS, then the DS speak of both KSKs; after the greater of K and D the partner's servers are in the NS RRsets"},
	{Multisigner2Leave, []Hazard{KeyEarly}, "the partner's servers leave the NS RRsets; after the TTLs of NS and the greater of K and M its ZSK goes and the CDS, then the DS are the first provider's alone"},
}

func rollDoc(kind RollKind) (RollDoc, bool) {
	i := slices.IndexFunc(Rolls, func(d RollDoc) bool { return d.Kind == kind })
	if i < 0 {
		return RollDoc{}, false
	}
	return Rolls[i], true
}

// Rollover is one change of keys, by the clock.
type Rollover struct {
	Kind      RollKind
	At        time.Time     // of its first step
	Step      time.Duration // between its steps; zero: what the TTLs want
	Unsafe    Hazard        // "": as it should be
	Algorithm Algorithm     // the new one, of the algorithm rollovers
	SameTag   bool          // the new key has the key tag of the old
	Every     time.Duration // begins again so much later; zero: once
}

// maxRolls bounds how many times a rollover begins again.
const maxRolls = 64

func (r Rollover) check() error {
	doc, ok := rollDoc(r.Kind)
	switch {
	case !ok:
		return fmt.Errorf("rollover %q: no such kind; docs/formats/lab.md lists them", r.Kind)
	case r.At.IsZero():
		return fmt.Errorf("rollover %s: want at INSTANT", r.Kind)
	case r.Unsafe != "" && !slices.Contains(doc.Hazards, r.Unsafe):
		return fmt.Errorf("rollover %s: unsafe %q: want one of %v", r.Kind, r.Unsafe, doc.Hazards)
	case r.Step < 0 || r.Step%time.Second != 0, r.Every < 0 || r.Every%time.Second != 0:
		return fmt.Errorf("rollover %s: step %s, every %s: want whole seconds", r.Kind, r.Step, r.Every)
	case r.changesAlgorithm() != (r.Algorithm.Number != 0):
		return fmt.Errorf("rollover %s: only and all algorithm rollovers want the new algorithm", r.Kind)
	}
	return nil
}

func (r Rollover) changesAlgorithm() bool {
	return r.Kind == AlgorithmConservative || r.Kind == AlgorithmLiberal
}

// Step is one step of a rollover.
type Step struct {
	At   time.Time
	Text string
	// Parent says whether the parent's copy changes with it, Own whether the
	// zone's does.
	Own, Parent bool
}

// Steps are those of all rollovers of a zone, in order.
func (in *Internet) Steps(zone holdfast.Name) []Step {
	z := in.zones[zone]
	if z == nil {
		return nil
	}
	var out []Step
	for _, p := range z.phases[1:] {
		out = append(out, Step{At: p.at, Text: p.text, Own: p.own, Parent: p.parent})
	}
	return out
}

// parseRollover reads "KIND [ALG [BITS]] at INSTANT [step D] [every D] [unsafe
// HAZARD] [same-tag]".
func parseRollover(words []string, start time.Time) (Rollover, error) {
	if len(words) == 0 {
		return Rollover{}, fmt.Errorf("rollover: want KIND at INSTANT")
	}
	r := Rollover{Kind: RollKind(words[0])}
	words = words[1:]
	if r.changesAlgorithm() {
		n := slices.Index(words, "at")
		s := Signing{}
		if err := s.parseAlgorithm(words[:max(n, 0)]); err != nil {
			return r, fmt.Errorf("rollover %s: %w", r.Kind, err)
		}
		r.Algorithm, words = s.Algorithms[0], words[n:]
	}
	for len(words) > 0 {
		if words[0] == "same-tag" {
			r.SameTag, words = true, words[1:]
			continue
		}
		if len(words) == 1 {
			return r, fmt.Errorf("rollover %s: %q wants something after it, or is unknown", r.Kind, words[0])
		}
		var err error
		switch words[0] {
		case "at":
			r.At, err = relativeInstant(words[1], start)
		case "step":
			r.Step, err = ParseDuration(words[1])
		case "every":
			r.Every, err = ParseDuration(words[1])
		case "unsafe":
			r.Unsafe = Hazard(words[1])
		default:
			err = fmt.Errorf("%q: want %s", words[0], strings.Join([]string{"at", "step", "every", "unsafe", "same-tag"}, ", "))
		}
		if err != nil {
			return r, fmt.Errorf("rollover %s: %w", r.Kind, err)
		}
		words = words[2:]
	}
	return r, r.check()
}
