package ceremony

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// readTime reads xsd:dateTime. The requests of 2009 to 2018 write some instants
// without a zone, and mean UTC.
func readTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			if year := t.UTC().Year(); year < 1970 || year > 2105 { // the 32 bits of RFC 4034 section 3.1.5, once
				return time.Time{}, fmt.Errorf("%q is outside what a signature can say", text)
			}
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not an instant, as 2018-01-11T00:00:00+00:00", text)
}

// ReadDuration reads xsd:duration as far as its length is certain: weeks, days,
// hours, minutes and seconds, no years or months.
func ReadDuration(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a duration, as P21D or PT12H", text)
	rest, ok := strings.CutPrefix(text, "P")
	if !ok || rest == "" || strings.HasSuffix(rest, "T") {
		return 0, wrong
	}
	var total time.Duration
	days, hours, _ := strings.Cut(rest, "T")
	for _, part := range []struct {
		text  string
		units string
	}{{days, "WD"}, {hours, "HMS"}} {
		last := -1
		for part.text != "" {
			end := strings.IndexFunc(part.text, func(c rune) bool { return c < '0' || c > '9' })
			if end < 1 {
				return 0, wrong
			}
			unit := strings.IndexByte(part.units, part.text[end])
			count, err := strconv.ParseInt(part.text[:end], 10, 32)
			if err != nil || unit <= last {
				return 0, wrong
			}
			length := lengthOf(part.text[end])
			if count > int64((math.MaxInt64-total)/length) {
				return 0, wrong
			}
			total, last, part.text = total+time.Duration(count)*length, unit, part.text[end+1:]
		}
	}
	return total, nil
}

func lengthOf(unit byte) time.Duration {
	switch unit {
	case 'W':
		return 7 * 24 * time.Hour
	case 'D':
		return 24 * time.Hour
	case 'H':
		return time.Hour
	case 'M':
		return time.Minute
	}
	return time.Second
}
