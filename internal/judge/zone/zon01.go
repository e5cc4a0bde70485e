package zone

import (
	"fmt"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/judge"
)

// Bounds of the SOA's timers, in seconds: those of RIPE-203 and RFC 1912 as
// Zonemaster reads them (its Zone02 to Zone06), so that one operator does not
// hear two opinions.
const (
	leastRefresh = 4 * 3600
	leastRetry   = 3600
	leastExpire  = 14 * 86400
	leastMinimum = 300
	mostMinimum  = 86400 // RFC 2308 section 5: more than a day has been found problematic
)

func refreshShort() judge.Check {
	return judge.Check{
		Code: "ZON-01", Name: "soa-refresh", Severity: holdfast.SeverityNotice,
		Reference: "RFC 1912 section 2.2, RIPE-203",
		Summary:   "The SOA's refresh is four hours or more.",
		Judge: aboutTimers(func(v version) (holdfast.Severity, string) {
			if v.soa.Refresh < leastRefresh {
				return holdfast.SeverityNotice, fmt.Sprintf("the SOA's refresh of %d seconds is less than 4 hours", v.soa.Refresh)
			}
			return 0, ""
		}),
	}
}

func retryOdd() judge.Check {
	return judge.Check{
		Code: "ZON-02", Name: "soa-retry", Severity: holdfast.SeverityNotice,
		Reference: "RFC 1912 section 2.2, RIPE-203",
		Summary:   "The SOA's retry is less than its refresh, and one hour or more.",
		Judge: aboutTimers(func(v version) (holdfast.Severity, string) {
			switch retry, refresh := v.soa.Retry, v.soa.Refresh; {
			case retry >= refresh:
				return holdfast.SeverityNotice, fmt.Sprintf("the SOA's retry of %d seconds is not less than its refresh of %d", retry, refresh)
			case retry < leastRetry:
				return holdfast.SeverityNotice, fmt.Sprintf("the SOA's retry of %d seconds is less than an hour", retry)
			}
			return 0, ""
		}),
	}
}

func expireShort() judge.Check {
	return judge.Check{
		Code: "ZON-03", Name: "soa-expire", Severity: holdfast.SeverityNotice,
		Reference: "RFC 1035 section 3.3.13, RFC 1912 section 2.2, RIPE-203",
		Summary:   "The SOA's expire is two weeks or more, and longer than refresh and retry together.",
		Judge: aboutTimers(func(v version) (holdfast.Severity, string) {
			expire, once := v.soa.Expire, uint64(v.soa.Refresh)+uint64(v.soa.Retry)
			switch {
			case uint64(expire) <= once:
				return holdfast.SeverityWarning, fmt.Sprintf("the SOA's expire of %d seconds is not longer than refresh and retry together: "+
					"a secondary that fails once to reach its primary drops the zone", expire)
			case expire < leastExpire:
				return holdfast.SeverityNotice, fmt.Sprintf("the SOA's expire of %d seconds is less than two weeks", expire)
			}
			return 0, ""
		}),
	}
}

func minimumOdd() judge.Check {
	return judge.Check{
		Code: "ZON-04", Name: "soa-minimum", Severity: holdfast.SeverityNotice,
		Reference: "RFC 2308 section 5, RIPE-203",
		Summary:   "The SOA's minimum, by which negative answers are kept, is between five minutes and a day.",
		Judge: aboutTimers(func(v version) (holdfast.Severity, string) {
			switch minimum := v.soa.NegativeMinTTL; {
			case minimum < leastMinimum:
				return holdfast.SeverityNotice, fmt.Sprintf("the SOA's minimum of %d seconds is less than 5 minutes", minimum)
			case minimum > mostMinimum:
				return holdfast.SeverityNotice, fmt.Sprintf("the SOA's minimum of %d seconds is more than a day", minimum)
			}
			return 0, ""
		}),
	}
}

// aboutTimers judges the newest SOA; an empty text is no finding.
func aboutTimers(fault func(version) (holdfast.Severity, string)) func(*judge.Case) []holdfast.Finding {
	return func(c *judge.Case) []holdfast.Finding {
		v, ok := newestSOA(c)
		if !ok {
			return nil
		}
		severity, text := fault(v)
		if text == "" {
			return nil
		}
		return []holdfast.Finding{aboutSOA(v, severity, text)}
	}
}
