package holdfast

import (
	"slices"
	"time"
)

// Outlook is what becomes of a zone by an instant if nobody does anything:
// what a verdict says of the future.
type Outlook struct {
	Zone   Name   `json:"zone"`
	Status Status `json:"status"` // at the instant
	// FailsAt is when the zone as a whole turns bogus, on every server that is
	// well now or in the chain above; zero where time alone does not do it.
	FailsAt time.Time `json:"fails_at,omitzero"`
	FailsBy Class     `json:"fails_by,omitempty"`
	// Failed are the servers that are bogus by the instant, the first to fail
	// first; Servers is how many there are that answered.
	Failed  []ServerFailure `json:"failed,omitempty"`
	Servers int             `json:"servers"`
	// Seen is the instant of the verdict that this rests on.
	Seen time.Time `json:"seen"`
}

// ServerFailure is a server that turns bogus; At is zero where it is bogus by
// something else than time.
type ServerFailure struct {
	Server Server    `json:"server"`
	At     time.Time `json:"at,omitzero"`
	By     Class     `json:"by,omitempty"`
}

// Essential says whether resolvers fail where RRsets of the class are bogus:
// those that an answer, a denial or the chain rests on.
func (c Class) Essential() bool {
	switch c {
	case ClassSOA, ClassNS, ClassDNSKEY, ClassDenial:
		return true
	}
	return false
}

// Outlook is what becomes of the zone by an instant, if every signature stays
// as it was seen. above is when the keys above the zone die, zero where that
// is not known. The zone is bogus once every server that was well is, since
// resolvers go to the others; once the parent's DS (or its proof that there is
// none) is dead at every server of the parent; or once the keys above are.
func (v Verdict) Outlook(at, above time.Time) Outlook {
	o := Outlook{Zone: v.Zone, Status: v.Status, Seen: v.At}
	if v.Status == Indeterminate || v.Status == Unreached {
		return o
	}
	var last ServerFailure
	survives, well := false, 0
	for _, s := range v.Servers {
		if s.Status == Unreached || s.Status == Indeterminate {
			continue
		}
		o.Servers++
		f := v.failure(s.Server)
		if s.Status == Bogus {
			o.Failed = append(o.Failed, ServerFailure{Server: s.Server, At: s.FailsAt, By: s.FailsBy})
			continue
		}
		well++
		switch {
		case f.At.IsZero():
			survives = true
		case last.At.Before(f.At):
			last = f
		}
		if !f.At.IsZero() && f.At.Before(at) {
			o.Failed = append(o.Failed, f)
		}
	}
	slices.SortStableFunc(o.Failed, func(a, b ServerFailure) int { return a.At.Compare(b.At) })
	if v.Status == Bogus {
		o.FailsAt, o.FailsBy = v.FailsAt, v.FailsBy
		return o
	}
	if v.Status == Secure && well > 0 && !survives {
		o.FailsAt, o.FailsBy = last.At, last.By
	}
	for _, dies := range []time.Time{v.linkDies(), above} {
		if !dies.IsZero() && (o.FailsAt.IsZero() || dies.Before(o.FailsAt)) {
			o.FailsAt, o.FailsBy = dies, ClassDS
		}
	}
	if !o.FailsAt.IsZero() && o.FailsAt.Before(at) {
		o.Status = Bogus
	}
	return o
}

// failure is when the first of the essential classes dies at a server.
func (v Verdict) failure(server Server) ServerFailure {
	first := ServerFailure{Server: server}
	for _, w := range v.Windows {
		if w.Server == server && w.Class.Essential() && (first.At.IsZero() || w.Expiration.Before(first.At)) {
			first.At, first.By = w.Expiration, w.Class
		}
	}
	return first
}

// linkDies is when the last of the parent's servers has only a dead DS RRset,
// or a dead proof that there is none; zero where that is not known.
func (v Verdict) linkDies() time.Time {
	var last time.Time
	for _, w := range v.Windows {
		if w.Class == ClassDS && w.Expiration.After(last) {
			last = w.Expiration
		}
	}
	return last
}

// KeysDie is when the zone's DNSKEY RRset is dead on every server that shows
// it: from then on all that hangs on its keys is bogus. Zero where none is
// known.
func (v Verdict) KeysDie() time.Time {
	var last time.Time
	for _, w := range v.Windows {
		if w.Class == ClassDNSKEY && w.Expiration.After(last) {
			last = w.Expiration
		}
	}
	return last
}
