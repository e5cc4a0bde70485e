package notify

import (
	"bytes"
	"fmt"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/holdfastdns/holdfast"
)

// Calendar writes entries as a calendar (RFC 5545) that is offered and asks
// for no answer (RFC 5546 section 1.4, PUBLISH). It is the same each time that
// it is made of the same entries and instant.
func Calendar(entries []holdfast.CalendarEntry, made time.Time) ([]byte, error) {
	cal := ics.NewCalendarFor("Holdfast")
	cal.SetMethod(ics.MethodPublish)
	for _, e := range entries {
		event := cal.AddEvent(e.UID)
		event.SetDtStampTime(made)
		event.SetStartAt(e.At)
		if !e.Until.IsZero() {
			event.SetEndAt(e.Until)
		}
		event.SetSummary(oneLine(e.Summary))
		if e.Text != "" {
			event.SetDescription(e.Text)
		}
		if e.URL != "" {
			event.SetURL(e.URL)
		}
		event.SetSequence(e.Sequence)
		event.SetTimeTransparency(ics.TransparencyTransparent) // it keeps nobody busy
	}
	var out bytes.Buffer
	if err := cal.SerializeTo(&out, ics.WithNewLineWindows); err != nil {
		return nil, fmt.Errorf("write calendar: %w", err)
	}
	return out.Bytes(), nil
}
