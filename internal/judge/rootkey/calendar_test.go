package rootkey_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge/rootkey"
	"github.com/holdfastdns/holdfast/internal/source/anchor"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// TestCalendar holds the calendar to itself: each key's tag and digest follow
// from the key, its dates come in the order of a key's life, and each has a
// source.
func TestCalendar(t *testing.T) {
	c := rootkey.Calendar()
	life := []holdfast.RootStep{
		holdfast.RootGenerated, holdfast.RootAnchored, holdfast.RootPublished, holdfast.RootSigns,
		holdfast.RootRetired, holdfast.RootRevoked, holdfast.RootRemoved, holdfast.RootAbandoned,
	}
	for _, k := range c.Keys {
		if k.Public != nil {
			key := wire.DNSKEY{Flags: 257, Protocol: 3, Algorithm: k.Algorithm, PublicKey: k.Public}
			if key.KeyTag() != k.Tag {
				t.Errorf("%s: its key has tag %d, not %d", k.Name, key.KeyTag(), k.Tag)
			}
			ds, err := key.Digest(holdfast.Root, 2)
			if err != nil || k.DS == nil || !bytes.Equal(ds.Digest, k.DS.Digest) {
				t.Errorf("%s: its digest is %x (%v), and the calendar says %v", k.Name, ds.Digest, err, k.DS)
			}
		}
		for i, d := range k.Dates {
			if d.Source == "" || d.At.IsZero() || !slices.Contains(life, d.Step) {
				t.Errorf("%s: date %+v is not whole", k.Name, d)
			}
			if d.Planned != d.At.After(c.Taken) && !d.Planned {
				t.Errorf("%s %s lies after %s and is not marked as planned", k.Name, d.Step, c.Taken)
			}
			if i > 0 && (d.At.Before(k.Dates[i-1].At) || slices.Index(life, d.Step) <= slices.Index(life, k.Dates[i-1].Step)) {
				t.Errorf("%s: %s comes before %s", k.Name, d.Step, k.Dates[i-1].Step)
			}
		}
	}
	for _, p := range c.Plans {
		if p.Source == "" || !p.From.Before(p.Until) {
			t.Errorf("plan %+v is not whole", p)
		}
	}
}

// TestCalendarAndAnchors holds it to the trust anchors that the program
// carries, which come from another file of IANA's.
func TestCalendarAndAnchors(t *testing.T) {
	c := rootkey.Calendar()
	for _, a := range anchor.Embedded() {
		ds, err := a.DS()
		if err != nil {
			t.Fatal(err)
		}
		k, ok := c.Key(ds.KeyTag)
		if !ok || !bytes.Equal(k.DS.Digest, ds.Digest) {
			t.Errorf("the anchor %d is not in the calendar, or another there", ds.KeyTag)
		}
	}
}

// TestCalendarPlans: what no source at hand confirms stays a plan.
func TestCalendarPlans(t *testing.T) {
	c := rootkey.Calendar()
	k, _ := c.Key(38696)
	d, ok := k.Date(holdfast.RootSigns)
	if !ok || !d.Planned || !d.At.Equal(time.Date(2026, 10, 11, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("KSK-2024 signs: %+v", d)
	}
}
