package alg

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func weakKey() judge.Check {
	return judge.Check{
		Code: "ALG-09", Name: "weak-key", Severity: holdfast.SeverityWarning,
		Reference: "RFC 6781 section 3.4.3, RFC 8017 section 3.1",
		Summary:   "No RSA key is of a kind that is known to be factored: by a flawed generator, with a small factor, or of primes too close together.",
		Judge:     judgeWeakness,
	}
}

func judgeWeakness(c *judge.Case) []holdfast.Finding {
	published, evidence := keys(c)
	f := holdfast.Finding{Severity: holdfast.SeverityWarning, RRset: holdfast.ClassDNSKEY, Evidence: evidence}
	var what []string
	for _, k := range published {
		modulus := Modulus(k)
		if modulus == nil {
			continue
		}
		weakness := ""
		if p := smallFactor(modulus); p != 0 {
			weakness, f.Severity = fmt.Sprintf("its modulus can be divided by %d", p), holdfast.SeverityError
		} else if isClose(modulus) {
			weakness, f.Severity = "its primes lie so close together that they are found at once", holdfast.SeverityError
		} else if isROCA(modulus) {
			weakness = "it was made by the flawed generator of CVE-2017-15361 (ROCA)"
		} else {
			continue
		}
		what = append(what, fmt.Sprintf("%d (%d bits): %s", k.KeyTag(), k.Bits(), weakness))
	}
	if len(what) == 0 {
		return nil
	}
	f.Count = len(what)
	f.Text = "keys that others can work out: " + strings.Join(what, "; ")
	return []holdfast.Finding{f}
}

// Modulus is the modulus of an RSA key (RFC 3110 section 2), nil where it is
// none or cannot be read.
func Modulus(k wire.DNSKEY) *big.Int {
	if !isRSA(k.Algorithm) || k.Bits() == 0 || len(k.PublicKey) < 3 {
		return nil
	}
	length, rest := int(k.PublicKey[0]), k.PublicKey[1:]
	if length == 0 {
		length, rest = int(rest[0])<<8|int(rest[1]), rest[2:]
	}
	if length >= len(rest) {
		return nil
	}
	return new(big.Int).SetBytes(rest[length:])
}
