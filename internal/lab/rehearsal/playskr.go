package rehearsal

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// FromResponses is the play of signed key responses (SKR), one or several
// quarters of the real root: what each bundle publishes, signs and revokes, from
// its inception on. The private halves are not
// ours: the keys are new ones of the same algorithms, lengths and key tags. The
// data are signed by the ZSK that stands in most of a quarter's bundles.
func FromResponses(files []holdfast.KeySigning, pace Pace) (holdfast.Play, error) {
	if len(files) == 0 {
		return holdfast.Play{}, fmt.Errorf("play of signed key responses: want one at least")
	}
	files = slices.SortedFunc(slices.Values(files), func(a, b holdfast.KeySigning) int { return begins(a).Compare(begins(b)) })
	first := files[0]
	life, ttl := time.Duration(0), uint32(0)
	if first.KSK != nil {
		life = first.KSK.MaxValidity
	}
	if len(first.Bundles) > 0 && len(first.Bundles[0].Keys) > 0 {
		ttl = first.Bundles[0].Keys[0].TTL
	}
	c := newCeremonies(nameOf("skr-"+first.ID), "The root's keys by signed key responses", about(files), pace, ttl, life)
	names := keyNames{}
	end := time.Duration(0)
	for q, file := range files {
		fail := func(err error) (holdfast.Play, error) {
			return holdfast.Play{}, fmt.Errorf("play of %s: %w", cmp.Or(file.File, file.ID), err)
		}
		if file.Kind != holdfast.KeyResponse || len(file.Bundles) == 0 {
			return fail(fmt.Errorf("it is no signed key response, or has no bundles"))
		}
		if q > 0 && !begins(file).After(files[q-1].Bundles[len(files[q-1].Bundles)-1].Inception) {
			return fail(fmt.Errorf("it begins at %s, before %s has ended", begins(file).Format(time.RFC3339), cmp.Or(files[q-1].File, files[q-1].ID)))
		}
		data, err := dataKey(file)
		if err != nil {
			return fail(err)
		}
		for i, bundle := range file.Bundles {
			step, err := c.bundle(bundle, names, data)
			if err != nil {
				return fail(fmt.Errorf("bundle %d: %w", i+1, err))
			}
			step.Name = fmt.Sprintf("Q%d-%d", q+1, i+1)
			end = bundle.Inception.Sub(begins(first))
			c.step(step, end)
		}
	}
	play, err := c.done(end + slotDays*day)
	if err != nil {
		return holdfast.Play{}, fmt.Errorf("play of %s: %w", cmp.Or(first.File, first.ID), err)
	}
	return play, nil
}

func begins(file holdfast.KeySigning) time.Time {
	if len(file.Bundles) == 0 {
		return time.Time{}
	}
	return file.Bundles[0].Inception
}

// about says what a play was made of.
func about(files []holdfast.KeySigning) string {
	text := "Made from signed key responses of the root:"
	for _, f := range files {
		text += fmt.Sprintf("\n%s, from %s on.", textOf(cmp.Or(f.File, f.ID)), begins(f).UTC().Format(time.DateOnly))
	}
	return text
}

// keyNames are the plays' names of keys, by what the keys are.
type keyNames map[string]string

// bundleKey is a key of a bundle without REVOKE, and what tells it from others.
func bundleKey(k holdfast.BundleKey) (key wire.DNSKEY, identity string) {
	key = wire.DNSKEY{Flags: k.Flags &^ flagRevoke, Protocol: k.Protocol, Algorithm: k.Algorithm, PublicKey: k.Public}
	return key, fmt.Sprint(key.Algorithm, " ", key.PublicKey)
}

// bundle is the step of one bundle. The keys that it brings are taken in.
func (c *ceremonies) bundle(b holdfast.KeyBundle, names keyNames, data string) (holdfast.PlayStep, error) {
	step := holdfast.PlayStep{}
	tags := map[uint16]string{}
	for _, k := range b.Keys {
		key, identity := bundleKey(k)
		if names[identity] == "" {
			role := "zsk"
			if k.SEP() {
				role = "ksk"
			}
			// The tag alone would do but for collisions.
			names[identity] = nameOf(fmt.Sprintf("%s-%d", role, key.KeyTag()))
			for slices.ContainsFunc(c.play.Keys, func(o holdfast.PlayKey) bool { return o.Name == names[identity] }) {
				names[identity] += "-again"
			}
			c.key(holdfast.PlayKey{Name: names[identity], KSK: k.SEP(), Algorithm: k.Algorithm, Bits: bits(key), Tag: key.KeyTag()})
		}
		name := names[identity]
		step.Publish = append(step.Publish, name)
		if k.Revoked() {
			step.Revoke = append(step.Revoke, name)
		}
		if identity == data {
			step.Data = []string{name}
		}
		key.Flags = k.Flags
		tags[key.KeyTag()] = name
	}
	for _, sig := range b.Signatures {
		name := tags[sig.Tag]
		if name == "" {
			return step, fmt.Errorf("its signature by key %d: no such key is in it", sig.Tag)
		}
		if !slices.Contains(step.Sign, name) {
			step.Sign = append(step.Sign, name)
		}
	}
	if step.Data == nil {
		return step, fmt.Errorf("the ZSK of the quarter is not in it")
	}
	return step, nil
}

// bits is the length of a key where a play says one: of RSA.
func bits(key wire.DNSKEY) int {
	switch key.Algorithm {
	case wire.RSASHA1, wire.RSASHA1NSEC3SHA1, wire.RSASHA256, wire.RSASHA512:
		return key.Bits()
	}
	return 0
}

// dataKey is the ZSK that stands in most bundles of a quarter: the others are
// in its first and last only, of the quarters before and after.
func dataKey(file holdfast.KeySigning) (string, error) {
	counts := map[string]int{}
	best := ""
	for _, b := range file.Bundles {
		for _, k := range b.Keys {
			if k.SEP() {
				continue
			}
			_, identity := bundleKey(k)
			if counts[identity]++; counts[identity] > counts[best] {
				best = identity
			}
		}
	}
	if best == "" {
		return "", fmt.Errorf("it has no ZSK")
	}
	return best, nil
}
