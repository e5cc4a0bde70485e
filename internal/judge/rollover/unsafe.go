package rollover

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// The permanent codes of the checks that conflicts are shared out to.
const (
	codeKeyWithdrawn = "ROL-01"
	codeDSWithdrawn  = "ROL-02"
	codeDSEarly      = "ROL-03"
	codeSignsEarly   = "ROL-04"
	codeCross        = "ROL-09"
)

func keyWithdrawn() judge.Check {
	return judge.Check{
		Code: codeKeyWithdrawn, Name: "key-withdrawn-too-soon", Severity: holdfast.SeverityError,
		Reference: "RFC 7583 section 3",
		Summary:   "a key stays published until the DS records and signatures that need it have left caches",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c)
			worst, found := v.worst(codeKeyWithdrawn)
			if !found {
				return nil
			}
			f := v.unsafe(worst)
			before := worst.before
			lost := v.withdrawn(worst)
			switch {
			case before.Of == holdfast.ClassDS && worst.safe.IsZero():
				f.Text = fmt.Sprintf("%s, which the DS records in the parent need, is withdrawn: no key that they name signs the keys any more. Publish it again; it may go once other DS records have been there for %d seconds, the TTL of these", lost, before.TTL)
			case before.Of == holdfast.ClassDS:
				f.Text = fmt.Sprintf("%s was withdrawn too soon: DS records that lead to no other key may be in caches until %s; publish it again until then", lost, stamp(worst.safe))
			default:
				f.RRset = holdfast.ClassSOA
				f.Text = fmt.Sprintf("%s was withdrawn too soon: records that only it has signed may be in caches%s; publish it again until then", lost, end(worst))
			}
			return []holdfast.Finding{f}
		},
	}
}

func dsWithdrawn() judge.Check {
	return judge.Check{
		Code: codeDSWithdrawn, Name: "ds-withdrawn-too-soon", Severity: holdfast.SeverityError,
		Reference: "RFC 7583 section 3.3.2",
		Summary:   "a DS stays in the parent until the DNSKEY RRsets that need it have left caches",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c)
			worst, found := v.worst(codeDSWithdrawn)
			if !found {
				return nil
			}
			f := v.unsafe(worst)
			f.Text = fmt.Sprintf("the DS of %s was withdrawn too soon: caches may hold DNSKEY RRsets that no other DS leads to%s; have it published again until then", v.keyNames(worst.before.Signers), end(worst))
			return []holdfast.Finding{f}
		},
	}
}

func signsEarly() judge.Check {
	return judge.Check{
		Code: codeSignsEarly, Name: "key-signs-too-soon", Severity: holdfast.SeverityError,
		Reference: "RFC 7583 section 3.2.1",
		Summary:   "a new key does not sign alone before the DNSKEY RRsets without it have left caches",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c)
			worst, found := v.worst(codeSignsEarly)
			if !found {
				return nil
			}
			f := v.unsafe(worst)
			f.RRset = holdfast.ClassSOA
			f.Text = fmt.Sprintf("%s signs alone before its DNSKEY can be everywhere: caches may hold DNSKEY RRsets without it%s; sign with an older key also until then", v.keyNames(worst.after.Signers), end(worst))
			return []holdfast.Finding{f}
		},
	}
}

func crossPublication() judge.Check {
	return judge.Check{
		Code: codeCross, Name: "signers-keys-not-shared", Severity: holdfast.SeverityError,
		Reference: "RFC 8901 section 2.1",
		Summary:   "where several providers sign a zone, each publishes the zone-signing keys of the others",
		Judge: func(c *judge.Case) []holdfast.Finding {
			v := viewOf(c)
			worst, found := v.worst(codeCross)
			if !found {
				return nil
			}
			f := v.unsafe(worst)
			data, keys := worst.before, worst.after
			if data.Of != holdfast.ClassSOA {
				data, keys = keys, data
			}
			f.Text = fmt.Sprintf("the zone has several signers who do not publish each other's keys: records signed by %s come from some servers, and other servers give a DNSKEY RRset of %s: whoever asks both has keys and signatures that do not fit", v.keyNames(data.Signers), v.keyNames(keys.Members))
			return []holdfast.Finding{f}
		},
	}
}

// unsafe begins a finding about a conflict.
func (v *view) unsafe(c conflict) holdfast.Finding {
	return holdfast.Finding{Severity: holdfast.SeverityError, RRset: holdfast.ClassDNSKEY, EDE: 9, Until: c.safe, Evidence: v.evidence()}
}

// end says how long a conflict lasts.
func end(c conflict) string {
	if c.safe.IsZero() {
		return fmt.Sprintf(" until %d seconds after the last server has changed", c.before.TTL)
	}
	return " until " + stamp(c.safe)
}

// withdrawn names the keys that the older edition needs.
func (v *view) withdrawn(c conflict) string {
	need := c.before.Signers
	if c.before.Of == holdfast.ClassDS {
		need = nil
		for _, id := range c.before.Members {
			if key := v.ds[id].Key; key != "" {
				need = append(need, key)
			}
		}
	}
	if len(need) == 0 {
		return "a key"
	}
	return v.keyNames(need)
}
