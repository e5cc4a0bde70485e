package rehearsal

import (
	"fmt"
	"strings"
	"time"

	"github.com/holdfastdns/holdfast"
	"github.com/holdfastdns/holdfast/internal/lab"
)

// Print writes a play in its text format. What Parse has read is printed so
// that Parse reads the same again; comments are gone.
func Print(play holdfast.Play) string {
	var b strings.Builder
	line := func(verb, text string) {
		if text != "" {
			b.WriteString(verb + " " + text + "\n")
		}
	}
	line("play", play.Name)
	line("title", play.Title)
	if play.About != "" {
		for text := range strings.SplitSeq(play.About, "\n") {
			b.WriteString(strings.TrimRight("about "+text, " ") + "\n")
		}
	}
	line("clause", play.Clause)
	b.WriteString("timers")
	for _, t := range timerWords(&play.Timers) {
		b.WriteString(" " + t.word + " " + span(*t.into))
	}
	b.WriteString("\n\n")
	for _, k := range play.Keys {
		b.WriteString(printKey(k) + "\n")
	}
	for _, s := range play.Steps {
		b.WriteString("\n" + printStep(s) + "\n")
		if s.Text != "" {
			for text := range strings.SplitSeq(s.Text, "\n") {
				b.WriteString(strings.TrimRight("  text "+text, " ") + "\n")
			}
		}
		for _, act := range s.Acts {
			line("  act", strings.TrimSpace(string(act.Do)+" "+act.With))
		}
	}
	b.WriteString("\nend " + span(play.Length) + "\n")
	return b.String()
}

func printKey(k holdfast.PlayKey) string {
	role := "zsk"
	if k.KSK {
		role = "ksk"
	}
	out := fmt.Sprintf("key %s %s %s", k.Name, role, lab.AlgorithmName(k.Algorithm))
	if k.Bits != 0 {
		out += fmt.Sprintf(" %d", k.Bits)
	}
	if k.SameTag != "" {
		out += " same-tag " + k.SameTag
	}
	if k.Tag != 0 {
		out += fmt.Sprintf(" tag %d", k.Tag)
	}
	switch {
	case k.Digest:
		out += " anchor-ds"
	case k.Anchor:
		out += " anchor"
	}
	return out
}

func printStep(s holdfast.PlayStep) string {
	out := fmt.Sprintf("step %s at %s", s.Name, span(s.At))
	for _, list := range []struct {
		word  string
		names []string
	}{{"publish", s.Publish}, {"sign", s.Sign}, {"revoke", s.Revoke}, {"data", s.Data}} {
		if len(list.names) > 0 {
			out += " " + list.word + " " + strings.Join(list.names, ",")
		}
	}
	return out
}

// span writes a duration of whole seconds as the format reads it: 1d12h, 90s.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d == 0 {
		return "0s"
	}
	out := ""
	for _, unit := range []struct {
		size time.Duration
		mark string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / unit.size; n > 0 {
			out += fmt.Sprintf("%d%s", n, unit.mark)
			d -= n * unit.size
		}
	}
	return out
}
