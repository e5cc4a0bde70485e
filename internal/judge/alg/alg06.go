package alg

import (
	"fmt"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func keyMalformed() judge.Check {
	return judge.Check{
		Code: "ALG-06", Name: "key-malformed", Severity: holdfast.SeverityError,
		Reference: "RFC 6605 section 4, RFC 8080 section 3, RFC 3110 section 2",
		Summary:   "Each key has the form and length that its algorithm demands.",
		Judge:     judgeForms,
	}
}

// lengths of public keys in octets, where the algorithm leaves no choice.
var lengths = map[uint8]int{
	wire.ECDSAP256SHA256: 64, wire.ECDSAP384SHA384: 96, // RFC 6605 section 4
	wire.ED25519: 32, wire.ED448: 57, // RFC 8080 section 3
}

func judgeForms(c *judge.Case) []holdfast.Finding {
	published, evidence := keys(c)
	var what []string
	for _, k := range published {
		if fault := formFault(k); fault != "" {
			what = append(what, fmt.Sprintf("%d (algorithm %d) %s", k.KeyTag(), k.Algorithm, fault))
		}
	}
	if len(what) == 0 {
		return nil
	}
	return []holdfast.Finding{{
		Severity: holdfast.SeverityError, RRset: holdfast.ClassDNSKEY, Evidence: evidence, Count: len(what),
		Text: "keys that no validator can use: " + strings.Join(what, ", "),
	}}
}

// formFault says what is wrong with a key's form, empty where nothing is or
// the algorithm's form is not known.
func formFault(k wire.DNSKEY) string {
	if want, fixed := lengths[k.Algorithm]; fixed && len(k.PublicKey) != want {
		return fmt.Sprintf("has %d octets in place of %d", len(k.PublicKey), want)
	}
	if !isRSA(k.Algorithm) {
		return ""
	}
	if k.Bits() == 0 {
		return "has no modulus that can be read"
	}
	if exponent := rsaExponent(k.PublicKey); len(exponent) == 0 || exponent[len(exponent)-1]&1 == 0 || len(exponent) == 1 && exponent[0] < 3 {
		return "has an exponent that RSA cannot use"
	}
	return ""
}

// rsaExponent is the exponent without leading zeros (RFC 3110 section 2). The
// caller knows that the key can be read.
func rsaExponent(key []byte) []byte {
	if len(key) < 3 {
		return nil
	}
	length, rest := int(key[0]), key[1:]
	if length == 0 {
		length, rest = int(rest[0])<<8|int(rest[1]), rest[2:]
	}
	if length > len(rest) {
		return nil
	}
	exponent := rest[:length]
	for len(exponent) > 0 && exponent[0] == 0 {
		exponent = exponent[1:]
	}
	return exponent
}
