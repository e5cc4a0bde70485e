package rootkey

import (
	"slices"

	"github.com/holdfastdns/holdfast"
)

// Answers judges whether a response is the answer to a request: the same
// bundles with the same zone-signing keys, and nothing but key-signing keys
// added (the controls SKR-MATCH and SKR-PAIR of the ZSK operator).
func Answers(response, request holdfast.KeySigning) []Complaint {
	s := &signing{KeySigning: response}
	if response.ID != request.ID || response.Serial != request.Serial || response.Zone != request.Zone {
		s.say(0, "SKR-MATCH", holdfast.SeverityError, "", "it answers the request %s, serial %d, for %s; the request given is %s, serial %d, for %s",
			response.ID, response.Serial, response.Zone, request.ID, request.Serial, request.Zone)
	}
	if len(response.Bundles) != len(request.Bundles) {
		s.say(0, "SKR-MATCH", holdfast.SeverityError, "", "it has %d bundles, the request %d", len(response.Bundles), len(request.Bundles))
	}
	for i := range min(len(response.Bundles), len(request.Bundles)) {
		got, asked := response.Bundles[i], request.Bundles[i]
		if got.ID != asked.ID || !got.Inception.Equal(asked.Inception) || !got.Expiration.Equal(asked.Expiration) {
			s.say(i+1, "SKR-MATCH", holdfast.SeverityError, "", "it is bundle %s from %s to %s, and the request has %s from %s to %s",
				got.ID, stamp(got.Inception), stamp(got.Expiration), asked.ID, stamp(asked.Inception), stamp(asked.Expiration))
		}
		for _, k := range zsks(asked) {
			if !contains(zsks(got), k) {
				s.say(i+1, "SKR-PAIR", holdfast.SeverityError, "", "the zone-signing key %d of the request is missing", k.Tag)
			}
		}
		for _, k := range zsks(got) {
			if !contains(zsks(asked), k) {
				s.say(i+1, "SKR-PAIR", holdfast.SeverityError, "", "the zone-signing key %d was not asked for", k.Tag)
			}
		}
	}
	return s.report.Complaints
}

// Follows judges whether a file carries on where the response of the quarter
// before it ends: the same zone-signing keys on both sides (KSR-CHAIN-PRE and
// KSR-CHAIN-POST), no gap between their signatures, and, of two responses,
// the same key-signing keys: they change within a quarter, not between two.
func Follows(next, before holdfast.KeySigning) []Complaint {
	s := &signing{KeySigning: next}
	if before.Kind != holdfast.KeyResponse || len(before.Bundles) == 0 || len(next.Bundles) == 0 {
		s.say(0, "CHAIN", holdfast.SeverityError, "", "%s is no signed key response: it cannot be what came before", before.File)
		return s.report.Complaints
	}
	last, first := before.Bundles[len(before.Bundles)-1], next.Bundles[0]
	for _, k := range zsks(last) {
		if !contains(zsks(first), k) {
			s.say(1, "CHAIN-PRE", holdfast.SeverityError, "", "the zone-signing key %d of the last bundle of %s is not in its first", k.Tag, before.File)
		}
	}
	for _, k := range zsks(first) {
		if !contains(zsks(last), k) {
			s.say(1, "CHAIN-POST", holdfast.SeverityError, "", "its zone-signing key %d is not in the last bundle of %s", k.Tag, before.File)
		}
	}
	switch {
	case !first.Inception.After(last.Inception):
		s.say(1, "CHAIN", holdfast.SeverityError, "", "it begins %s, and the last bundle of %s begins %s", stamp(first.Inception), before.File, stamp(last.Inception))
	case !first.Inception.Before(last.Expiration):
		s.say(1, "CHAIN", holdfast.SeverityCritical, "RFC 4035 section 5.3.1", "it begins %s, when the last signatures of %s are dead since %s", stamp(first.Inception), before.File, stamp(last.Expiration))
	}
	if next.Kind == holdfast.KeyResponse && !slices.EqualFunc(ksks(first), ksks(last), func(a, b holdfast.BundleKey) bool { return same(a, b) && a.Flags == b.Flags }) {
		s.say(1, "CHAIN", holdfast.SeverityWarning, "", "its first bundle has other key-signing keys than the last of %s; the operators change them within a quarter, from slot 2 on", before.File)
	}
	return s.report.Complaints
}

func zsks(b holdfast.KeyBundle) []holdfast.BundleKey {
	return slices.DeleteFunc(slices.Clone(b.Keys), holdfast.BundleKey.SEP)
}

func ksks(b holdfast.KeyBundle) []holdfast.BundleKey {
	out := slices.DeleteFunc(slices.Clone(b.Keys), func(k holdfast.BundleKey) bool { return !k.SEP() })
	slices.SortFunc(out, func(a, b holdfast.BundleKey) int { return slices.Compare(a.Public, b.Public) })
	return out
}

func contains(keys []holdfast.BundleKey, key holdfast.BundleKey) bool {
	return slices.ContainsFunc(keys, func(k holdfast.BundleKey) bool { return same(k, key) })
}

// same says whether two keys are one, whatever they are called.
func same(a, b holdfast.BundleKey) bool {
	return a.Algorithm == b.Algorithm && slices.Equal(a.Public, b.Public)
}
