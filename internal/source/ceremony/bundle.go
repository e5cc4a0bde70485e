package ceremony

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// reader takes the fields of one element by name; the first that is missing or
// wrong is kept as the error, and so is one that nobody asked for.
type reader struct {
	d     *document
	e     element
	taken map[string]bool
	err   error
}

func (d *document) fields(e element) *reader {
	return &reader{d: d, e: e, taken: make(map[string]bool, len(e.children))}
}

func (r *reader) fail(line int, format string, values ...any) {
	if r.err == nil {
		r.err = r.d.fail(line, format, values...)
	}
}

// text is the content of the one child of that name.
func (r *reader) text(name string) (string, int) {
	r.taken[name] = true
	line, text, seen := r.e.line, "", 0
	for _, c := range r.e.children {
		if c.name == name {
			line, text = c.line, c.text
			if seen++; len(c.children) > 0 {
				r.fail(c.line, "element %s holds %s; it should hold text", name, c.children[0].name)
			}
		}
	}
	if seen != 1 {
		r.fail(line, "element %s has %d elements %s; it should have one", r.e.name, seen, name)
	}
	return text, line
}

func (r *reader) time(name string) time.Time {
	text, line := r.text(name)
	t, err := readTime(text)
	if err != nil {
		r.fail(line, "element %s: %w", name, err)
	}
	return t
}

func (r *reader) duration(name string) time.Duration {
	text, line := r.text(name)
	t, err := ReadDuration(text)
	if err != nil {
		r.fail(line, "element %s: %w", name, err)
	}
	return t
}

// number is an integer of so many bits.
func (r *reader) number(name string, bits int) uint64 {
	text, line := r.text(name)
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		r.fail(line, "element %s: %q is not a number of %d bits", name, text, bits)
	}
	return n
}

func (r *reader) octets(name string) []byte {
	text, line := r.text(name)
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || len(data) == 0 {
		r.fail(line, "element %s: not base64, or nothing", name)
	}
	return data
}

// each gives all children of a name to a function.
func (r *reader) each(name string, read func(element) error) {
	r.taken[name] = true
	for _, c := range r.e.children {
		if c.name == name && r.err == nil {
			r.err = read(c)
		}
	}
}

// done is the first error, or that something stands there which has no place.
func (r *reader) done() error {
	for _, c := range r.e.children {
		if !r.taken[c.name] {
			r.fail(c.line, "element %s has no place in %s", c.name, r.e.name)
		}
	}
	return r.err
}

func (d *document) bundle(e element) (holdfast.KeyBundle, error) {
	out := holdfast.KeyBundle{ID: e.attributes["id"], Place: fmt.Sprintf("%s:%d", d.file, e.line)}
	r := d.fields(e)
	if out.ID == "" {
		r.fail(e.line, "element %s has no attribute id", e.name)
	}
	out.Inception, out.Expiration = r.time("Inception"), r.time("Expiration")
	r.each("Signer", func(e element) error {
		out.Signers = append(out.Signers, e.attributes["keyIdentifier"])
		return nil
	})
	r.each("Key", func(e element) error {
		key, err := d.key(e)
		out.Keys = append(out.Keys, key)
		return err
	})
	r.each("Signature", func(e element) error {
		signature, err := d.signature(e)
		out.Signatures = append(out.Signatures, signature)
		return err
	})
	if len(out.Keys) == 0 || len(out.Signatures) == 0 {
		r.fail(e.line, "bundle %s has %d keys and %d signatures; it needs one of each at least", out.ID, len(out.Keys), len(out.Signatures))
	}
	return out, r.done()
}

func (d *document) key(e element) (holdfast.BundleKey, error) {
	r := d.fields(e)
	tag, err := strconv.ParseUint(e.attributes["keyTag"], 10, 16)
	if err != nil {
		r.fail(e.line, "element Key: attribute keyTag %q is not a key tag", e.attributes["keyTag"])
	}
	out := holdfast.BundleKey{
		Identifier: e.attributes["keyIdentifier"], Tag: uint16(tag),
		TTL: uint32(r.number("TTL", 31)), Flags: uint16(r.number("Flags", 16)), // RFC 2181 section 8: a TTL has 31 bits
		Protocol: uint8(r.number("Protocol", 8)), Algorithm: uint8(r.number("Algorithm", 8)), Public: r.octets("PublicKey"),
	}
	return out, r.done()
}

func (d *document) signature(e element) (holdfast.BundleSignature, error) {
	r := d.fields(e)
	out := holdfast.BundleSignature{
		Identifier: e.attributes["keyIdentifier"], TTL: uint32(r.number("TTL", 31)),
		Algorithm: uint8(r.number("Algorithm", 8)), Labels: uint8(r.number("Labels", 8)), OriginalTTL: uint32(r.number("OriginalTTL", 31)),
		Inception: r.time("SignatureInception"), Expiration: r.time("SignatureExpiration"),
		Tag: uint16(r.number("KeyTag", 16)), Data: r.octets("SignatureData"),
	}
	out.Covered, _ = r.text("TypeCovered")
	signer, line := r.text("SignersName")
	var err error
	if out.Signer, err = holdfast.ParseName(signer); err != nil {
		r.fail(line, "element SignersName: %w", err)
	}
	return out, r.done()
}

// policies reads the policies of a request (the ZSK operator's) or a response
// (both).
func (d *document) policies(e element, out *holdfast.KeySigning) error {
	r := d.fields(e)
	for name, into := range map[string]**holdfast.SigningPolicy{"KSK": &out.KSK, "ZSK": &out.ZSK} {
		r.each(name, func(e element) error {
			if *into != nil {
				return d.fail(e.line, "there are two policies %s", name)
			}
			policy, err := d.policy(e)
			*into = &policy
			return err
		})
	}
	return r.done()
}

func (d *document) policy(e element) (holdfast.SigningPolicy, error) {
	r := d.fields(e)
	out := holdfast.SigningPolicy{
		PublishSafety: r.duration("PublishSafety"), RetireSafety: r.duration("RetireSafety"),
		MinValidity: r.duration("MinSignatureValidity"), MaxValidity: r.duration("MaxSignatureValidity"),
		MinOverlap: r.duration("MinValidityOverlap"), MaxOverlap: r.duration("MaxValidityOverlap"),
	}
	r.each("SignatureAlgorithm", func(e element) error {
		algorithm, err := d.algorithm(e)
		out.Algorithms = append(out.Algorithms, algorithm)
		return err
	})
	return out, r.done()
}

func (d *document) algorithm(e element) (holdfast.SigningPolicyAlgorithm, error) {
	number, err := strconv.ParseUint(e.attributes["algorithm"], 10, 8)
	if err != nil {
		return holdfast.SigningPolicyAlgorithm{}, d.fail(e.line, "element SignatureAlgorithm: attribute algorithm %q is not an algorithm number", e.attributes["algorithm"])
	}
	out := holdfast.SigningPolicyAlgorithm{Algorithm: uint8(number)}
	for _, c := range e.children {
		if !slices.Contains([]string{"RSA", "DSA", "ECDSA", "EDDSA"}, c.name) {
			return out, d.fail(c.line, "element %s has no place in SignatureAlgorithm", c.name)
		}
		size, err := strconv.ParseUint(c.attributes["size"], 10, 16)
		if err != nil {
			return out, d.fail(c.line, "element %s: attribute size %q is not a number of bits", c.name, c.attributes["size"])
		}
		out.Bits = int(size)
		if exponent, ok := c.attributes["exponent"]; ok {
			if out.Exponent, err = strconv.ParseUint(exponent, 10, 64); err != nil {
				return out, d.fail(c.line, "element %s: attribute exponent %q is not a number", c.name, exponent)
			}
		}
	}
	return out, nil
}
