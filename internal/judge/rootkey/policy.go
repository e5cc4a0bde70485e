package rootkey

import "time"

const day = 24 * time.Hour

// Policy is what the root's operators hold their key signing files to, beyond
// what a file says of itself: the limits of the KSK operator's tools
// (github.com/iana-org/dnssec-keytools, src/kskm/common/config_misc.py, as of
// commit 9e3a26ce).
type Policy struct {
	Bundles  int   // in a quarter
	ZSKs     []int // zone-signing keys in each bundle, where there are Bundles of them
	Interval span  // from one bundle's inception to the next's
	Cycle    span  // from the first bundle's inception to the last's
	Validity span  // of a bundle's signatures
	Overlap  span  // of a bundle's signatures with the next one's
	// Horizon is how far ahead of the instant of judging a file may reach.
	Horizon time.Duration
	TTL     uint32 // of the DNSKEY RRset, in seconds
}

// span is a closed range of durations.
type span struct{ least, most time.Duration }

func (s span) has(d time.Duration) bool { return d >= s.least && d <= s.most }

// DefaultPolicy are those limits for the root.
func DefaultPolicy() Policy {
	return Policy{
		Bundles: 9, ZSKs: []int{2, 1, 1, 1, 1, 1, 1, 1, 2},
		Interval: span{9 * day, 11 * day}, Cycle: span{79 * day, 81 * day},
		Validity: span{21 * day, 21 * day}, Overlap: span{9 * day, 16 * day},
		Horizon: 180 * day, TTL: 172800,
	}
}
