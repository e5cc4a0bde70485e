package alg

import (
	"fmt"
	"strings"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
	"github.com/holdfastdns/holdfast/internal/wire"
)

func rsaKeyLength() judge.Check {
	return judge.Check{
		Code: "ALG-05", Name: "rsa-key-length", Severity: holdfast.SeverityWarning,
		Reference: "RFC 6781 section 3.4.2, RFC 3110 section 2",
		Summary:   "RSA keys have 2,048 bits or more, and no more than 4,096.",
		Judge:     judgeLengths,
	}
}

func judgeLengths(c *judge.Case) []holdfast.Finding {
	published, evidence := keys(c)
	f := holdfast.Finding{Severity: holdfast.SeverityWarning, RRset: holdfast.ClassDNSKEY, Evidence: evidence}
	var what []string
	for _, k := range published {
		if !isRSA(k.Algorithm) {
			continue
		}
		bits := k.Bits()
		switch {
		case bits == 0: // it cannot be read: ALG-06
			continue
		case bits < 1024:
			f.Severity = holdfast.SeverityError
		case bits >= 2048 && bits <= 4096:
			continue
		}
		what = append(what, fmt.Sprintf("%d (%d bits)", k.KeyTag(), bits))
	}
	if len(what) == 0 {
		return nil
	}
	f.Count = len(what)
	f.Text = "RSA keys outside 2048 to 4096 bits: " + strings.Join(what, ", ")
	return []holdfast.Finding{f}
}

func isRSA(algorithm uint8) bool {
	switch algorithm {
	case 1, wire.RSASHA1, wire.RSASHA1NSEC3SHA1, wire.RSASHA256, wire.RSASHA512:
		return true
	}
	return false
}
