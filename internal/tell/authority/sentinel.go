package authority

import (
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Labels that make a name a sentinel: a resolver that knows them answers by
// its own trust anchors (RFC 8509 section 2). Behind each come five decimal
// digits, the key's tag.
const (
	sentinelIs  = "root-key-sentinel-is-ta-"
	sentinelNot = "root-key-sentinel-not-ta-"
)

// SentinelName is the name that asks a resolver, below a zone, whether it
// trusts the root key of a tag, or whether it does not.
func SentinelName(trusted bool, tag uint16, below holdfast.Name) holdfast.Name {
	label := sentinelNot
	if trusted {
		label = sentinelIs
	}
	digits := "0000" + strconv.Itoa(int(tag))
	return childOf(label+digits[len(digits)-5:], below)
}

// isSentinel says whether a label is one of RFC 8509.
func isSentinel(label string) bool {
	digits, ok := strings.CutPrefix(label, sentinelIs)
	if !ok {
		digits, ok = strings.CutPrefix(label, sentinelNot)
	}
	if !ok || len(digits) != 5 || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	return digits <= "65535"
}

// controls are the names beside the sentinels by which one tells a resolver
// that trusts a key from one that does not look at signatures at all.
func controls() map[string]Fault {
	return map[string]Fault{"signed": Sound, "bogus": Bogus, "expired": Expired, "unsigned": Unsigned}
}

// isRun says whether a label sets one run of a test apart from others, so
// that nothing of it is in any cache: t and 8 to 32 letters and digits.
func isRun(label string) bool {
	return len(label) >= 9 && len(label) <= 33 && label[0] == 't' && strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// sentinelNames are the sentinels of every tag and the controls, right below
// a zone and below each label of a run. All have the same records.
type sentinelNames struct {
	zone    holdfast.Name
	records []wire.Record // owned by nobody
}

func (s sentinelNames) Node(name holdfast.Name) ([]wire.Record, Fault, bool) {
	label, above := firstLabel(name)
	if above != s.zone {
		run, zone := firstLabel(above)
		if zone != s.zone || !isRun(run) {
			return nil, Sound, false
		}
	} else if isRun(label) {
		return []wire.Record{}, Sound, true
	}
	fault, control := controls()[label]
	if !control && !isSentinel(label) {
		return nil, Sound, false
	}
	return named(s.records, name), fault, true
}

// runNames are labels of runs and nothing else, in the zone that is not signed.
type runNames struct {
	zone    holdfast.Name
	records []wire.Record
}

func (s runNames) Node(name holdfast.Name) ([]wire.Record, Fault, bool) {
	label, above := firstLabel(name)
	if above != s.zone || !isRun(label) {
		return nil, Sound, false
	}
	return named(s.records, name), Sound, true
}

// named are records as they stand at a name.
func named(records []wire.Record, name holdfast.Name) []wire.Record {
	out := make([]wire.Record, len(records))
	for i, r := range records {
		r.Name = name
		out[i] = r
	}
	return out
}
