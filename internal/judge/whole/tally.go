package whole

import (
	"bytes"
	"cmp"
	"time"

	"github.com/holdfastdns/holdfast/internal/wire"
)

// tally is what was counted and found. Each worker has its own; merged they
// are the same whoever did what.
type tally struct {
	Report           // its counters alone
	found   findings // what holds in any case
	gone    findings // what holds unless a wildcard answers for names that are not there
	wilds   int      // wildcards with addresses or an alias
	strays  int      // NSEC3 records of chains that the apex does not declare
	links   []int    // NSEC3 records, by chain
	lacking [256]int // algorithm -> RRsets that it does not sign
	byKey   []int    // signatures that verify, by key
	dies    death    // the first
	horizon reckoning
}

// death is the end of an RRset's last good signature.
type death struct {
	at  int64 // Unix seconds
	key []byte
	typ wire.Type
	any bool
}

// before orders deaths by time, then by name and type.
func (d death) before(o death) bool {
	if !d.any || !o.any {
		return d.any
	}
	return cmp.Or(cmp.Compare(d.at, o.at), bytes.Compare(d.key, o.key), cmp.Compare(d.typ, o.typ)) < 0
}

// kept is the death with a key of its own.
func (d death) kept() death {
	d.key = bytes.Clone(d.key)
	return d
}

func (d death) time() time.Time { return time.Unix(d.at, 0).UTC() }

func newTally(j *judgement) tally {
	t := tally{byKey: make([]int, len(j.keys)), links: make([]int, len(j.chains))}
	t.found = findings{zone: j.zone, limit: j.MaxFindings}
	t.gone = t.found
	return t
}

func (t *tally) merge(o *tally) {
	t.RRsets += o.RRsets
	t.Delegations += o.Delegations
	t.Secured += o.Secured
	t.Glue += o.Glue
	t.Signed += o.Signed
	t.Signatures += o.Signatures
	t.Verified += o.Verified
	t.Expired += o.Expired
	t.NotYet += o.NotYet
	t.Invalid += o.Invalid
	t.UnknownKey += o.UnknownKey
	t.Unsupported += o.Unsupported
	t.Unwanted += o.Unwanted
	t.Unsampled += o.Unsampled
	t.Missing += o.Missing
	t.BogusRRsets += o.BogusRRsets
	t.OptOut = t.OptOut || o.OptOut
	t.found.merge(&o.found)
	t.gone.merge(&o.gone)
	t.wilds += o.wilds
	t.strays += o.strays
	t.links = addAll(t.links, o.links)
	t.byKey = addAll(t.byKey, o.byKey)
	for i, n := range o.lacking {
		t.lacking[i] += n
	}
	if o.dies.before(t.dies) {
		t.dies = o.dies
	}
	t.horizon.merge(&o.horizon)
}

// addAll adds lists of counters, the first of which may be too short.
func addAll(to, from []int) []int {
	for len(to) < len(from) {
		to = append(to, 0)
	}
	for i, n := range from {
		to[i] += n
	}
	return to
}
