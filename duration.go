package holdfast

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as configuration files write it: "5m", "30s",
// "1h30m", and whole days as "7d", which time.ParseDuration does not know.
type Duration time.Duration

// Of is the duration for the time package.
func (d Duration) Of() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration. A bare number is refused: "300" could be
// seconds or minutes, and a guess would be wrong one day.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			*d = Duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("duration %q: write a number with its unit, such as 30s, 5m, 12h or 7d", s)
	}
	*d = Duration(parsed)
	return nil
}
