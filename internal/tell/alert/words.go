package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
)

// instant is a point in time as mails write it: to the minute, in UTC.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// away says how far an instant lies from now: "in 5 h", "2 d ago".
func away(t, now time.Time) string {
	d := t.Sub(now)
	switch {
	case d > -30*time.Second && d < 30*time.Second:
		return "now"
	case d < 0:
		return span(-d) + " ago"
	}
	return "in " + span(d)
}

// span is a length of time in the two units that matter: "3 d 4 h", "5 h",
// "1 h 20 min", "12 min".
func span(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	switch {
	case days >= 3 || days > 0 && hours == 0:
		return fmt.Sprintf("%d d", days)
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case hours >= 6 || hours > 0 && minutes == 0:
		return fmt.Sprintf("%d h", hours)
	case hours > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	}
	return fmt.Sprintf("%d min", max(minutes, 1))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// zoneText is a zone as people know it: ".example", ".xn--p1ai (рф)", and
// names below the top without the leading dot.
func zoneText(zone holdfast.Name, unicode holdfast.UName) string {
	text := clean(zone.Short(), maxLine)
	switch {
	case zone == holdfast.Root:
		return "the root zone"
	case zone.Labels() == 1:
		text = "." + text
	}
	if u := clean(string(unicode), 80); u != "" && u != zone.Short() {
		text += " (" + u + ")"
	}
	return text
}

// namesShown is how many zones a sentence names before it counts the rest.
const namesShown = 8

// zoneList names zones of an incident in a sentence.
func zoneList(i *holdfast.Incident, zones []holdfast.Name) string {
	return firstZones(i, zones, namesShown)
}

func firstZones(i *holdfast.Incident, zones []holdfast.Name, limit int) string {
	var words []string
	for _, zone := range zones[:min(len(zones), limit)] {
		var unicode holdfast.UName
		if m := memberOf(i, zone); m != nil {
			unicode = m.Unicode
		}
		words = append(words, zoneText(zone, unicode))
	}
	text := strings.Join(words, ", ")
	if more := len(zones) - limit; more > 0 {
		text += " and " + plural(more, "more zone")
	}
	return text
}

func serverText(s holdfast.Server) string {
	name := clean(s.Name.Short(), maxLine)
	if !s.Address.IsValid() {
		return name
	}
	return name + " (" + s.Address.String() + ")"
}

// severest is the worst severity of the members that are open, among zones.
func severest(i *holdfast.Incident, zones []holdfast.Name) holdfast.Severity {
	worst := holdfast.SeverityInfo
	for _, m := range i.Members {
		if m.State == holdfast.StateOpen && slices.Contains(zones, m.Zone) {
			worst = max(worst, m.Severity)
		}
	}
	return worst
}
