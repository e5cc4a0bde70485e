package alg

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/judge/iana"
	"github.com/holdfastdns/holdfast/internal/wire"
)

// Private algorithms (RFC 4034 appendix A.1.1): the key begins with the name
// or the OID of what it is.
const (
	privateDNS = 253
	privateOID = 254
)

func unusualAlgorithm() judge.Check {
	return judge.Check{
		Code: "ALG-10", Name: "unusual-algorithm", Severity: holdfast.SeverityInfo,
		Reference: "RFC 4034 appendix A.1.1, RFC 6840 section 5.2",
		Summary:   "Keys or DS records of private algorithms, or of numbers that are not registered, as in trials of post-quantum algorithms.",
		Judge:     judgeUnusual,
	}
}

func judgeUnusual(c *judge.Case) []holdfast.Finding {
	published, evidence := keys(c)
	set, more := delegated(c)
	var what []string
	say := func(text string) {
		if text != "" && !slices.Contains(what, text) {
			what = append(what, text)
		}
	}
	for _, k := range published {
		say(unusual(k.Algorithm, k.PublicKey))
	}
	for _, ds := range set {
		if !slices.ContainsFunc(published, func(k wire.DNSKEY) bool { return k.Algorithm == ds.Algorithm }) {
			say(unusual(ds.Algorithm, nil))
		}
	}
	if len(what) == 0 {
		return nil
	}
	slices.Sort(what)
	return []holdfast.Finding{{
		Severity: holdfast.SeverityInfo, RRset: holdfast.ClassDNSKEY, Evidence: append(evidence, more...), Count: len(what),
		Text: "algorithms that validators in general do not know, and take what they alone sign as unsigned: " + strings.Join(what, ", "),
	}}
}

// unusual names an algorithm that is private or not registered; empty for the
// others.
func unusual(algorithm uint8, key []byte) string {
	switch algorithm {
	case privateDNS:
		if name := leadingName(key); name != "" {
			return fmt.Sprintf("%d (private, %s)", algorithm, name)
		}
		return fmt.Sprintf("%d (private)", algorithm)
	case privateOID:
		return fmt.Sprintf("%d (private, by OID)", algorithm)
	}
	if a, registered := iana.AlgorithmOf(algorithm); !registered || a.Mnemonic == "" {
		return fmt.Sprintf("%d (not registered)", algorithm)
	}
	return ""
}

// leadingName is the domain name at the head of a private key's data, empty
// where there is none that people could read.
func leadingName(key []byte) string {
	var labels []string
	for len(key) > 0 && len(labels) < 10 {
		n := int(key[0])
		if n == 0 {
			break
		}
		if n > 63 || n >= len(key) {
			return ""
		}
		label := string(key[1 : 1+n])
		if strings.ContainsFunc(label, func(r rune) bool { return r <= ' ' || r > '~' || r == '.' }) {
			return ""
		}
		labels, key = append(labels, strings.ToLower(label)), key[1+n:]
	}
	if len(key) == 0 || len(labels) == 0 {
		return ""
	}
	return strings.Join(labels, ".") + "."
}
