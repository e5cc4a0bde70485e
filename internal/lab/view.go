package lab

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// view is all that faults do to a zone, at one server, at one instant. Views
// are shared: the same faults give the same view, and its number stands for
// them in the cache of answers.
type view struct {
	id int

	// manners: how the server treats questions for the zone.
	manners map[Kind]*order

	// content: what it has of the zone.
	stale      time.Duration
	frozen     time.Time // zero: transfers as it should
	serialBack bool
	unsigned   bool
	noDNSKEY   bool
	noProof    bool
	wrongProof bool
	wrongTypes bool
	otherChain bool
	otherParam bool
	noSOA      bool
	cutKey     bool
	nsMismatch bool
	glue       bool
	split      float64 // percent of signatures
	collision  bool
	dots       bool
	children   float64 // percent of delegations
	sameSerial bool
	jump       bool
	twoSOAs    bool
	digest     Kind            // what is wrong with the ZONEMD; "": nothing
	proofs     map[Kind]*order // what is wrong with the records of denial, whichever answer they are in
	deepProof  bool
	sigTTL     bool
	marks      map[wire.Type][]mark // by class; anyType holds those for all but DS

	// delegation: what the parent's servers say of it.
	dsMismatch, dsMissing, dsExtra, dsUnknown, dsReferral, parentDiffers bool
}

// mark is a fault of signatures.
type mark struct {
	kind Kind
	at   time.Time
}

// healthy is the view where nothing is wrong.
var healthy = &view{}

// viewOf finds what faults do to a zone at a server; a nil server is the
// zone's own primary, which only faults of every server strike.
func (in *Internet) viewOf(s *server, zone holdfast.Name, now time.Time) *view {
	b := in.orders.Load()
	if len(b.all) == 0 {
		return healthy
	}
	var active []*order
	for _, list := range [3][]*order{b.zone[zone], b.zone[Everywhere], b.whole} {
		for _, o := range list {
			if o.active(now) && o.strikes(s) {
				active = append(active, o)
			}
		}
	}
	if len(active) == 0 {
		return healthy
	}
	return in.intern(active)
}

// maxViews bounds the table of views; beyond it views are made anew under new
// numbers, which costs time, not truth.
const maxViews = 1 << 14

func (in *Internet) intern(active []*order) *view {
	key := make([]byte, 0, 8*len(active))
	for _, o := range active {
		key = binary.BigEndian.AppendUint64(key, uint64(o.id))
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if v := in.views[string(key)]; v != nil {
		return v
	}
	if len(in.views) >= maxViews {
		clear(in.views)
	}
	in.lastView++
	v := newView(in.lastView, active)
	in.views[string(key)] = v
	return v
}

func newView(id int, active []*order) *view {
	v := &view{id: id, manners: map[Kind]*order{}, proofs: map[Kind]*order{}, marks: map[wire.Type][]mark{}}
	for _, o := range active {
		switch o.Kind {
		case Stale:
			v.stale = max(v.stale, o.Amount)
		case Freeze, CutOff:
			if o.Kind == CutOff {
				v.manners[CutOff] = o
			}
			if v.frozen.IsZero() || o.began.Before(v.frozen) {
				v.frozen = o.began
			}
		case SplitSigner:
			v.split = max(v.split, o.Percent)
		case TagCollision:
			v.collision = true
		case MissingDots:
			v.dots = true
		case ChildrenBad:
			v.children = max(v.children, o.Percent)
		case SOADiffers:
			v.sameSerial = true
		case TwoSOAs:
			v.twoSOAs = true
		case ZONEMDSerial, ZONEMDUnknown:
			v.digest = o.Kind
		case Overlap, BitmapLacks, BitmapAdds:
			v.proofs[o.Kind] = o
		case DeepProof:
			v.deepProof = true
		case SigTTL:
			v.sigTTL = true
		case DSReferral:
			v.dsReferral = true
		case SerialJump:
			v.jump = true
		case SerialBack:
			v.serialBack = true
		case DNSKEYMissing:
			v.noDNSKEY = true
		case UnsignedCopy:
			v.unsigned = true
		case NoProof:
			v.noProof = true
		case WrongProof:
			v.wrongProof = true
		case WrongTypes:
			v.wrongTypes = true
		case OtherDenial:
			v.otherChain = true
		case OtherParam:
			v.otherParam = true
		case NoSOA:
			v.noSOA = true
		case CutKey:
			v.cutKey = true
		case NSMismatch:
			v.nsMismatch = true
		case GlueMismatch:
			v.glue = true
		case DSMismatch:
			v.dsMismatch = true
		case DSMissing:
			v.dsMissing = true
		case DSExtra:
			v.dsExtra = true
		case DSUnknown:
			v.dsUnknown = true
		case ParentDiffers:
			v.parentDiffers = true
		case Expire, NoResign, NotYet, Break, Strip, UnknownKey, WrongSigner, TTLAbove:
			v.mark(o)
		default:
			v.manners[o.Kind] = o
		}
	}
	return v
}

func (v *view) mark(o *order) {
	m := mark{kind: o.Kind, at: o.At}
	if m.at.IsZero() {
		m.at = o.began
		switch o.Kind {
		case Expire: // Unbound forgives a tenth of the validity, up to a day
			m.at = o.began.Add(-2 * day)
		case NotYet:
			m.at = o.began.Add(30 * day)
		}
	}
	for _, c := range o.Classes {
		if t, err := classType(c); err == nil {
			v.marks[t] = append(v.marks[t], m)
		}
	}
}

// of gives the marks on a class.
func (v *view) of(t wire.Type) []mark {
	if len(v.marks) == 0 {
		return nil
	}
	if t == wire.TypeNSEC3 {
		t = wire.TypeNSEC
	}
	if t == wire.TypeDS {
		return v.marks[t]
	}
	return slices.Concat(v.marks[t], v.marks[anyType])
}

// instant is when the copy of the zone that this view shows was made.
func (v *view) instant(now time.Time) time.Time {
	if !v.frozen.IsZero() && v.frozen.Before(now) {
		now = v.frozen
	}
	return now.Add(-v.stale)
}
