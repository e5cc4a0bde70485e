package anchor

import (
	"time"

	"github.com/holdfastdns/holdfast"
)

// Caps of the intervals of RFC 5011 section 2.3.
const (
	maxRefresh = 15 * 24 * time.Hour
	maxRetry   = 24 * time.Hour
)

// Refresh is how long a validator may wait after it looked at the keys of a
// zone and could validate them: half the original TTL or half of what the
// signature has still to live, at most 15 days and at least the floor, which is
// an hour (RFC 5011 section 2.3).
func Refresh(timers holdfast.Timers, ttl, life time.Duration) time.Duration {
	return max(timers.Query, min(maxRefresh, ttl/2, life/2))
}

// Retry is how long it may wait when that failed: a tenth of either, at most a
// day and at least the floor, which is an hour (RFC 5011 section 2.3).
func Retry(timers holdfast.Timers, ttl, life time.Duration) time.Duration {
	return max(timers.Retry, min(maxRetry, ttl/10, life/10))
}
