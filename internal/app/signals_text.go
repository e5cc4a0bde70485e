package app

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/holdfastdns/holdfast"
)

// staleShown is how many stale sources are listed unless all are asked for.
const staleShown = 20

// writeSignals prints what sources signal, for people.
func writeSignals(out io.Writer, s signalsRead, all bool, p paint) error {
	var b strings.Builder
	for _, f := range s.Files {
		fmt.Fprintf(&b, "%s: %s, %s", f.File, f.Format, count(int(f.Questions), "question", "questions"))
		if f.Broken != "" {
			fmt.Fprintf(&b, "; it breaks off: %s", f.Broken)
		}
		b.WriteByte('\n')
	}
	if s.Count == 0 {
		fmt.Fprintf(&b, "No signal for the keys of %s (RFC 8145).\n", s.Zone)
		_, err := io.WriteString(out, b.String())
		return err
	}
	sources := 0
	for _, n := range s.Classes {
		sources += n
	}
	fmt.Fprintf(&b, "%s: %s of %s, %s to %s\n", p.bold("keys of "+s.Zone.String()), count(int(s.Count), "signal", "signals"), count(sources, "source", "sources"), s.From.Format(time.DateOnly), s.Until.Format(time.DateOnly))
	fmt.Fprintf(&b, "  new: %s; old: %s; revoked: %s\n\n", tagsWords(s.Roles.New), tagsWords(s.Roles.Old), tagsWords(s.Roles.Ancient))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  TRUSTS\tSOURCES\tSHARE\tWHICH MEANS")
	for _, class := range holdfast.SignalClasses() {
		if n := s.Classes[class]; n > 0 || class == holdfast.SignalOld {
			fmt.Fprintf(table, "  %s\t%d\t%.1f %%\t%s\n", class, n, 100*float64(n)/float64(sources), classMeaning(class))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if err := writeStale(&b, s.Stale, all); err != nil {
		return err
	}
	if s.Lost > 0 {
		fmt.Fprintf(&b, "\n%d signals came when there was no more room, and are not counted.\n", s.Lost)
	}
	b.WriteString("\n" + p.dim("A source is an address, no user: many resolvers share one, and few users may stand behind many. Anybody can send a signal.") + "\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func classMeaning(c holdfast.SignalClass) string {
	switch c {
	case holdfast.SignalNew:
		return "has followed"
	case holdfast.SignalBoth:
		return "will follow"
	case holdfast.SignalOld:
		return "fails when the old key signs no more"
	case holdfast.SignalAncient:
		return "fails already, or does not validate at all"
	}
	return "keys that were never this zone's: tests, other roots, garbage"
}

func writeStale(b *strings.Builder, stale []holdfast.SignalSource, all bool) error {
	if len(stale) == 0 {
		b.WriteString("\nNo source is stale.\n")
		return nil
	}
	fmt.Fprintf(b, "\n%s, those that signal most first:\n", count(len(stale), "stale source", "stale sources"))
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  ADDRESS\tTRUSTS\tKEYS\tSIGNALS\tFIRST\tLAST\tNOISE")
	for i, s := range stale {
		if i == staleShown && !all {
			break
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%d\t%s\t%s\t%s\n", s.Address, s.Class, tagsWords(s.Spans[len(s.Spans)-1].Tags), s.Count, s.First.Format(time.DateOnly), s.Last.Format(time.DateOnly), noiseWords(s.Noise))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(stale) > staleShown && !all {
		fmt.Fprintf(b, "  and %d more; --all lists them\n", len(stale)-staleShown)
	}
	return nil
}

func noiseWords(noise []holdfast.SignalNoise) string {
	if len(noise) == 0 {
		return "-"
	}
	words := make([]string, len(noise))
	for i, n := range noise {
		switch n {
		case holdfast.NoiseOnce:
			words[i] = "one signal only"
		case holdfast.NoiseSeveral:
			words[i] = "several resolvers at one address"
		case holdfast.NoiseBack:
			words[i] = "went back to the old key: begins anew at each start?"
		}
	}
	return strings.Join(words, "; ")
}
