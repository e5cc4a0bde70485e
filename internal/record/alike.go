package record

import (
	"maps"
	"reflect"
	"slices"

	"github.com/holdfastdns/holdfast"
)

// While nothing changes at a zone, each verdict on it says what the one before
// said, but for the look that it rests on and how long its replies took. A
// verdict that was issued again shares its lists with the one before, so that
// to see this takes next to nothing.

// alikeStatus says whether a verdict on a subject changes nothing in a status
// but that.
func alikeStatus(before *ZoneStatus, s holdfast.Subject, v *holdfast.Verdict) bool {
	return before != nil && alikeSubjects(before.Subject, s) && alikeVerdicts(&before.Verdict, v)
}

func alikeSubjects(a, b holdfast.Subject) bool {
	return a.Zone == b.Zone && a.Unicode == b.Unicode && a.Kind == b.Kind && a.IDN == b.IDN &&
		(a.Delegation == b.Delegation || reflect.DeepEqual(a.Delegation, b.Delegation)) &&
		(a.Registration == b.Registration || reflect.DeepEqual(a.Registration, b.Registration))
}

func alikeVerdicts(a, b *holdfast.Verdict) bool {
	return a.Zone == b.Zone && a.Depth == b.Depth && a.Catalogue == b.Catalogue && a.Status == b.Status && a.EDE == b.EDE &&
		a.Reason == b.Reason && a.FailsAt.Equal(b.FailsAt) && a.FailsBy == b.FailsBy && slices.Equal(a.Algorithms, b.Algorithms) &&
		slices.EqualFunc(a.Servers, b.Servers, alikeServers) &&
		(shared(a.Windows, b.Windows) || slices.EqualFunc(a.Windows, b.Windows, alikeWindows)) &&
		(shared(a.Findings, b.Findings) || slices.EqualFunc(a.Findings, b.Findings, alikeFindings)) &&
		maps.Equal(a.Suppressed, b.Suppressed)
}

func alikeServers(a, b holdfast.ServerVerdict) bool {
	return a.Server == b.Server && a.Status == b.Status && a.EDE == b.EDE && a.FailsAt.Equal(b.FailsAt) && a.FailsBy == b.FailsBy &&
		a.Serial == b.Serial && a.Known == b.Known && a.Reason == b.Reason
}

func alikeWindows(a, b holdfast.Window) bool {
	return a.Inception.Equal(b.Inception) && a.Expiration.Equal(b.Expiration) && a.Server == b.Server && a.Class == b.Class &&
		a.KeyTag == b.KeyTag && a.Algorithm == b.Algorithm && a.Signer == b.Signer && a.TTL == b.TTL
}

func alikeFindings(a, b holdfast.Finding) bool {
	return a.Code == b.Code && a.Name == b.Name && a.Severity == b.Severity && a.Zone == b.Zone && a.Server == b.Server && a.RRset == b.RRset &&
		a.Text == b.Text && a.Reference == b.Reference && a.EDE == b.EDE && a.Until.Equal(b.Until) && slices.Equal(a.Evidence, b.Evidence) && a.Count == b.Count
}

// encodeRTTs writes the round-trip times of a verdict's servers, in their order.
func encodeRTTs(servers []holdfast.ServerVerdict) []byte {
	out := make([]byte, 0, 4*len(servers))
	for _, s := range servers {
		out = appendSigned(out, int64(s.RTT))
	}
	return out
}

// renew gives a verdict as it was written whole what the latest look changed.
func renew(v *holdfast.Verdict, at int64, measurement string, rtts []byte) error {
	v.At, v.Measurement = instant(at), measurement
	r := reader{data: rtts}
	for i := range v.Servers {
		v.Servers[i].RTT = r.duration()
	}
	return r.end()
}
