package dnssec

import (
	"slices"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// The permanent codes of this room's checks.
const (
	codeChain          = "CHN-01"
	codeNoMatch        = "CHN-02"
	codeNotSignedByDS  = "CHN-03"
	codeAlgorithms     = "CHN-04"
	codeStandby        = "CHN-05"
	codeUnsigned       = "CHN-06"
	codeIsland         = "CHN-07"
	codeValidators     = "CHN-08"
	codeSameTag        = "CHN-09"
	codeSigner         = "CHN-10"
	codeExpired        = "SIG-01"
	codeExpiring       = "SIG-02"
	codeShort          = "SIG-03"
	codeOverdue        = "SIG-04"
	codeNotYet         = "SIG-05"
	codeLong           = "SIG-06"
	codeCrypto         = "SIG-07"
	codeUnknownKey     = "SIG-08"
	codeMissing        = "SIG-09"
	codeTTL            = "SIG-10"
	codeIntermittent   = "SIG-11"
	codeSampled        = "SIG-12"
	codeParent         = "SIG-13"
	codeDenialMissing  = "NEG-01"
	codeDenialWrong    = "NEG-02"
	codeDenialUnsigned = "NEG-03"
	codeDenialExists   = "NEG-04"
	codeIterations     = "NEG-05"
	codeSalt           = "NEG-06"
	codeMixed          = "NEG-07"
	codeParam          = "NEG-08"
	codeNegativeSOA    = "NEG-09"
	codeDenialChain    = "NEG-10"
	codeBitmap         = "NEG-11"
	codeCompact        = "NEG-12"
	codeOptOut         = "NEG-13"
	codeDeepDenial     = "NEG-14"
)

// Checks are this room's checks under the default policy.
func Checks() []judge.Check { return ChecksWith(DefaultPolicy()) }

// ChecksWith are this room's checks under a policy.
func ChecksWith(p Policy) []judge.Check {
	return []judge.Check{
		chainBroken(),
		dsMatchesNoKey(), keysNotSignedByDS(), algorithmsIncomplete(), dsAndKeysApart(), signedByDSUnsigned(), island(), signerWrong(), hostZoneFails(),
		validatorsDisagree(), sameTag(p),
		signatureExpired(p), signatureExpiring(p), signatureShorterThanExpire(), renewalOverdue(), signatureNotYetValid(p), signatureTooLong(p),
		signatureInvalid(), signatureByUnknownKey(), signatureMissing(), signatureTTL(p),
		signatureIntermittent(), sampledBelow(p), parentSignature(p),
		denialMissing(), denialWrong(), denialUnsigned(), denialContradicted(),
		nsec3Iterations(p), nsec3Salt(), denialMixed(), nsec3ParamDiffers(), negativeSOA(),
		denialChain(), bitmapUntrue(), compactDenial(), optOut(), deepDenial(),
	}
}

// gathered are findings about servers, by RRset class, on their way to be said
// of the zone where they are true of all of it.
type gathered struct {
	order []holdfast.Class
	each  map[holdfast.Class][]holdfast.Finding
}

// add takes a finding about a server; a second one about the same server and
// class adds its evidence to the first, whose words stay, unless it is graver.
func (g *gathered) add(f holdfast.Finding) {
	if g.each == nil {
		g.each = make(map[holdfast.Class][]holdfast.Finding)
	}
	have, seen := g.each[f.RRset]
	if !seen {
		g.order = append(g.order, f.RRset)
	}
	for i := range have {
		if have[i].Server != f.Server {
			continue
		}
		evidence := union(have[i].Evidence, f.Evidence)
		if f.Severity > have[i].Severity {
			have[i] = f
		}
		have[i].Evidence = evidence
		return
	}
	g.each[f.RRset] = append(have, f)
}

func union(a, b []int) []int {
	for _, i := range b {
		if !slices.Contains(a, i) {
			a = append(a, i)
		}
	}
	return a
}

// spread gives the findings: about the zone, with severity all, for a class
// that every one of the reachable servers is found wanting in, and as they
// came for others. Classes that no resolver fails by are kept to a warning. A
// notice stays a notice however many servers it is about.
func (g *gathered) spread(of int, all holdfast.Severity) []holdfast.Finding {
	var out []holdfast.Finding
	for _, class := range g.order {
		each := g.each[class]
		severity := all
		mildest, gravest := holdfast.SeverityCritical, holdfast.SeverityInfo
		for _, f := range each {
			mildest, gravest = min(mildest, f.Severity), max(gravest, f.Severity)
		}
		if mildest <= holdfast.SeverityNotice {
			severity = gravest
		}
		for _, f := range judge.Spread(each, of, severity, "on every server, "+each[0].Text) {
			if class != "" && class != holdfast.ClassDS && !class.Essential() {
				f.Severity = min(f.Severity, holdfast.SeverityWarning)
			}
			out = append(out, f)
		}
	}
	return out
}

// aboutSets gathers what a function finds in the RRsets of each server whose
// keys are known.
func aboutSets(c *judge.Case, find func(*judge.ServerChain, *judge.Set) (holdfast.Finding, bool)) *gathered {
	g := &gathered{}
	for i := range c.Chain.Servers {
		sc := &c.Chain.Servers[i]
		for _, s := range sc.Sets {
			if f, found := find(sc, s); found {
				f.Server, f.RRset = sc.Server, s.Class
				f.Evidence = evidence(sc, s)
				g.add(f)
			}
		}
	}
	return g
}

// evidence is the exchange that an RRset came in and the one with the keys.
func evidence(sc *judge.ServerChain, s *judge.Set) []int {
	out := []int{s.Exchange}
	if sc.KeyReply >= 0 && sc.KeyReply != s.Exchange && !sc.Borrowed {
		out = append(out, sc.KeyReply)
	}
	return out
}

// has says whether any signature of the set has one of the faults.
func has(s *judge.Set, faults ...judge.Fault) (judge.Signature, bool) {
	for _, sig := range s.Signatures {
		if slices.Contains(faults, sig.Fault) {
			return sig, true
		}
	}
	return judge.Signature{}, false
}
