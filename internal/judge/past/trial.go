package past

import (
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// trialsKept is how long trials are kept after the last failure.
const trialsKept = 24 * time.Hour

// foldTrials takes answers of a class into the trials: those that do not
// verify, and all of a server that had one. The sets are in the order in which
// they were asked for.
func foldTrials(c *judge.Case, trials []holdfast.SignatureTrial, sets []*judge.Set) []holdfast.SignatureTrial {
	trials = slices.Clone(trials)
	for _, s := range sets {
		tag, failing, tells := tried(s)
		if last := latest(trials, s.Server); !tells || !failing && last < 0 {
			continue
		}
		soa, _ := c.SOA(s.Server)
		trials = count(trials, s.Server, soa.Serial, tag, failing, c.Measurement.Exchanges[s.Exchange].Sent)
	}
	if !slices.ContainsFunc(trials, func(t holdfast.SignatureTrial) bool { return c.Instant.Sub(t.Failed) <= trialsKept }) {
		return nil
	}
	return trials[max(0, len(trials)-holdfast.MaxTrials):]
}

// tried says whether a set verifies and by which key; false where that cannot
// be said, or where it is not for the signature's own sake that it fails.
func tried(s *judge.Set) (tag uint16, failing, tells bool) {
	if s.Status == holdfast.Secure && s.Best >= 0 {
		return s.Signatures[s.Best].KeyTag, false, true
	}
	for _, sig := range s.Signatures {
		switch sig.Fault {
		case judge.FaultCrypto, judge.FaultUnknownKey:
			if sig.Fault == s.Fault {
				return sig.KeyTag, true, true
			}
		}
	}
	return 0, false, false
}

// latest is the index of the server's last trial, -1 where there is none.
func latest(trials []holdfast.SignatureTrial, server holdfast.Server) int {
	at := -1
	for i, t := range trials {
		if t.Server == server && (at < 0 || !t.Until.Before(trials[at].Until)) {
			at = i
		}
	}
	return at
}

func count(trials []holdfast.SignatureTrial, server holdfast.Server, serial uint32, tag uint16, failing bool, at time.Time) []holdfast.SignatureTrial {
	before := latest(trials, server)
	turned := before >= 0 && trials[before].Failing != failing
	i := slices.IndexFunc(trials, func(t holdfast.SignatureTrial) bool {
		return t.Server == server && t.Serial == serial && t.Tag == tag
	})
	if i < 0 {
		trials = append(trials, holdfast.SignatureTrial{Server: server, Serial: serial, Tag: tag, Since: at})
	} else { // the last one used stands last
		t := trials[i]
		trials = append(slices.Delete(trials, i, i+1), t)
	}
	t := &trials[len(trials)-1]
	t.Until, t.Failing = at, failing
	if turned {
		t.Turns++
	}
	if failing {
		t.Bad++
		t.Failed = at
	} else {
		t.Good++
	}
	return trials
}

// Alternates says whether a server's signatures went bad, were good, and went
// bad again; since is when that began.
func Alternates(trials []holdfast.SignatureTrial, server holdfast.Server) (since time.Time, yes bool) {
	turns := 0
	for _, t := range trials {
		if t.Server != server {
			continue
		}
		turns += t.Turns
		if since.IsZero() || t.Since.Before(since) {
			since = t.Since
		}
	}
	return since, turns >= 2
}
