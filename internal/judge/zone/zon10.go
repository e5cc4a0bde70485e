package zone

import (
	"fmt"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// leastTTL is the TTL below which a chain of trust may not be fetched and
// verified before parts of it are gone from caches: five to ten minutes by
// RFC 6781 section 4.4.1, of which the milder is taken.
const leastTTL = 5 * time.Minute

func ttlAgainstSignatures() judge.Check {
	return judge.Check{
		Code: "ZON-10", Name: "ttl-against-signatures", Severity: holdfast.SeverityNotice,
		Reference: "RFC 6781 section 4.4.1",
		Summary:   "In a signed zone TTLs are shorter than the life of signatures, and those of NS and DNSKEY five minutes or more.",
		Judge:     judgeTTLs,
	}
}

func judgeTTLs(c *judge.Case) []holdfast.Finding {
	var out []holdfast.Finding
	for i := range c.Chain.Servers {
		for _, set := range c.Chain.Servers[i].Sets {
			ttl := time.Duration(set.RRset.TTL) * time.Second
			// NSEC3PARAM and the like are fetched by nobody who validates.
			low := ttl < leastTTL && (set.Class == holdfast.ClassNS || set.Class == holdfast.ClassDNSKEY)
			text := ""
			switch life := set.Life(); {
			case life > 0 && ttl >= life:
				text = fmt.Sprintf("the TTL of %s, %d seconds, is not shorter than the whole life of its signatures", set.Class, set.RRset.TTL)
			case life > 0 && low:
				text = fmt.Sprintf("the TTL of %s, %d seconds, is less than 5 minutes: a chain of trust may be gone from a cache before it is complete", set.Class, set.RRset.TTL)
			default:
				continue
			}
			// Said once a class, by whichever server shows it: TTLs are the zone's.
			out = append(out, holdfast.Finding{Severity: holdfast.SeverityNotice, RRset: set.Class, Text: text, Evidence: []int{set.Exchange}})
		}
	}
	return out
}
